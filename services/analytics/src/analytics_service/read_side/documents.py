"""The shape of the read side's documents, and the updates that each event makes of them. Pure.

An update may be repeated and reordered without changing the result. Every one is a `$max`, or sets a value that never
differs. The projector may therefore write a batch again after a crash, and two projectors may write at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from analytics_service.errors import UnreadableRecord
from common.contract.body import AccountBody, Body
from common.contract.codec import EventError, decode
from common.contract.metrics import MetricsCollected
from common.contract.post import (
    PostAccepted,
    PostAvailable,
    PostDelayed,
    PostEvent,
    PostFailed,
    PostProgressed,
    PostPublished,
    PostReturned,
    PostUnresolved,
    PostUploaded,
)
from common.streams import Record

Document = Mapping[str, Any]
"""A document as MongoDB stores it. Static types end here."""


class Collection(StrEnum):
    """The store's collections."""

    POSTS = "posts"
    ACCOUNTS = "accounts"
    EVENTS = "events"
    METRICS = "metrics"
    POSITIONS = "positions"
    WATERMARKS = "watermarks"


class PostState(StrEnum):
    """The state of a post, by the newest event that changes it."""

    ACCEPTED = "accepted"
    DELAYED = "delayed"
    UPLOADED = "uploaded"
    UNRESOLVED = "unresolved"
    RETURNED = "returned"
    PUBLISHED = "published"
    AVAILABLE = "available"
    FAILED = "failed"


STATE_BY_EVENT: Mapping[type[PostEvent], PostState] = {
    PostAccepted: PostState.ACCEPTED,
    PostDelayed: PostState.DELAYED,
    PostUploaded: PostState.UPLOADED,
    PostUnresolved: PostState.UNRESOLVED,
    PostReturned: PostState.RETURNED,
    PostPublished: PostState.PUBLISHED,
    PostAvailable: PostState.AVAILABLE,
    PostFailed: PostState.FAILED,
}
"""Events that are missing here change no state: progress is a sample, and a conflicting request changes nothing."""

FIRST_REVISION = 1
"""The revision of a post's first event. A post id that is used again, long after, starts with it again."""

MIN_DATETIME = datetime.min.replace(tzinfo=UTC)
MAX_DATETIME = datetime.max.replace(tzinfo=UTC)
# Never copied from account events, so the read side holds no names or pictures that would have to be deleted.
_PERSONAL = frozenset({"display_name", "username", "avatar_url"})
_NOT_DETAILS = frozenset({"account_id", "post_id", "tenant", "revision", "at"}) | _PERSONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsert:
    """One update of one document. A missing document is created."""

    collection: Collection
    id: str
    update: Document


def upserts_of(record: Record) -> tuple[Upsert, ...]:
    """Return what a record of our own changes in the store.

    Raises:
        UnreadableRecord: it is not an event of the contract.
    """
    body = _read(record)
    if isinstance(body, MetricsCollected):
        return (_metrics(body),)
    event = _event(record, body)
    if isinstance(body, PostEvent):
        return (event, _post(record, body))
    return (event, _account(record, body))


def _read(record: Record) -> AccountBody:
    try:
        body = decode(topic=record.topic_partition.topic, value=record.value or b"", headers=record.headers).body
    except EventError as error:
        raise UnreadableRecord(record) from error
    if not isinstance(body, AccountBody):
        raise UnreadableRecord(record)
    return body


def post_document_id(account_id: str, tenant: str, post_id: str) -> str:
    """Return the `_id` of a post. The post id alone is unique only within its account and tenant."""
    return f"{account_id}/{tenant}/{post_id}"


def clamp_to_utc(moment: datetime) -> datetime:
    """Return a moment in UTC, limited to the years 1 to 9999 that MongoDB's driver can return."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return MAX_DATETIME if moment.year == MAXYEAR else MIN_DATETIME


def _event(record: Record, body: AccountBody) -> Upsert:
    """Make the document of an event, for the timeline.

    It is written once and never changes.
    """
    document = {
        "account_id": body.account_id,
        "post_id": body.post_id if isinstance(body, PostEvent) else None,
        "tenant": body.tenant if isinstance(body, PostEvent) else None,
        "type": body.ce_type,
        "at": _at(body),
        "revision": body.revision if isinstance(body, PostEvent) else None,
        "offset": record.offset,
        "details": _details(body),
    }
    # Where the record is, is its id: projected again, it replaces itself.
    id_ = f"{record.topic_partition.topic}/{record.topic_partition.partition}/{record.offset}"
    return Upsert(collection=Collection.EVENTS, id=id_, update={"$set": document})


def _post(record: Record, body: PostEvent) -> Upsert:
    # `$max` keeps the newest event: MongoDB compares documents field by field, and `offset` is their first field. The
    # offset decides and not the revision, because a post id that is used again counts its revisions from 1. Offsets
    # are in order, because an account's events lie in one partition.
    newest: dict[str, Document] = {}
    order = {"offset": record.offset}
    at = clamp_to_utc(body.at)
    if (state := STATE_BY_EVENT.get(type(body))) is not None:
        newest["latest"] = {**order, "at": at, "state": state.value, "details": _details(body)}
        if body.revision == FIRST_REVISION:
            newest["started"] = {**order, "at": at}
    if isinstance(body, PostProgressed):
        newest["progress"] = {**order, "bytes_sent": body.bytes_sent, "bytes_total": body.bytes_total}
    if isinstance(body, PostUploaded):
        newest["progress"] = {**order, "bytes_sent": body.bytes_total, "bytes_total": body.bytes_total}
    if isinstance(body, PostAvailable):
        newest["available"] = {**order, "video_ids": list(body.video_ids)}
    constant = {"account_id": body.account_id, "post_id": body.post_id, "tenant": body.tenant}
    update: dict[str, Document] = {"$set": {**constant, "partition": record.topic_partition.partition}}
    if newest:
        update["$max"] = newest
    return Upsert(
        collection=Collection.POSTS, id=post_document_id(body.account_id, body.tenant, body.post_id), update=update
    )


def _account(record: Record, body: AccountBody) -> Upsert:
    latest = {"offset": record.offset, "type": body.ce_type, "at": _at(body), "details": _details(body)}
    return Upsert(collection=Collection.ACCOUNTS, id=body.account_id, update={"$max": {"latest": latest}})


def _metrics(body: MetricsCollected) -> Upsert:
    # The tenant need not be in it, because a video belongs to one post.
    id_ = f"{body.account_id}/{body.post_id}/{body.video_id}/{body.at.isoformat()}"
    document = {**_builtins(body), "share_url": body.share_url}
    return Upsert(collection=Collection.METRICS, id=id_, update={"$set": document})


def _at(body: Body) -> datetime | None:
    at = getattr(body, "at", None)
    return clamp_to_utc(at) if isinstance(at, datetime) else None


def _details(body: Body) -> Document:
    """Return the fields of an event that have no place of their own.

    Personal data is left out.
    """
    return {name: value for name, value in _builtins(body).items() if name not in _NOT_DETAILS}


def _builtins(body: Body) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(body, builtin_types=(datetime,))
    return {name: clamp_to_utc(value) if isinstance(value, datetime) else value for name, value in document.items()}
