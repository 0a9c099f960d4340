"""Two versions of one event: both are read, the older one is upgraded, and an unknown one is refused by name."""

from typing import Any, ClassVar

import msgspec
import pytest

from common.contract.body import PostBody
from common.contract.codec import Envelope, MalformedEvent, UnknownEvent, UnknownVersion, decode, encode
from common.contract.registry import Event, Registry
from common.contract.topics import POST_EVENTS, Topic

TOPIC = POST_EVENTS.name
WRITERS = ("uploader",)


class ThumbnailMadeV1(PostBody, frozen=True, kw_only=True, omit_defaults=True):
    """As it was released first: one width."""

    ce_type: ClassVar[str] = "post.thumbnail_made"
    topic: ClassVar[Topic] = POST_EVENTS

    width: int


class ThumbnailMadeV2(PostBody, frozen=True, kw_only=True, omit_defaults=True):
    """Then a height was needed too."""

    ce_type: ClassVar[str] = "post.thumbnail_made"
    topic: ClassVar[Topic] = POST_EVENTS
    schema_version: ClassVar[int] = 2

    width: int
    height: int


class ThumbnailMade(PostBody, frozen=True, kw_only=True, omit_defaults=True):
    """Today: several sizes."""

    ce_type: ClassVar[str] = "post.thumbnail_made"
    topic: ClassVar[Topic] = POST_EVENTS
    schema_version: ClassVar[int] = 3

    sizes: tuple[tuple[int, int], ...]


def from_v1(old: ThumbnailMadeV1) -> ThumbnailMadeV2:
    return ThumbnailMadeV2(account_id=old.account_id, post_id=old.post_id, width=old.width, height=old.width)


def from_v2(old: ThumbnailMadeV2) -> ThumbnailMade:
    return ThumbnailMade(account_id=old.account_id, post_id=old.post_id, sizes=((old.width, old.height),))


V1 = Event(body=ThumbnailMadeV1, writers=WRITERS, upgrade=from_v1)
V2 = Event(body=ThumbnailMadeV2, writers=WRITERS, upgrade=from_v2)
V3 = Event(body=ThumbnailMade, writers=WRITERS)
REGISTRY = Registry([V1, V2, V3], bare_types={TOPIC: "post.thumbnail_made"})

OLDEST = ThumbnailMadeV1(account_id="acc", post_id="p", width=10)
OLDER = ThumbnailMadeV2(account_id="acc", post_id="p", width=10, height=20)
NEWEST = ThumbnailMade(account_id="acc", post_id="p", sizes=((10, 20), (30, 40)))


def written(body: PostBody) -> tuple[bytes, list[tuple[str, bytes]]]:
    return encode(Envelope(id="1", source="uploader", time=None, traceparent=None, body=body))


def read(value: bytes, headers: list[tuple[str, bytes]], registry: Registry = REGISTRY) -> Any:
    return decode(topic=TOPIC, value=value, headers=headers, registry=registry).body


def test_newest_version_is_read_as_written() -> None:
    assert read(*written(NEWEST)) == NEWEST


def test_older_versions_are_read_as_the_newest() -> None:
    assert read(*written(OLDER)) == ThumbnailMade(account_id="acc", post_id="p", sizes=((10, 20),))
    assert read(*written(OLDEST)) == ThumbnailMade(account_id="acc", post_id="p", sizes=((10, 10),))


def test_only_later_versions_name_themselves() -> None:
    assert "ce_dataschema" not in dict(written(OLDEST)[1])
    assert dict(written(OLDER)[1])["ce_dataschema"] == b"urn:postbus:event:post.thumbnail_made:2"


def test_record_without_headers_is_version_1() -> None:
    assert read(msgspec.json.encode(OLDEST), []) == read(*written(OLDEST))


def test_version_1_may_be_named() -> None:
    value, headers = written(OLDEST)
    named = [*headers, ("ce_dataschema", ThumbnailMadeV1.schema_id().encode())]
    assert read(value, named) == read(value, headers)


@pytest.mark.parametrize("dataschema", ["urn:postbus:event:post.thumbnail_made:4", "2", "https://shop.example/schema"])
def test_unknown_version_is_refused_with_the_known_ones(dataschema: str) -> None:
    value, headers = written(NEWEST)
    tomorrow = [(name, dataschema.encode() if name == "ce_dataschema" else text) for name, text in headers]
    with pytest.raises(UnknownVersion) as refused:
        read(value, tomorrow)
    for part in (dataschema, "post.thumbnail_made", "1, 2, 3"):
        assert part in str(refused.value)


def test_older_reader_refuses_a_newer_version() -> None:
    yesterday = Registry([Event(body=ThumbnailMadeV1, writers=WRITERS)], bare_types={})
    with pytest.raises(UnknownVersion, match="known versions: 1"):
        read(*written(OLDER), yesterday)


def test_body_of_another_version_is_malformed() -> None:
    _, headers = written(NEWEST)
    with pytest.raises(MalformedEvent, match="sizes"):
        read(msgspec.json.encode(OLDEST), headers)


def test_unknown_type_is_not_called_a_version() -> None:
    with pytest.raises(UnknownEvent):
        read(b"{}", [("ce_type", b"post.gone"), ("ce_dataschema", b"urn:postbus:event:post.gone:2")])


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([V1, V1, V2, V3], "List each once"),
        ([V2, V3], "from 1 upwards"),
        ([V1, V3], "from 1 upwards"),
        ([V3, V2, V1], "from 1 upwards"),
        ([V1, V2], "ThumbnailMadeV2"),
        ([Event(body=ThumbnailMadeV1, writers=WRITERS), V2, V3], "ThumbnailMadeV1"),
    ],
)
def test_registry_refuses_a_table_that_cannot_work(events: list[Event], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Registry(events, bare_types={})
