"""The updates that each event makes, without a database."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from analytics_service.errors import UnreadableRecord
from analytics_service.read_side.documents import (
    MAX_DATETIME,
    MIN_DATETIME,
    STATE_BY_EVENT,
    Collection,
    Upsert,
    clamp_to_utc,
    upserts_of,
)
from builders.post_history import STORY, T0, records_of
from common.contract.post import PostAccepted, PostAvailable, PostEvent, PostProgressed, PostUploaded


def updates_of(kind: type[PostEvent]) -> dict[Collection, Upsert]:
    bodies = [body for body in STORY if isinstance(body, kind)]
    return {upsert.collection: upsert for upsert in upserts_of(records_of(bodies)[-1])}


def newest(kind: type[PostEvent]) -> dict[str, Any]:
    found: dict[str, Any] = updates_of(kind)[Collection.POSTS].update.get("$max", {})
    return found


def test_first_event_starts_post_and_sets_its_state() -> None:
    assert newest(PostAccepted).keys() == {"latest", "started"}
    assert newest(PostAccepted)["latest"]["state"] == STATE_BY_EVENT[PostAccepted]


def test_progress_changes_no_state() -> None:
    assert newest(PostProgressed).keys() == {"progress"}
    assert newest(PostUploaded)["progress"]["bytes_sent"] == newest(PostUploaded)["progress"]["bytes_total"]


def test_available_sets_video_ids() -> None:
    assert newest(PostAvailable)["available"]["video_ids"]


def test_offset_comes_first_in_every_compared_document() -> None:
    for record in records_of(STORY):
        for upsert in upserts_of(record):
            assert all(next(iter(document)) == "offset" for document in upsert.update.get("$max", {}).values())


def test_post_document_id_names_account_tenant_and_post() -> None:
    assert updates_of(PostAccepted)[Collection.POSTS].id == "acc_1/shop/post-1"


def test_record_that_is_no_event_is_unreadable() -> None:
    record = records_of(STORY)[0]._replace(value=b"{")
    with pytest.raises(UnreadableRecord, match="Deploy a version"):
        upserts_of(record)


def test_clamp_to_utc_limits_to_the_calendar() -> None:
    assert clamp_to_utc(T0.astimezone(timezone(timedelta(hours=2)))) == T0
    assert clamp_to_utc(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))) == MAX_DATETIME
    assert clamp_to_utc(datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))) == MIN_DATETIME
    assert clamp_to_utc(T0).tzinfo is UTC
