"""creator_info and user/info: what an account may do, and who it is."""

import pytest

from harness.sandbox_client import SMALL, Meet, Visitor, error_code
from tiktok_sandbox.model.settings import Profile, Settings
from tiktok_sandbox.runtime.clock import Clock


async def test_a_public_account(connected: Visitor) -> None:
    data = (await connected.creator_info()).json()["data"]

    assert data["privacy_level_options"] == ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert (data["creator_username"], data["creator_nickname"]) == ("demo-creator", "Demo Creator")
    assert not any(data[f"{what}_disabled"] for what in ("comment", "duet", "stitch"))


async def test_a_private_account_has_no_public_choice_and_no_duets(visitor: Visitor) -> None:
    made = await visitor.http.post("/_sandbox/creators", json={"username": "shy", "private_account": True})
    await visitor.connect("shy")

    data = (await visitor.creator_info()).json()["data"]

    assert made.json()["open_id"] == visitor.tokens["open_id"]
    assert data["privacy_level_options"] == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert data["duet_disabled"]
    assert data["stitch_disabled"]


async def test_a_banned_creator_is_told_inside_status_200(meet: Meet) -> None:
    visitor = await meet(Settings(creators=(Profile(username="banned", banned=True),)))
    await visitor.connect("banned")

    info, init = await visitor.creator_info(), await visitor.init(5)

    assert (info.status_code, error_code(info)) == (200, "spam_risk_user_banned_from_posting")
    assert "data" not in info.json()
    assert (init.status_code, error_code(init)) == (403, "spam_risk_user_banned_from_posting")


async def test_the_daily_cap_counts_posts_and_ends_a_day_later(meet: Meet, clock: Clock) -> None:
    settings = Settings(chunk_limits=SMALL, creators=(Profile(username="busy", daily_post_cap=1),))
    visitor = await (await meet(settings)).connect("busy")
    await visitor.opened(5)
    before = await visitor.creator_info()
    await visitor.posted(b"bytes")

    full, refused = await visitor.creator_info(), await visitor.init(5)
    clock.advance(86_400)
    await visitor.connect("busy")
    free = await visitor.creator_info()

    assert error_code(before) == "ok"
    assert (full.status_code, error_code(full)) == (200, "spam_risk_too_many_posts")
    assert (refused.status_code, error_code(refused)) == (403, "spam_risk_too_many_posts")
    assert error_code(free) == "ok"


@pytest.mark.parametrize("token", ["", "act.unknown"])
async def test_a_token_nobody_gave_is_invalid(visitor: Visitor, token: str) -> None:
    answer = await visitor.call("/v2/post/publish/creator_info/query/", token=token)

    assert (answer.status_code, error_code(answer)) == (401, "access_token_invalid")


async def test_a_scope_that_was_not_granted_is_missing(visitor: Visitor) -> None:
    await visitor.connect(scope="user.info.basic")

    answers = [await visitor.creator_info(), await visitor.init(5), await visitor.videos("1")]

    assert [(each.status_code, error_code(each)) for each in answers] == [(401, "scope_not_authorized")] * 3


async def _user(visitor: Visitor, fields: str) -> tuple[int, dict[str, object]]:
    headers = {"Authorization": f"Bearer {visitor.token}"}
    answer = await visitor.http.get("/v2/user/info/", params={"fields": fields}, headers=headers)
    return answer.status_code, answer.json()


async def test_user_info_holds_exactly_what_was_asked(connected: Visitor) -> None:
    status, body = await _user(connected, "open_id,display_name,username")

    assert status == 200
    assert body["data"] == {
        "user": {
            "open_id": connected.tokens["open_id"],
            "display_name": "Demo Creator",
            "username": "demo-creator",
        }
    }


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ("open_id,follower_count", 401, "scope_not_authorized"),
        ("open_id,shoe_size", 400, "invalid_params"),
        ("", 400, "invalid_params"),
    ],
)
async def test_one_field_too_many_fails_the_whole_call(connected: Visitor, fields: str, status: int, code: str) -> None:
    found, body = await _user(connected, fields)

    assert found == status
    assert "data" not in body
    assert f"'code': '{code}'" in str(body["error"])
