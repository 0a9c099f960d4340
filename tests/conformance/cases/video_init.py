"""2.2: announcing a direct post."""

from typing import Any

from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys, check_refused
from conformance.request_bodies import EVERYONE, PUBLISH, file_source, mp4_bytes, url_source
from conformance.scenario import Scenario

SOURCE_WRONG = "The request source info is empty or incorrect"
INIT = f"{PUBLISH}video/init/"


@case("2.2", "an upload gets a publish id and an upload url, nothing else")
def _(scenario: Scenario) -> None:
    check_keys(scenario.account().init().data, ["publish_id", "upload_url"])


@case("2.2", "a download gets a publish id only")
def _(scenario: Scenario) -> None:
    account = scenario.account(scenario.app(verified_urls=["media.conformance.example"]))
    check_keys(account.init(url_source(scenario.file(mp4_bytes(9)))).data, ["publish_id"])


@case("2.2", "an upload URL has at most 256 characters and a secret")
def _(scenario: Scenario) -> None:
    url = scenario.account().init().data["upload_url"]
    check(len(url) <= 256, f"{len(url)} characters")
    check("upload_id=" in url and "upload_token=" in url, "no token in it")


@case("2.2", "{level} is accepted of a public account", level=[EVERYONE, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])
def _(scenario: Scenario, level: str) -> None:
    check_equal(scenario.account().init(privacy_level=level).code, "ok")


@case(
    "2.2",
    "{level} is accepted of a private account",
    level=["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
)
def _(scenario: Scenario, level: str) -> None:
    check_equal(scenario.account(private_account=True).init(privacy_level=level).code, "ok")


@case(
    "2.2",
    "privacy_level_option_mismatch: {level}",
    level={
        "followers of a public account": (False, "FOLLOWER_OF_CREATOR"),
        "everyone of a private account": (True, EVERYONE),
        "no such level": (False, "EVERYBODY"),
        "an empty level": (False, ""),
        "no level at all": (False, None),
        "a level in lowercase": (False, "self_only"),
    },
)
def _(scenario: Scenario, level: tuple[bool, str | None]) -> None:
    account = scenario.account(private_account=level[0])
    check_refused(account.init(privacy_level=level[1]), 403, "privacy_level_option_mismatch")


@case(
    "2.2",
    "a title of {title} is accepted",
    title={
        "nothing at all": None,
        "no characters": "",
        "2200 letters": "a" * 2_200,
        "1100 emoji, which count twice": "\U0001f600" * 1_100,
        "2200 letters of another script": "ж" * 2_200,
        "tags, mentions and lines": '#tag @someone\nand "more" \\ ✓',
    },
)
def _(scenario: Scenario, title: str | None) -> None:
    account = scenario.account()
    publish_id = account.upload_and_process(title=title)
    check_equal(scenario.ledger(publish_id)[0]["title"], title or "")


@case(
    "2.2",
    "a title of {title} is too long",
    title={
        "2201 letters": "a" * 2_201,
        "1101 emoji": "\U0001f600" * 1_101,
        "2199 letters and an emoji": "a" * 2_199 + "\U0001f600",
    },
)
def _(scenario: Scenario, title: str) -> None:
    check_refused(scenario.account().init(title=title), 400, "invalid_params")


_BODIES: dict[str, object] = {
    "no body": b"",
    "no JSON": b"post_info",
    "JSON cut short": b'{"post_info": {',
    "a list": [],
    "nothing in it": {},
    "no source_info": {"post_info": {"privacy_level": EVERYONE}},
    "no post_info": {"source_info": file_source(9)},
    "a post_info that is a text": {"post_info": "SELF_ONLY", "source_info": file_source(9)},
    "a title that is a number": {"post_info": {"privacy_level": EVERYONE, "title": 7}, "source_info": file_source(9)},
    "a switch that is a text": {
        "post_info": {"privacy_level": EVERYONE, "disable_duet": "true"},
        "source_info": file_source(9),
    },
    "a cover moment that is no number": {
        "post_info": {"privacy_level": EVERYONE, "video_cover_timestamp_ms": "1"},
        "source_info": file_source(9),
    },
}


@case("2.2", "a body with {body} is invalid_params", body=_BODIES)
def _(scenario: Scenario, body: object) -> None:
    check_refused(scenario.account().call(INIT, body), 400, "invalid_params")


_SOURCES: dict[str, tuple[dict[str, object], str | None]] = {
    "nothing in it": ({}, None),
    "another source": ({**file_source(9), "source": "CARRIER_PIGEON"}, SOURCE_WRONG),
    "a source in lowercase": ({**file_source(9), "source": "file_upload"}, SOURCE_WRONG),
    "FILE_UPLOAD without sizes": ({"source": "FILE_UPLOAD"}, None),
    "sizes as texts": ({**file_source(9), "video_size": "9"}, None),
    "PULL_FROM_URL without an address": ({"source": "PULL_FROM_URL"}, SOURCE_WRONG),
    "PULL_FROM_URL with an empty address": (url_source(""), SOURCE_WRONG),
}


@case("2.2", "a source_info with {source} is invalid_params", source=_SOURCES)
def _(scenario: Scenario, source: tuple[dict[str, object], str | None]) -> None:
    body = {"post_info": {"privacy_level": EVERYONE}, "source_info": source[0]}
    check_refused(scenario.account().call(INIT, body), 400, "invalid_params", source[1])


_TOGGLES = (
    "disable_duet",
    "disable_stitch",
    "disable_comment",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
)


@case("2.2", "{toggle} is applied as sent, and is off if left out", toggle=_TOGGLES)
def _(scenario: Scenario, toggle: str) -> None:
    account = scenario.account()
    chosen: dict[str, Any] = {toggle: True}
    settings = scenario.ledger(account.upload_and_process(**chosen))[0]["settings"]
    check_equal([name for name in _TOGGLES if settings[name]], [toggle])


@case("2.2", "video_cover_timestamp_ms is carried out as sent")
def _(scenario: Scenario) -> None:
    publish_id = scenario.account().upload_and_process(video_cover_timestamp_ms=1_500)
    check_equal(scenario.ledger(publish_id)[0]["settings"]["video_cover_timestamp_ms"], 1_500)


@case(
    "2.2",
    "what {who} is forced on in every post",
    who={
        "a creator forbids: comments": ({"comment_disabled": True}, ["disable_comment"]),
        "a creator forbids: duets": ({"duet_disabled": True}, ["disable_duet"]),
        "a creator forbids: stitches": ({"stitch_disabled": True}, ["disable_stitch"]),
        "a private account brings with it": ({"private_account": True}, ["disable_duet", "disable_stitch"]),
    },
)
def _(scenario: Scenario, who: tuple[dict[str, Any], list[str]]) -> None:
    account = scenario.account(**who[0])
    publish_id = account.upload_and_process(
        privacy_level="SELF_ONLY", disable_comment=False, disable_duet=False, disable_stitch=False
    )
    settings = scenario.ledger(publish_id)[0]["settings"]
    check_equal([name for name in ("disable_comment", "disable_duet", "disable_stitch") if settings[name]], who[1])


@case("2.2", "spam_risk_user_banned_from_posting: the creator is banned")
def _(scenario: Scenario) -> None:
    check_refused(scenario.account(banned=True).init(), 403, "spam_risk_user_banned_from_posting")


@case("2.2", "spam_risk_too_many_posts: the creator's day is used up")
def _(scenario: Scenario) -> None:
    check_refused(scenario.account(posted_elsewhere=15).init(), 403, "spam_risk_too_many_posts")


@case("2.2", "reached_active_user_cap: the app's creators are used up")
def _(scenario: Scenario) -> None:
    app = scenario.app(active_creator_cap=1)
    check_equal(scenario.account(app).init().code, "ok")
    check_refused(scenario.account(app).init(), 403, "reached_active_user_cap")


@case("2.2", "url_ownership_unverified: the address is not the app's own")
def _(scenario: Scenario) -> None:
    message = (
        "Please review our URL ownership verification rules at "
        "https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide/#pull_from_url"
    )
    check_refused(
        scenario.account().init(url_source(scenario.file(mp4_bytes(9)))), 403, "url_ownership_unverified", message
    )


@case("2.2", "unaudited_client_can_only_post_to_private_accounts")
def _(scenario: Scenario) -> None:
    message = (
        "Please review our integration guidelines at https://developers.tiktok.com/doc/content-sharing-guidelines/"
    )
    code = "unaudited_client_can_only_post_to_private_accounts"
    check_refused(scenario.account(scenario.app(audited=False)).init(), 403, code, message)


@case("2.2", "an init that is refused leaves nothing behind")
def _(scenario: Scenario) -> None:
    account = scenario.account(daily_post_cap=1)
    account.init(privacy_level="NO_ONE")
    inits = scenario.sandbox.admin("GET", "ledger").json["inits"]
    check_equal([each for each in inits if each["open_id"] == account.open_id], [])


@case(
    "2.2",
    "internal_error of an init may mean {what}",
    what={"that nothing happened": "request", "that it happened": "answer"},
)
def _(scenario: Scenario, what: str) -> None:
    account = scenario.account()
    with scenario.rule(endpoint="video_init", at=what, action="error", code="internal_error", open_id=account.open_id):
        check_refused(account.init(), 500, "internal_error")
    inits = scenario.sandbox.admin("GET", "ledger").json["inits"]
    check_equal(sum(each["open_id"] == account.open_id for each in inits), 0 if what == "request" else 1, "inits")
