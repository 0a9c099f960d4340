"""Who may post: daily caps, active creators, audits, pending drafts."""

import httpx
import pytest

from harness.sandbox_apps import SECOND_APP, client_of_app, settings_with_two_apps
from harness.sandbox_client import SMALL, NewClient, SandboxClient, error_code
from harness.sandbox_drafts import INBOX, UPLOAD_SCOPES, change_publication, upload_draft, upload_source
from tiktok_sandbox.model.settings import App, Profile, Settings
from tiktok_sandbox.runtime.clock import Clock

HOUR = 3_600


ALL = "video.publish,video.upload"


async def test_posts_through_other_apps_count_for_the_day(new_client: NewClient) -> None:
    busy = Profile(username="busy", daily_post_cap=3, posted_elsewhere=2)
    client = await (await new_client(Settings(chunk_limits=SMALL, creators=(busy,)))).connect("busy")
    before = await client.creator_info()
    await client.post_video(b"bytes")

    info, init = await client.creator_info(), await client.init(5)

    assert error_code(before) == "ok"
    assert (info.status_code, error_code(info)) == (200, "spam_risk_too_many_posts")
    assert (init.status_code, error_code(init)) == (403, "spam_risk_too_many_posts")


async def test_daily_cap_is_a_sliding_window(new_client: NewClient, clock: Clock) -> None:
    settings = Settings(chunk_limits=SMALL, creators=(Profile(username="busy", daily_post_cap=2),))
    client = await (await new_client(settings)).connect("busy")
    await client.post_video(b"bytes")
    clock.advance(20 * HOUR)
    await (await client.connect("busy")).post_video(b"bytes")
    full = await client.init(5)
    clock.advance(4 * HOUR)

    free = await (await client.connect("busy")).init(5)

    assert (full.status_code, free.status_code) == (403, 200)


async def test_failed_posts_and_drafts_do_not_count_for_the_day(new_client: NewClient, clock: Clock) -> None:
    settings = Settings(chunk_limits=SMALL, creators=(Profile(username="busy", daily_post_cap=1),))
    client = await (await new_client(settings)).connect("busy", scope=ALL)
    await client.add_rule(endpoint="processing", action="error", code="duration_check_failed")
    await client.post_video(b"bytes")
    source = {"source": "FILE_UPLOAD", "video_size": 5, "chunk_size": 5, "total_chunk_count": 1}
    draft = await client.call("/v2/post/publish/inbox/video/init/", {"source_info": source})
    await client.put(draft.json()["data"]["upload_url"], b"bytes", 0, 5)
    clock.advance(10)

    assert (await client.init(5)).status_code == 200


@pytest.mark.parametrize(
    ("app", "cap"),
    [(App(active_creator_cap=2), 2), (App(audited=False), 5), (App(audited=False, active_creator_cap=1), 1)],
)
async def test_active_creators_of_an_app_are_limited_for_a_day(
    new_client: NewClient, clock: Clock, app: App, cap: int
) -> None:
    people = tuple(Profile(username=f"person-{number}", private_account=True) for number in range(cap + 1))
    client = await new_client(Settings(app=app, chunk_limits=SMALL, creators=people))
    for person in people[:cap]:
        await (await client.connect(person.username)).post_video(b"bytes", level="SELF_ONLY")
    known = await client.init(5, level="SELF_ONLY")
    await client.connect(people[cap].username)
    info, init = await client.creator_info(), await client.init(5, level="SELF_ONLY")
    clock.advance(24 * HOUR)

    next_day = await (await client.connect(people[cap].username)).init(5, level="SELF_ONLY")

    assert known.status_code == 200
    assert (info.status_code, error_code(info)) == (200, "reached_active_user_cap")
    assert (init.status_code, error_code(init)) == (403, "reached_active_user_cap")
    assert next_day.status_code == 200


async def test_audited_app_has_no_limit_of_active_creators(new_client: NewClient) -> None:
    client = await new_client(Settings(chunk_limits=SMALL))

    statuses = [(await (await client.connect(f"person-{number}")).init(5)).status_code for number in range(12)]

    assert statuses == [200] * 12


async def test_refusals_come_in_the_documented_order(new_client: NewClient) -> None:
    """Each step takes away what was refused before, and the next refusal shows."""
    settings = Settings(app=App(audited=False), chunk_limits=SMALL)
    client = await (await new_client(settings)).connect("person")

    async def after(**profile: object) -> str:
        await client.http.post("/_sandbox/creators", json={"username": "person", **profile})
        return error_code(await client.init(5, level="PUBLIC_TO_EVERYONE" if profile else "SELF_ONLY"))

    token = client.token
    client.token = "act.unknown"
    unknown = await after(banned=True)
    client.token = token
    by_source = error_code(await client.init(0))
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


async def test_daily_cap_counts_posts_and_ends_after_a_day(new_client: NewClient, clock: Clock) -> None:
    settings = Settings(chunk_limits=SMALL, creators=(Profile(username="busy", daily_post_cap=1),))
    client = await (await new_client(settings)).connect("busy")
    await client.open_upload(5)
    before = await client.creator_info()
    await client.post_video(b"bytes")

    full, refused = await client.creator_info(), await client.init(5)
    clock.advance(86_400)
    await client.connect("busy")
    free = await client.creator_info()

    assert error_code(before) == "ok"
    assert (full.status_code, error_code(full)) == (200, "spam_risk_too_many_posts")
    assert (refused.status_code, error_code(refused)) == (403, "spam_risk_too_many_posts")
    assert error_code(free) == "ok"


async def test_sixth_pending_draft_of_a_day_is_refused(uploader: SandboxClient, clock: Clock) -> None:
    shares = []
    for _ in range(5):
        shares.append(await upload_draft(uploader))
        clock.advance(60)
    sixth = await uploader.call(INBOX, {"source_info": upload_source(5)})
    await change_publication(uploader, shares[0], "post")
    after_one_was_posted = await uploader.call(INBOX, {"source_info": upload_source(5)})
    full = await uploader.call(INBOX, {"source_info": upload_source(5)})
    clock.advance(86_400)
    uploader = await uploader.connect(scope=UPLOAD_SCOPES)

    next_day = await uploader.call(INBOX, {"source_info": upload_source(5)})

    assert (sixth.status_code, error_code(sixth)) == (403, "spam_risk_too_many_pending_share")
    assert (after_one_was_posted.status_code, full.status_code) == (200, 403)
    assert next_day.status_code == 200


@pytest.mark.parametrize("level", ["", "FOLLOWER_OF_CREATOR", "EVERYONE"])
async def test_privacy_level_must_be_one_of_the_creators(connected: SandboxClient, level: str) -> None:
    answer = await connected.init(5, level=level)

    assert (answer.status_code, error_code(answer)) == (403, "privacy_level_option_mismatch")


async def test_unaudited_app_can_only_post_to_private_accounts(new_client: NewClient) -> None:
    settings = Settings(
        app=App(audited=False), chunk_limits=SMALL, creators=(Profile(username="shy", private_account=True),)
    )
    client = await new_client(settings)
    public = await (await client.connect("open")).init(5, level="SELF_ONLY")
    seen = await (await client.connect("shy")).init(5, level="MUTUAL_FOLLOW_FRIENDS")

    unseen = await client.init(5, level="SELF_ONLY")

    assert error_code(public) == error_code(seen) == "unaudited_client_can_only_post_to_private_accounts"
    assert unseen.status_code == 200


async def test_daily_cap_is_shared_by_all_apps(first_app: SandboxClient, clock: Clock) -> None:
    other = await client_of_app(first_app, SECOND_APP)
    await first_app.post_video(b"bytes", level="SELF_ONLY")
    await other.post_video(b"bytes", level="SELF_ONLY")

    full = [error_code(await each.init(5, level="SELF_ONLY")) for each in (first_app, other)]
    clock.advance(86_400)
    free = await (await client_of_app(first_app, SECOND_APP)).init(5, level="SELF_ONLY")

    assert full == ["spam_risk_too_many_posts"] * 2
    assert free.status_code == 200


async def test_audit_counts_for_one_app_only(new_client: NewClient) -> None:
    first_app = await (await new_client(settings_with_two_apps(audited=False))).connect("busy")
    other = await client_of_app(first_app, SECOND_APP)

    answers: list[httpx.Response] = [await each.init(5, level="FOLLOWER_OF_CREATOR") for each in (first_app, other)]

    assert [error_code(each) for each in answers] == ["ok", "unaudited_client_can_only_post_to_private_accounts"]


async def test_active_creators_are_counted_per_app(new_client: NewClient) -> None:
    first_app = await (await new_client(settings_with_two_apps(active_creator_cap=1))).connect("busy")
    other = await client_of_app(first_app, SECOND_APP)
    await other.open_upload(5, level="SELF_ONLY")
    second_person = await client_of_app(first_app, SECOND_APP, "person")

    refused, elsewhere = await second_person.init(5), await (await first_app.connect("person")).init(5)

    assert (error_code(refused), elsewhere.status_code) == ("reached_active_user_cap", 200)
