"""From init to public numbers: checks, status over time, the ledger, and the minute's limits."""

import hashlib
import json
import re

import pytest

from harness.sandbox_client import SMALL, Meet, Visitor, error_code
from tiktok_sandbox.model.settings import App, Profile, Settings
from tiktok_sandbox.runtime.clock import Clock

CONTENT = b"a small video"


async def test_an_init_brings_a_publish_id_and_an_upload_url(connected: Visitor) -> None:
    publish_id, url = await connected.opened(10)

    assert re.fullmatch(r"v_pub_file~v2-1\.\d{19}", publish_id)
    assert url.startswith("http://tiktok.example/upload/video/?upload_id=")
    assert len(url) <= 256


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_params"),
        ({"post_info": {}}, 400, "invalid_params"),
        ({"post_info": {"privacy_level": 1}, "source_info": {"source": "FILE_UPLOAD"}}, 400, "invalid_params"),
        ({"post_info": {}, "source_info": {"source": "PIGEON"}}, 400, "invalid_params"),
        ({"post_info": {}, "source_info": {"source": "FILE_UPLOAD"}}, 400, "invalid_params"),
        ({"post_info": {}, "source_info": {"source": "PULL_FROM_URL"}}, 400, "invalid_params"),
    ],
)
async def test_a_bad_init_is_refused(connected: Visitor, body: object, status: int, code: str) -> None:
    answer = await connected.call("/v2/post/publish/video/init/", body)

    assert (answer.status_code, error_code(answer)) == (status, code)
    assert (await connected.ledger())["inits"] == []


@pytest.mark.parametrize("level", ["", "FOLLOWER_OF_CREATOR", "EVERYONE"])
async def test_a_privacy_level_must_be_one_of_the_creators_own(connected: Visitor, level: str) -> None:
    answer = await connected.init(5, level=level)

    assert (answer.status_code, error_code(answer)) == (403, "privacy_level_option_mismatch")


@pytest.mark.parametrize(("title", "status"), [("😀" * 1_100, 200), ("😀" * 1_100 + "a", 400)])
async def test_a_title_is_measured_in_utf16_units(connected: Visitor, title: str, status: int) -> None:
    assert (await connected.init(5, title=title)).status_code == status


async def test_an_unaudited_app_posts_to_private_accounts_only(meet: Meet) -> None:
    settings = Settings(
        app=App(audited=False), chunk_limits=SMALL, creators=(Profile(username="shy", private_account=True),)
    )
    visitor = await meet(settings)
    public = await (await visitor.connect("open")).init(5, level="SELF_ONLY")
    seen = await (await visitor.connect("shy")).init(5, level="MUTUAL_FOLLOW_FRIENDS")

    unseen = await visitor.init(5, level="SELF_ONLY")

    assert error_code(public) == error_code(seen) == "unaudited_client_can_only_post_to_private_accounts"
    assert unseen.status_code == 200


async def test_a_post_goes_out_step_by_step(connected: Visitor, clock: Clock) -> None:
    publish_id = await connected.posted(CONTENT)
    received_at = clock.now()
    seen = [(await connected.status(publish_id)).json()["data"]]
    early = (await connected.ledger())["posts"]
    for _ in range(2):
        clock.advance(1)
        seen.append((await connected.status(publish_id)).json()["data"])

    [post] = (await connected.ledger())["posts"]

    assert early == []
    assert seen[0] == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": len(CONTENT)}
    assert seen[1] == {"status": "PUBLISH_COMPLETE", "uploaded_bytes": len(CONTENT)}
    assert seen[2]["publicaly_available_post_id"] == [int(post["post_id"])]
    assert post["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert (post["publish_id"], post["title"], post["bytes"]) == (publish_id, "a clip", len(CONTENT))
    assert (post["received_at"], post["posted_at"]) == (received_at, received_at + 1)


async def test_post_ids_are_numbers_beyond_what_a_double_holds(connected: Visitor, clock: Clock) -> None:
    publish_id = await connected.posted(CONTENT)
    clock.advance(2)

    text = (await connected.status(publish_id)).text

    assert re.search(r'"publicaly_available_post_id": \[\d{19}\]', text)


async def test_a_post_for_oneself_never_gets_a_public_id(connected: Visitor, clock: Clock) -> None:
    publish_id = await connected.posted(CONTENT, level="SELF_ONLY")
    clock.advance(3_600)
    data = (await connected.status(publish_id)).json()["data"]
    [post] = (await connected.ledger())["posts"]

    found = (await connected.videos(post["post_id"])).json()["data"]["videos"]

    assert data == {"status": "PUBLISH_COMPLETE", "uploaded_bytes": len(CONTENT)}
    assert found == []


async def test_a_post_that_fails_in_processing_is_not_in_the_ledger(connected: Visitor, clock: Clock) -> None:
    await connected.rule(endpoint="processing", action="error", code="duration_check_failed")
    publish_id = await connected.posted(CONTENT)
    clock.advance(1)

    data = (await connected.status(publish_id)).json()["data"]
    ledger = await connected.ledger()

    assert (data["status"], data["fail_reason"]) == ("FAILED", "duration_check_failed")
    assert ledger["posts"] == []
    assert ledger["inits"][0]["fail_reason"] == "duration_check_failed"


async def test_an_init_never_fed_publishes_nothing_and_stays_listed(connected: Visitor, clock: Clock) -> None:
    publish_id, _ = await connected.opened(10)
    clock.advance(1_000_000)

    ledger = await connected.ledger()

    assert ledger["posts"] == []
    assert [(each["publish_id"], each["uploaded_bytes"], each["bytes_read"]) for each in ledger["inits"]] == [
        (publish_id, 0, 0)
    ]


async def test_a_status_is_told_to_its_owner_only(connected: Visitor) -> None:
    publish_id, _ = await connected.opened(10)
    unknown = await connected.status("v_pub_file~v2-1.1")
    stranger = await (await connected.connect("stranger")).status(publish_id)

    assert (unknown.status_code, error_code(unknown)) == (400, "invalid_publish_id")
    assert error_code(stranger) == "token_not_authorized_for_specified_publish_id"


async def test_numbers_grow_and_never_shrink(connected: Visitor, clock: Clock) -> None:
    await connected.posted(CONTENT)
    clock.advance(2)
    [post] = (await connected.ledger())["posts"]
    seen = []
    for _ in range(5):
        clock.advance(30)
        seen += (await connected.videos(post["post_id"])).json()["data"]["videos"]

    views = [each["view_count"] for each in seen]
    assert views == sorted(set(views))
    assert {(each["id"], each["create_time"]) for each in seen} == {(post["post_id"], int(post["public_at"]))}


async def test_a_query_shows_ones_own_public_posts_once(connected: Visitor, clock: Clock) -> None:
    await connected.posted(CONTENT)
    clock.advance(2)
    [post] = (await connected.ledger())["posts"]
    mine = (await connected.videos(post["post_id"], post["post_id"], "1")).json()["data"]["videos"]
    await connected.connect("stranger")

    theirs = (await connected.videos(post["post_id"])).json()["data"]["videos"]

    assert [each["id"] for each in mine] == [post["post_id"]]
    assert theirs == []


@pytest.mark.parametrize(("ids", "fields"), [(["1"] * 21, "id"), (["1"], ""), (["1"], "id,watch_time")])
async def test_a_bad_query_is_refused(connected: Visitor, ids: list[str], fields: str) -> None:
    answer = await connected.videos(*ids, fields=fields)

    assert (answer.status_code, error_code(answer)) == (400, "invalid_params")


async def test_every_documented_field_can_be_asked(connected: Visitor, clock: Clock) -> None:
    documented = (
        "id,create_time,cover_image_url,share_url,video_description,duration,height,width,title,"
        "embed_html,embed_link,like_count,comment_count,share_count,view_count"
    )
    await connected.posted(CONTENT, title="t" * 200)
    clock.advance(2)
    [post] = (await connected.ledger())["posts"]

    [video] = (await connected.videos(post["post_id"], fields=documented)).json()["data"]["videos"]

    assert ",".join(video) == documented
    assert len(video["title"]) == 150


@pytest.mark.parametrize(("what", "limit"), [("init", 6), ("status", 30), ("creator_info", 20)])
async def test_a_token_has_so_many_calls_a_minute(connected: Visitor, clock: Clock, what: str, limit: int) -> None:
    async def call() -> int:
        arguments = {"init": (5,), "status": ("v_pub_file~v2-1.1",), "creator_info": ()}[what]
        answer = await getattr(connected, what)(*arguments)
        return int(answer.status_code)

    allowed = [await call() for _ in range(limit)]
    over = await call()
    clock.advance(59.9)
    still_over = await call()
    clock.advance(0.1)
    again = await call()

    assert 429 not in allowed
    assert (over, still_over) == (429, 429)
    assert again == allowed[0]


async def test_another_token_has_calls_of_its_own(connected: Visitor) -> None:
    statuses = [(await connected.init(5)).status_code for _ in range(7)]

    other = await (await connected.connect("somebody-else")).init(5)

    assert statuses == [200] * 6 + [429]
    assert other.status_code == 200


async def test_calls_are_listed_without_secrets(connected: Visitor) -> None:
    _, url = await connected.opened(len(CONTENT))
    await connected.put(url, CONTENT, 0, len(CONTENT))

    calls = (await connected.http.get("/_sandbox/calls")).json()["calls"]

    assert [(each["endpoint"], each["status"]) for each in calls] == [
        ("consent", 302),
        ("token", 200),
        ("video_init", 200),
        ("upload", 201),
    ]
    assert connected.token not in json.dumps(calls)
    assert "upload_token" not in json.dumps(calls)
