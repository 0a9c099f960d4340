"""Opens MongoDB and translates the driver's errors. Used by the writer (`store`) and the reader (`queries`)."""

import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, PyMongoError

from analytics_service.errors import StoreUnavailable, Unstorable
from analytics_service.read_side.documents import Document
from common.errors import SettingsRefused

WRITE_TIMEOUT = timedelta(seconds=10)
"""A batch that takes longer counts as not written, and is written again."""
READ_TIMEOUT = timedelta(seconds=2)
"""A client waits for a read: a 503 after 2 s is better than an answer after 30."""

CONTENT_ERRORS = frozenset({2, 9, 14, 22, 121, 10334, 17280, 17419})
"""MongoDB's codes for a write that fails again however often it is repeated: BadValue, FailedToParse, TypeMismatch,
InvalidBSON, DocumentValidationFailure, BSONObjectTooLarge, KeyTooLong, and a document that grew too large."""

Database = AsyncDatabase[Document]


@asynccontextmanager
async def open_database(url: str, name: str, *, answer_within: timedelta = WRITE_TIMEOUT) -> AsyncIterator[Database]:
    """Open a database. Nothing is sent yet: the first call shows whether MongoDB can be reached.

    Raises:
        SettingsRefused: the driver cannot read the URL.
    """
    client = _client(url, answer_within)
    try:
        yield client[name]
    finally:
        await client.close()


def _client(url: str, answer_within: timedelta) -> AsyncMongoClient[Document]:
    milliseconds = int(answer_within.total_seconds() * 1000)
    try:
        with warnings.catch_warnings():
            # The driver only warns of an option it does not know or ignores. A misspelt `tls=true` would go unnoticed.
            warnings.simplefilter("error", UserWarning)
            # Without `tz_aware` the driver returns times that cannot be compared with ours.
            return AsyncMongoClient(url, tz_aware=True, timeoutMS=milliseconds)
    except (PyMongoError, ValueError, OSError, UserWarning) as error:
        # The driver's text quotes the URL, which may hold a password. So neither it nor the cause is kept.
        raise SettingsRefused([_url_refused(type(error).__name__)]) from None


def _url_refused(fault: str) -> str:
    wanted = "Use mongodb://…, with user and password percent-encoded and only options that the driver knows."
    return f"MONGODB_URL is not a URL that the driver takes ({fault}; the value is not shown). {wanted}"


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's errors into ours: repeatable ones, and those that never succeed.

    Raises:
        Unstorable: MongoDB cannot hold the content, so a retry fails the same way.
        StoreUnavailable: a retry may succeed.
    """
    try:
        yield
    # Before PyMongoError, its base class. One change that can never be stored makes the whole batch fail again.
    except BulkWriteError as error:
        codes = {fault["code"] for fault in error.details.get("writeErrors", ())}
        raise (Unstorable(error) if codes & CONTENT_ERRORS else StoreUnavailable(error)) from error
    except PyMongoError as error:
        raise StoreUnavailable(error) from error
    except (BSONError, OverflowError, UnicodeEncodeError) as error:
        raise Unstorable(error) from error
