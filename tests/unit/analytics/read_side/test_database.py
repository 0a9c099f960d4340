"""How MongoDB's URL is checked, and how the driver's errors are translated."""

import logging
import traceback
import warnings

import pytest
from bson.errors import InvalidDocument
from pymongo.errors import BulkWriteError, DocumentTooLarge, NetworkTimeout, OperationFailure

from analytics_service.errors import StoreUnavailable, Unstorable
from analytics_service.read_side.database import open_database, translated_errors
from common.errors import SettingsRefused

BAD_URLS = [
    "mongodb://user:" + "hunter/2@host:27017/x",
    "mongodb://user:" + "hunter@2@host",
    "mongodb://user:" + "hunter%zz2@host",
    "mongodb://user:" + "hunter:2@host",
    "mongodb://user:" + "hunter?2=1@host",
    "mongodb://user:" + "x@host/?hunter2=1",
    "mongodb://user:" + "x@host/?tls=hunter2",
    "mongodb://user:" + "x@host/?tlsCAFile=/hunter2",
    "mongodb://user:" + "hunter2@host:99999",
    "mongo://user:" + "hunter2@host",
    "mongodb://",
]


@pytest.mark.parametrize("url", BAD_URLS)
async def test_open_database_refuses_bad_url_without_showing_it(
    url: str, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with pytest.raises(SettingsRefused, match="MONGODB_URL") as refused:
            async with open_database(url, "postbus"):
                pass
    # All that `process_failed` could show: the error, its cause, and what was being handled.
    shown = "".join(traceback.format_exception(refused.value)).partition("SettingsRefused:")[2]
    assert "hunter" not in shown + str(refused.value) + caplog.text + "".join(str(each.message) for each in recwarn)
    assert (refused.value.__cause__, refused.value.__suppress_context__) == (None, True)


async def test_open_database_takes_usual_url() -> None:
    async with open_database("mongodb://user:" + "hunter%2F2@host:27017/?tls=true&w=majority", "postbus") as database:
        assert database.name == "postbus"


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (OverflowError("MongoDB can only handle up to 8-byte ints"), Unstorable),
        (InvalidDocument("cannot encode"), Unstorable),
        (DocumentTooLarge("too large"), Unstorable),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), Unstorable),
        (BulkWriteError({"writeErrors": [{"code": 17280}]}), Unstorable),
        (BulkWriteError({"writeErrors": [{"code": 11000}, {"code": 2}]}), Unstorable),
        (BulkWriteError({"writeErrors": [{"code": 11000}]}), StoreUnavailable),
        (BulkWriteError({"writeConcernErrors": [{"code": 64}]}), StoreUnavailable),
        (NetworkTimeout("secret"), StoreUnavailable),
        (OperationFailure("not primary", 10107), StoreUnavailable),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else part.__name__,
)
def test_driver_errors_become_unstorable_or_unavailable(error: Exception, meaning: type[Exception]) -> None:
    with pytest.raises(meaning, match=type(error).__name__) as raised, translated_errors():
        raise error
    assert raised.value.__cause__ is error
