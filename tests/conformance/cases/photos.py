"""2.4: photos, which are always fetched."""

from typing import Any

from conformance.account import Account
from conformance.case_registry import case
from conformance.checks import check_equal, check_keys, check_refused
from conformance.external_server import sha256
from conformance.request_bodies import EVERYONE, JPEG, PUBLISH, file_source
from conformance.scenario import Scenario

KIND_WRONG = "Invalid media_type or post_mode"
CONTENT = f"{PUBLISH}content/init/"
MODES = ["DIRECT_POST", "MEDIA_UPLOAD"]


def _account(scenario: Scenario, **profile: Any) -> Account:
    return scenario.account(scenario.app(verified_urls=["media.conformance.example"]), **profile)


def _jpeg(scenario: Scenario) -> str:
    return scenario.file(JPEG)


def _body(scenario: Scenario, **changes: object) -> dict[str, object]:
    return {
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "post_info": {"title": "Photos", "privacy_level": EVERYONE},
        "source_info": {"source": "PULL_FROM_URL", "photo_images": [_jpeg(scenario)], "photo_cover_index": 0},
        **changes,
    }


@case("2.4", "{mode} gets a publish id only", mode=MODES)
def _(scenario: Scenario, mode: str) -> None:
    check_keys(_account(scenario).photos(_jpeg(scenario), mode=mode).data, ["publish_id"])


@case("2.4", "a direct post of photos is published and public like a video")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    publish_id = account.photos(_jpeg(scenario)).data["publish_id"]
    check_equal(account.wait_for_download(publish_id)["status"], "PUBLISH_COMPLETE")
    scenario.advance(100)
    check_equal([each["id"] for each in account.videos().data["videos"]], [account.video_id(publish_id)])


@case("2.4", "MEDIA_UPLOAD arrives in the inbox")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    publish_id = account.photos(_jpeg(scenario), mode="MEDIA_UPLOAD").data["publish_id"]
    check_equal(account.wait_for_download(publish_id)["status"], "SEND_TO_USER_INBOX")


@case("2.4", "every photo is fetched, in order")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    pictures = [JPEG + bytes([number]) for number in range(4)]
    publish_id = account.photos(*(scenario.file(each) for each in pictures)).data["publish_id"]
    account.wait_for_download(publish_id)
    files = scenario.ledger(publish_id)[0]["files"]
    check_equal([each["sha256"] for each in files], [sha256(each) for each in pictures])


@case("2.4", "downloaded_bytes counts all photos together")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    publish_id = account.photos(scenario.file(JPEG), scenario.file(JPEG + b"more")).data["publish_id"]
    check_equal(account.wait_for_download(publish_id)["downloaded_bytes"], 2 * len(JPEG) + 4)


_KINDS: dict[str, dict[str, object]] = {
    "media_type VIDEO": {"media_type": "VIDEO"},
    "media_type photo in lowercase": {"media_type": "photo"},
    "another post_mode": {"post_mode": "STORY"},
    "post_mode DIRECT POST with a space": {"post_mode": "DIRECT POST"},
}


@case("2.4", "{kind} is invalid_params with a message of its own", kind=_KINDS)
def _(scenario: Scenario, kind: dict[str, object]) -> None:
    check_refused(_account(scenario).call(CONTENT, _body(scenario, **kind)), 400, "invalid_params", KIND_WRONG)


@case("2.4", "a body without {part} is invalid_params", part=["media_type", "post_mode", "post_info", "source_info"])
def _(scenario: Scenario, part: str) -> None:
    body = {name: value for name, value in _body(scenario).items() if name != part}
    check_refused(_account(scenario).call(CONTENT, body), 400, "invalid_params")


@case("2.4", "photos cannot be uploaded")
def _(scenario: Scenario) -> None:
    check_refused(_account(scenario).call(CONTENT, _body(scenario, source_info=file_source(9))), 400, "invalid_params")


@case("2.4", "35 photos are accepted")
def _(scenario: Scenario) -> None:
    check_equal(_account(scenario).photos(*[_jpeg(scenario)] * 35).code, "ok")


@case("2.4", "{count} photos are invalid_params", count=[0, 36])
def _(scenario: Scenario, count: int) -> None:
    check_refused(_account(scenario).photos(*[_jpeg(scenario)] * count), 400, "invalid_params")


@case(
    "2.4",
    "a cover index {cover} is invalid_params",
    cover={"below 0": -1, "beyond the last photo": 2, "left out": None, "that is a text": "0"},
)
def _(scenario: Scenario, cover: object) -> None:
    check_refused(_account(scenario).photos(_jpeg(scenario), _jpeg(scenario), cover=cover), 400, "invalid_params")


@case("2.4", "the last photo may be the cover")
def _(scenario: Scenario) -> None:
    check_equal(_account(scenario).photos(_jpeg(scenario), _jpeg(scenario), cover=1).code, "ok")


@case("2.4", "a title may have 90 UTF-16 units: {title}", title={"letters": "a" * 90, "emoji": "\U0001f600" * 45})
def _(scenario: Scenario, title: str) -> None:
    check_equal(_account(scenario).photos(_jpeg(scenario), title=title).code, "ok")


@case("2.4", "a title of more than 90 is refused: {title}", title={"letters": "a" * 91, "emoji": "\U0001f600" * 46})
def _(scenario: Scenario, title: str) -> None:
    check_refused(_account(scenario).photos(_jpeg(scenario), title=title), 400, "invalid_params")


@case("2.4", "the title rule holds for the inbox as well")
def _(scenario: Scenario) -> None:
    check_refused(
        _account(scenario).photos(_jpeg(scenario), mode="MEDIA_UPLOAD", title="a" * 91), 400, "invalid_params"
    )


@case("2.4", "a description may have 4000 UTF-16 units")
def _(scenario: Scenario) -> None:
    check_equal(_account(scenario).photos(_jpeg(scenario), description="\U0001f600" * 2_000).code, "ok")


@case("2.4", "a description of 4001 is refused")
def _(scenario: Scenario) -> None:
    check_refused(_account(scenario).photos(_jpeg(scenario), description="a" * 4_001), 400, "invalid_params")


@case(
    "2.4",
    "privacy_level_option_mismatch for photos: {level}",
    level={"no level": None, "no such level": "EVERYBODY", "a level of other accounts": "FOLLOWER_OF_CREATOR"},
)
def _(scenario: Scenario, level: str | None) -> None:
    check_refused(_account(scenario).photos(_jpeg(scenario), privacy_level=level), 403, "privacy_level_option_mismatch")


@case("2.4", "photos for the inbox need no level")
def _(scenario: Scenario) -> None:
    check_equal(_account(scenario).photos(_jpeg(scenario), mode="MEDIA_UPLOAD", privacy_level=None).code, "ok")


@case("2.4", "is_aigc is understood {where}", where={"at the top": "top", "in post_info": "post_info", "nowhere": ""})
def _(scenario: Scenario, where: str) -> None:
    account = _account(scenario)
    top = {"is_aigc": True} if where == "top" else {}
    info: dict[str, Any] = {"is_aigc": True} if where == "post_info" else {}
    publish_id = account.photos(_jpeg(scenario), top=top, **info).data["publish_id"]
    account.wait_for_download(publish_id)
    check_equal(scenario.ledger(publish_id)[0]["settings"]["is_aigc"], bool(where))


@case("2.4", "description, music, comments, brand switches are applied")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    info: dict[str, Any] = {
        "description": "In many words",
        "auto_add_music": True,
        "disable_comment": True,
        "brand_organic_toggle": True,
        "brand_content_toggle": False,
    }
    publish_id = account.photos(_jpeg(scenario), **info).data["publish_id"]
    account.wait_for_download(publish_id)
    settings = scenario.ledger(publish_id)[0]["settings"]
    check_equal({name: settings[name] for name in info}, info)


@case("2.4", "app_version_check_failed: the app is older than 31.8")
def _(scenario: Scenario) -> None:
    account = _account(scenario, app_version="31.7.9")
    check_refused(account.photos(_jpeg(scenario), mode="MEDIA_UPLOAD"), 400, "app_version_check_failed")


@case("2.4", "31.8 is new enough, and a direct post does not ask")
def _(scenario: Scenario) -> None:
    check_equal(_account(scenario, app_version="31.8").photos(_jpeg(scenario), mode="MEDIA_UPLOAD").code, "ok")
    check_equal(_account(scenario, app_version="1.0").photos(_jpeg(scenario)).code, "ok")


@case("2.4", "photo drafts count: spam_risk_too_many_pending_share")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    for _ in range(5):
        account.inbox()
    check_refused(account.photos(_jpeg(scenario), mode="MEDIA_UPLOAD"), 403, "spam_risk_too_many_pending_share")


@case("2.4", "one foreign URL is enough: url_ownership_unverified")
def _(scenario: Scenario) -> None:
    mine, other = _jpeg(scenario), "http://elsewhere.example/a.jpg"
    check_refused(_account(scenario).photos(mine, other), 403, "url_ownership_unverified")
    check_equal(scenario.requests_for(mine), [])


@case("2.4", "unaudited apps post photos only as SELF_ONLY, privately")
def _(scenario: Scenario) -> None:
    app = scenario.app(audited=False, verified_urls=["media.conformance.example"])
    code = "unaudited_client_can_only_post_to_private_accounts"
    check_refused(scenario.account(app).photos(_jpeg(scenario), privacy_level="SELF_ONLY"), 403, code)
    private = scenario.account(app, private_account=True)
    check_equal(private.photos(_jpeg(scenario), privacy_level="SELF_ONLY").code, "ok")


@case("2.4", "a banned creator posts no photos: {mode}", mode=MODES)
def _(scenario: Scenario, mode: str) -> None:
    reply = _account(scenario, banned=True).photos(_jpeg(scenario), mode=mode)
    check_refused(reply, 403, "spam_risk_user_banned_from_posting")


@case("2.4", "photos use up the day's posts")
def _(scenario: Scenario) -> None:
    account = _account(scenario, daily_post_cap=1)
    account.wait_for_download(account.photos(_jpeg(scenario)).data["publish_id"])
    check_refused(account.with_new_token().photos(_jpeg(scenario)), 403, "spam_risk_too_many_posts")
