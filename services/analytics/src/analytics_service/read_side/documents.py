"""What an event changes in the store, as updates that may be repeated and reordered without changing the outcome. Pure.

Every update is a `$max`, or sets what never differs, so replays and two writers at once do no harm.
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
"""What MongoDB takes and gives: types stop here, at the wire."""


class Collection(StrEnum):
    """The store's collections."""

    POSTS = "posts"
    ACCOUNTS = "accounts"
    EVENTS = "events"
    METRICS = "metrics"
    POSITIONS = "positions"
    FRESHNESS = "freshness"


class PostState(StrEnum):
    """Where a post stands, by the event that says so."""

    ACCEPTED = "accepted"
    DELAYED = "delayed"
    UPLOADED = "uploaded"
    UNRESOLVED = "unresolved"
    RETURNED = "returned"
    PUBLISHED = "published"
    AVAILABLE = "available"
    FAILED = "failed"


STATES: Mapping[type[PostEvent], PostState] = {
    PostAccepted: PostState.ACCEPTED,
    PostDelayed: PostState.DELAYED,
    PostUploaded: PostState.UPLOADED,
    PostUnresolved: PostState.UNRESOLVED,
    PostReturned: PostState.RETURNED,
    PostPublished: PostState.PUBLISHED,
    PostAvailable: PostState.AVAILABLE,
    PostFailed: PostState.FAILED,
}
"""Progress is a sample and a conflicting request leaves the first one standing: they change no state."""

FIRST_REVISION = 1
"""Of the event a post begins with. An id that is used again, long after, begins again with it."""

FARTHEST_BACK = datetime.min.replace(tzinfo=UTC)
FARTHEST_AHEAD = datetime.max.replace(tzinfo=UTC)
_PERSONAL = frozenset({"display_name", "username", "avatar_url"})
_NEWEST = ("started", "latest", "progress", "available")
_NOT_DETAILS = frozenset({"account_id", "post_id", "tenant", "revision", "at"}) | _PERSONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsert:
    """One update of one document, which is made if it is not there."""

    collection: Collection
    id: str
    update: Document


def upserts_of(record: Record) -> tuple[Upsert, ...]:
    """Say what a record of our own changes in the store.

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


def post_name(account_id: str, tenant: str, post_id: str) -> str:
    """Name a post in the store; its id alone is unique only within its account and its tenant."""
    return f"{account_id}/{tenant}/{post_id}"


def named_in_full(document: Document) -> Upsert | None:
    """Rewrite a post of which account and id alone were the name; None where it does not say whose it is."""
    tenant = document.get("latest", {}).get("tenant")
    if tenant is None:
        return None
    account_id, post_id = document["account_id"], document["post_id"]
    constant = {"account_id": account_id, "post_id": post_id, "tenant": tenant, "partition": document["partition"]}
    newest = {name: document[name] for name in _NEWEST if name in document}
    update = {"$set": constant, "$max": newest}
    return Upsert(collection=Collection.POSTS, id=post_name(account_id, tenant, post_id), update=update)


def storable(moment: datetime) -> datetime:
    """Bring a moment to UTC. One that leaves the calendar there becomes the calendar's nearest end."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return FARTHEST_AHEAD if moment.year == MAXYEAR else FARTHEST_BACK


def _event(record: Record, body: AccountBody) -> Upsert:
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
    id_ = f"{record.topic_partition.topic}/{record.topic_partition.partition}/{record.offset}"
    return Upsert(collection=Collection.EVENTS, id=id_, update={"$set": document})


def _post(record: Record, body: PostEvent) -> Upsert:
    # MongoDB compares documents field by field in their order, so the newest event wins. It is known by its offset and
    # not by its revision: an account's events lie in one partition, and a post id that is used again counts from 1.
    newest: dict[str, Document] = {}
    order = {"offset": record.offset}
    at = storable(body.at)
    if (state := STATES.get(type(body))) is not None:
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
    return Upsert(collection=Collection.POSTS, id=post_name(body.account_id, body.tenant, body.post_id), update=update)


def _account(record: Record, body: AccountBody) -> Upsert:
    latest = {"offset": record.offset, "type": body.ce_type, "at": _at(body), "details": _details(body)}
    return Upsert(collection=Collection.ACCOUNTS, id=body.account_id, update={"$max": {"latest": latest}})


def _metrics(body: MetricsCollected) -> Upsert:
    # No tenant is in it: a video is one post's.
    id_ = f"{body.account_id}/{body.post_id}/{body.video_id}/{body.at.isoformat()}"
    document = {**_builtins(body), "share_url": body.share_url}
    return Upsert(collection=Collection.METRICS, id=id_, update={"$set": document})


def _at(body: Body) -> datetime | None:
    at = getattr(body, "at", None)
    return storable(at) if isinstance(at, datetime) else None


def _details(body: Body) -> Document:
    return {name: value for name, value in _builtins(body).items() if name not in _NOT_DETAILS}


def _builtins(body: Body) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(body, builtin_types=(datetime,))
    return {name: storable(value) if isinstance(value, datetime) else value for name, value in document.items()}
