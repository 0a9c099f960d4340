"""Which webhooks a publication causes, and when."""

import pytest

from tiktok_sandbox.model.chunk_plan import ChunkPlan
from tiktok_sandbox.model.publication_updates import (
    taken_down,
    with_draft_posted,
    with_failure,
    with_post,
    with_privacy_level,
    with_processing,
)
from tiktok_sandbox.model.publications import PUBLIC, File, Mode, PostInfo, Publication
from tiktok_sandbox.model.settings import Delays
from tiktok_sandbox.model.webhook_schedule import scheduled_webhooks

ID = "v_pub_file~v2-1.1"


def publication(level: str = PUBLIC, mode: Mode = Mode.DIRECT_POST, **others: object) -> Publication:
    return Publication(
        publish_id=ID,
        post_id=7,
        open_id="-000",
        mode=mode,
        post_info=PostInfo(privacy_level=level),
        plan=ChunkPlan(size=5, chunk_size=5, count=1),
        delays=Delays(processing=10, public=100),
        inited_at=0.0,
        **others,  # type: ignore[arg-type]  # fields by name
    )


def events_of(of: Publication) -> list[tuple[float, str]]:
    return [(each.due_at, each.event.removeprefix("post.publish.")) for each in scheduled_webhooks(of)]


FILE = (File(sha256="a hash", size=5),)


def test_unfinished_upload_has_no_webhooks() -> None:
    assert events_of(publication()) == []


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (PUBLIC, [(11, "complete"), (111, "publicly_available")]),
        ("SELF_ONLY", [(11, "complete")]),
    ],
)
def test_direct_post_has_its_webhooks(level: str, expected: list[tuple[float, str]]) -> None:
    assert events_of(with_processing(publication(level), FILE, "", 1.0)) == expected


def test_failed_post_has_a_webhook_with_the_reason() -> None:
    [failed] = scheduled_webhooks(with_processing(publication(), FILE, "spam_risk", 1.0))

    assert (failed.due_at, failed.event) == (11, "post.publish.failed")
    assert dict(failed.content) == {"publish_id": ID, "reason": "spam_risk", "publish_type": "DIRECT_PUBLISH"}


def test_draft_is_delivered_once_and_complete_for_each_post() -> None:
    draft = with_processing(publication(mode=Mode.MEDIA_UPLOAD), FILE, "", 1.0)
    posted = with_draft_posted(with_draft_posted(draft, 7, "SELF_ONLY", 20.0), 8, PUBLIC, 30.0)

    assert events_of(draft) == [(11, "inbox_delivered")]
    assert events_of(posted) == [
        (11, "inbox_delivered"),
        (20, "complete"),
        (30, "complete"),
        (130, "publicly_available"),
    ]
    assert {dict(each.content)["publish_type"] for each in scheduled_webhooks(posted)} == {"INBOX_SHARE"}
    assert dict(scheduled_webhooks(posted)[-1].content)["post_id"] == "8"


def test_failure_cancels_later_webhooks() -> None:
    draft = with_processing(publication(mode=Mode.MEDIA_UPLOAD), FILE, "", 1.0)

    assert events_of(with_failure(draft, "internal", 5.0)) == [(5, "failed")]
    assert events_of(with_failure(draft, "internal", 15.0)) == [(11, "inbox_delivered"), (15, "failed")]


def test_each_change_of_visibility_has_a_webhook() -> None:
    shown = with_processing(publication(), FILE, "", 1.0)
    [post] = shown.posts
    for now, level in ((200.0, "SELF_ONLY"), (300.0, PUBLIC)):
        post = with_privacy_level(post, level, shown.delays, now)
    post = taken_down(post, 400.0)

    assert events_of(with_post(shown, post)) == [
        (11, "complete"),
        (111, "publicly_available"),
        (200, "no_longer_publicaly_available"),
        (300, "publicly_available"),
        (400, "no_longer_publicaly_available"),
    ]


def test_post_hidden_before_moderation_was_never_public() -> None:
    waiting = with_processing(publication(), FILE, "", 1.0)
    hidden = with_privacy_level(waiting.posts[0], "SELF_ONLY", waiting.delays, 50.0)
    again = with_privacy_level(hidden, PUBLIC, waiting.delays, 60.0)

    assert events_of(with_post(waiting, hidden)) == [(11, "complete")]
    assert events_of(with_post(waiting, again)) == [(11, "complete"), (160, "publicly_available")]


def test_abandoned_transfer_has_a_webhook_at_its_deadline() -> None:
    assert events_of(publication(deadline=3_600.0, abandoned_reason="internal")) == [(3_600, "failed")]
