"""Who may post: the day shared by all apps, active creators of an app, and in which order refusals come."""

import pytest

from harness.sandbox_client import SMALL, Meet, Visitor, error_code
from tiktok_sandbox.model.settings import AbandonedUpload, App, Profile, Settings
from tiktok_sandbox.runtime.clock import Clock

ALL = "video.publish,video.upload"
HOUR = 3_600


async def test_other_apps_use_up_the_day_too(meet: Meet) -> None:
    busy = Profile(username="busy", daily_post_cap=3, posted_elsewhere=2)
    visitor = await (await meet(Settings(chunk_limits=SMALL, creators=(busy,)))).connect("busy")
    before = await visitor.creator_info()
    await visitor.posted(b"bytes")

    info, init = await visitor.creator_info(), await visitor.init(5)

    assert error_code(before) == "ok"
    assert (info.status_code, error_code(info)) == (200, "spam_risk_too_many_posts")
    assert (init.status_code, error_code(init)) == (403, "spam_risk_too_many_posts")


async def test_the_day_is_a_window_that_moves(meet: Meet, clock: Clock) -> None:
    settings = Settings(chunk_limits=SMALL, creators=(Profile(username="busy", daily_post_cap=2),))
    visitor = await (await meet(settings)).connect("busy")
    await visitor.posted(b"bytes")
    clock.advance(20 * HOUR)
    await (await visitor.connect("busy")).posted(b"bytes")
    full = await visitor.init(5)
    clock.advance(4 * HOUR)

    free = await (await visitor.connect("busy")).init(5)

    assert (full.status_code, free.status_code) == (403, 200)


async def test_failed_posts_and_drafts_do_not_count(meet: Meet, clock: Clock) -> None:
    settings = Settings(chunk_limits=SMALL, creators=(Profile(username="busy", daily_post_cap=1),))
    visitor = await (await meet(settings)).connect("busy", scope=ALL)
    await visitor.rule(endpoint="processing", action="error", code="duration_check_failed")
    await visitor.posted(b"bytes")
    source = {"source": "FILE_UPLOAD", "video_size": 5, "chunk_size": 5, "total_chunk_count": 1}
    draft = await visitor.call("/v2/post/publish/inbox/video/init/", {"source_info": source})
    await visitor.put(draft.json()["data"]["upload_url"], b"bytes", 0, 5)
    clock.advance(10)

    assert (await visitor.init(5)).status_code == 200


@pytest.mark.parametrize(
    ("app", "cap"),
    [(App(active_creator_cap=2), 2), (App(audited=False), 5), (App(audited=False, active_creator_cap=1), 1)],
)
async def test_so_many_creators_are_active_in_a_day(meet: Meet, clock: Clock, app: App, cap: int) -> None:
    people = tuple(Profile(username=f"person-{number}", private_account=True) for number in range(cap + 1))
    visitor = await meet(Settings(app=app, chunk_limits=SMALL, creators=people))
    for person in people[:cap]:
        await (await visitor.connect(person.username)).posted(b"bytes", level="SELF_ONLY")
    known = await visitor.init(5, level="SELF_ONLY")
    await visitor.connect(people[cap].username)
    info, init = await visitor.creator_info(), await visitor.init(5, level="SELF_ONLY")
    clock.advance(24 * HOUR)

    next_day = await (await visitor.connect(people[cap].username)).init(5, level="SELF_ONLY")

    assert known.status_code == 200
    assert (info.status_code, error_code(info)) == (200, "reached_active_user_cap")
    assert (init.status_code, error_code(init)) == (403, "reached_active_user_cap")
    assert next_day.status_code == 200


async def test_an_audited_app_has_as_many_creators_as_it_likes(meet: Meet) -> None:
    visitor = await meet(Settings(chunk_limits=SMALL))

    statuses = [(await (await visitor.connect(f"person-{number}")).init(5)).status_code for number in range(12)]

    assert statuses == [200] * 12


async def test_refusals_come_in_their_order(meet: Meet) -> None:
    """Each step takes away what was refused before, and the next refusal shows."""
    settings = Settings(app=App(audited=False), chunk_limits=SMALL)
    visitor = await (await meet(settings)).connect("person")

    async def after(**profile: object) -> str:
        await visitor.http.post("/_sandbox/creators", json={"username": "person", **profile})
        return error_code(await visitor.init(5, level="PUBLIC_TO_EVERYONE" if profile else "SELF_ONLY"))

    token = visitor.token
    visitor.token = "act.unknown"
    unknown = await after(banned=True)
    visitor.token = token
    by_source = error_code(await visitor.init(0))
    found = [
        await after(banned=True, daily_post_cap=0),
        await after(daily_post_cap=0),
        await after(private_account=True),
    ]

    assert (unknown, by_source) == ("access_token_invalid", "invalid_params")
    assert found == [
        "spam_risk_user_banned_from_posting",
        "spam_risk_too_many_posts",
        "unaudited_client_can_only_post_to_private_accounts",
    ]


async def test_a_lost_permission_fails_what_is_under_way_and_nothing_else(connected: Visitor, clock: Clock) -> None:
    finished = await connected.posted(b"bytes")
    clock.advance(2)
    under_way, url = await connected.opened(5)
    await connected.http.post(f"/_sandbox/creators/{connected.tokens['open_id']}/disconnect")
    late = await connected.put(url, b"bytes", 0, 5)
    await connected.connect()

    states = [(await connected.status(each)).json()["data"] for each in (finished, under_way)]

    assert late.status_code == 404
    assert [each["status"] for each in states] == ["PUBLISH_COMPLETE", "FAILED"]
    assert states[1]["fail_reason"] == "auth_removed"


async def test_settings_of_the_account_win_over_those_of_the_post(meet: Meet) -> None:
    strict = Profile(username="strict", comment_disabled=True, private_account=True)
    visitor = await (await meet(Settings(chunk_limits=SMALL, creators=(strict,)))).connect("strict")
    publish_id, _ = await visitor.opened(5, level="SELF_ONLY")

    info = visitor.context.tables.publications[publish_id].post_info

    assert (info.disable_comment, info.disable_duet, info.disable_stitch) == (True, True, True)


@pytest.mark.parametrize(("abandoned", "status"), [("stuck", "PROCESSING_UPLOAD"), ("failed", "FAILED")])
async def test_an_upload_nobody_finishes(meet: Meet, clock: Clock, abandoned: str, status: str) -> None:
    visitor = await (await meet(Settings(chunk_limits=SMALL, abandoned=AbandonedUpload(abandoned)))).connect()
    publish_id, url = await visitor.opened(20, 10, 2)
    await visitor.put(url, bytes(10), 0, 20)
    clock.advance(HOUR - 1)
    before = (await visitor.status(publish_id)).json()["data"]
    clock.advance(1)

    after = (await visitor.status(publish_id)).json()["data"]

    assert before == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 10}
    assert (after["status"], after["uploaded_bytes"]) == (status, 10)
    assert after.get("fail_reason", "internal") == "internal"
    assert (await visitor.put(url, bytes(10), 10, 20)).status_code == 403


async def test_a_day_used_up_meanwhile_fails_the_post_that_comes_last(meet: Meet, clock: Clock) -> None:
    settings = Settings(chunk_limits=SMALL, creators=(Profile(username="busy", daily_post_cap=1),))
    visitor = await (await meet(settings)).connect("busy")
    both = [await visitor.opened(5) for _ in range(2)]
    for _, url in both:
        await visitor.put(url, b"bytes", 0, 5)
    clock.advance(1)

    states = [(await visitor.status(publish_id)).json()["data"] for publish_id, _ in both]

    assert [each["status"] for each in states] == ["PUBLISH_COMPLETE", "FAILED"]
    assert states[1]["fail_reason"] == "spam_risk_too_many_posts"
