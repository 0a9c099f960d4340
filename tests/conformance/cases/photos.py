"""2.4: photos, which are always fetched."""

from typing import Any

from conformance.account import Account
from conformance.book import case
from conformance.outside import sha256
from conformance.reply import has_keys, refused, same
from conformance.stage import Stage
from conformance.wishes import EVERYONE, JPEG, PUBLISH, by_file

KIND_WRONG = "Invalid media_type or post_mode"
CONTENT = f"{PUBLISH}content/init/"
MODES = ["DIRECT_POST", "MEDIA_UPLOAD"]


def _account(stage: Stage, **profile: Any) -> Account:
    return stage.account(stage.app(verified_urls=["media.conformance.example"]), **profile)


def _jpeg(stage: Stage) -> str:
    return stage.file(JPEG)


def _body(stage: Stage, **changes: object) -> dict[str, object]:
    return {
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "post_info": {"title": "Photos", "privacy_level": EVERYONE},
        "source_info": {"source": "PULL_FROM_URL", "photo_images": [_jpeg(stage)], "photo_cover_index": 0},
        **changes,
    }


@case("2.4", "{mode} gets a publish id only", mode=MODES)
def _(stage: Stage, mode: str) -> None:
    has_keys(_account(stage).photos(_jpeg(stage), mode=mode).data, ["publish_id"])


@case("2.4", "a direct post of photos is published and public like a video")
def _(stage: Stage) -> None:
    account = _account(stage)
    publish_id = account.photos(_jpeg(stage)).data["publish_id"]
    same(account.fetched(publish_id)["status"], "PUBLISH_COMPLETE")
    stage.advance(100)
    same([each["id"] for each in account.videos().data["videos"]], [account.video_id(publish_id)])


@case("2.4", "MEDIA_UPLOAD arrives in the inbox")
def _(stage: Stage) -> None:
    account = _account(stage)
    publish_id = account.photos(_jpeg(stage), mode="MEDIA_UPLOAD").data["publish_id"]
    same(account.fetched(publish_id)["status"], "SEND_TO_USER_INBOX")


@case("2.4", "every photo is fetched, in order")
def _(stage: Stage) -> None:
    account = _account(stage)
    pictures = [JPEG + bytes([number]) for number in range(4)]
    publish_id = account.photos(*(stage.file(each) for each in pictures)).data["publish_id"]
    account.fetched(publish_id)
    files = stage.ledger(publish_id)[0]["files"]
    same([each["sha256"] for each in files], [sha256(each) for each in pictures])


@case("2.4", "downloaded_bytes counts all photos together")
def _(stage: Stage) -> None:
    account = _account(stage)
    publish_id = account.photos(stage.file(JPEG), stage.file(JPEG + b"more")).data["publish_id"]
    same(account.fetched(publish_id)["downloaded_bytes"], 2 * len(JPEG) + 4)


_KINDS: dict[str, dict[str, object]] = {
    "media_type VIDEO": {"media_type": "VIDEO"},
    "media_type photo in lowercase": {"media_type": "photo"},
    "another post_mode": {"post_mode": "STORY"},
    "post_mode DIRECT POST with a space": {"post_mode": "DIRECT POST"},
}


@case("2.4", "{kind} is invalid_params with a message of its own", kind=_KINDS)
def _(stage: Stage, kind: dict[str, object]) -> None:
    refused(_account(stage).call(CONTENT, _body(stage, **kind)), 400, "invalid_params", KIND_WRONG)


@case("2.4", "a body without {part} is invalid_params", part=["media_type", "post_mode", "post_info", "source_info"])
def _(stage: Stage, part: str) -> None:
    body = {name: value for name, value in _body(stage).items() if name != part}
    refused(_account(stage).call(CONTENT, body), 400, "invalid_params")


@case("2.4", "photos cannot be uploaded")
def _(stage: Stage) -> None:
    refused(_account(stage).call(CONTENT, _body(stage, source_info=by_file(9))), 400, "invalid_params")


@case("2.4", "35 photos are accepted")
def _(stage: Stage) -> None:
    same(_account(stage).photos(*[_jpeg(stage)] * 35).code, "ok")


@case("2.4", "{count} photos are invalid_params", count=[0, 36])
def _(stage: Stage, count: int) -> None:
    refused(_account(stage).photos(*[_jpeg(stage)] * count), 400, "invalid_params")


@case(
    "2.4",
    "a cover index {cover} is invalid_params",
    cover={"below 0": -1, "beyond the last photo": 2, "left out": None, "that is a text": "0"},
)
def _(stage: Stage, cover: object) -> None:
    refused(_account(stage).photos(_jpeg(stage), _jpeg(stage), cover=cover), 400, "invalid_params")


@case("2.4", "the last photo may be the cover")
def _(stage: Stage) -> None:
    same(_account(stage).photos(_jpeg(stage), _jpeg(stage), cover=1).code, "ok")


@case("2.4", "a title may have 90 UTF-16 units: {title}", title={"letters": "a" * 90, "emoji": "\U0001f600" * 45})
def _(stage: Stage, title: str) -> None:
    same(_account(stage).photos(_jpeg(stage), title=title).code, "ok")


@case("2.4", "a title of more than 90 is refused: {title}", title={"letters": "a" * 91, "emoji": "\U0001f600" * 46})
def _(stage: Stage, title: str) -> None:
    refused(_account(stage).photos(_jpeg(stage), title=title), 400, "invalid_params")


@case("2.4", "the title rule holds for the inbox as well")
def _(stage: Stage) -> None:
    refused(_account(stage).photos(_jpeg(stage), mode="MEDIA_UPLOAD", title="a" * 91), 400, "invalid_params")


@case("2.4", "a description may have 4000 UTF-16 units")
def _(stage: Stage) -> None:
    same(_account(stage).photos(_jpeg(stage), description="\U0001f600" * 2_000).code, "ok")


@case("2.4", "a description of 4001 is refused")
def _(stage: Stage) -> None:
    refused(_account(stage).photos(_jpeg(stage), description="a" * 4_001), 400, "invalid_params")


@case(
    "2.4",
    "privacy_level_option_mismatch for photos: {level}",
    level={"no level": None, "no such level": "EVERYBODY", "a level of other accounts": "FOLLOWER_OF_CREATOR"},
)
def _(stage: Stage, level: str | None) -> None:
    refused(_account(stage).photos(_jpeg(stage), privacy_level=level), 403, "privacy_level_option_mismatch")


@case("2.4", "photos for the inbox need no level")
def _(stage: Stage) -> None:
    same(_account(stage).photos(_jpeg(stage), mode="MEDIA_UPLOAD", privacy_level=None).code, "ok")


@case("2.4", "is_aigc is understood {where}", where={"at the top": "top", "in post_info": "post_info", "nowhere": ""})
def _(stage: Stage, where: str) -> None:
    account = _account(stage)
    top = {"is_aigc": True} if where == "top" else {}
    info: dict[str, Any] = {"is_aigc": True} if where == "post_info" else {}
    publish_id = account.photos(_jpeg(stage), top=top, **info).data["publish_id"]
    account.fetched(publish_id)
    same(stage.ledger(publish_id)[0]["settings"]["is_aigc"], bool(where))


@case("2.4", "description, music, comments and brand switches are carried out as sent")
def _(stage: Stage) -> None:
    account = _account(stage)
    info: dict[str, Any] = {
        "description": "In many words",
        "auto_add_music": True,
        "disable_comment": True,
        "brand_organic_toggle": True,
        "brand_content_toggle": False,
    }
    publish_id = account.photos(_jpeg(stage), **info).data["publish_id"]
    account.fetched(publish_id)
    settings = stage.ledger(publish_id)[0]["settings"]
    same({name: settings[name] for name in info}, info)


@case("2.4", "app_version_check_failed: the creator's app is older than 31.8")
def _(stage: Stage) -> None:
    account = _account(stage, app_version="31.7.9")
    refused(account.photos(_jpeg(stage), mode="MEDIA_UPLOAD"), 400, "app_version_check_failed")


@case("2.4", "31.8 is new enough, and a direct post does not ask")
def _(stage: Stage) -> None:
    same(_account(stage, app_version="31.8").photos(_jpeg(stage), mode="MEDIA_UPLOAD").code, "ok")
    same(_account(stage, app_version="1.0").photos(_jpeg(stage)).code, "ok")


@case("2.4", "photos for the inbox wait among the five drafts: spam_risk_too_many_pending_share")
def _(stage: Stage) -> None:
    account = _account(stage)
    for _ in range(5):
        account.inbox()
    refused(account.photos(_jpeg(stage), mode="MEDIA_UPLOAD"), 403, "spam_risk_too_many_pending_share")


@case("2.4", "one address that is not the app's own is enough: url_ownership_unverified, nothing is fetched")
def _(stage: Stage) -> None:
    mine, other = _jpeg(stage), "http://elsewhere.example/a.jpg"
    refused(_account(stage).photos(mine, other), 403, "url_ownership_unverified")
    same(stage.fetches(mine), [])


@case("2.4", "an unaudited app is held to SELF_ONLY and private accounts with photos, too")
def _(stage: Stage) -> None:
    app = stage.app(audited=False, verified_urls=["media.conformance.example"])
    code = "unaudited_client_can_only_post_to_private_accounts"
    refused(stage.account(app).photos(_jpeg(stage), privacy_level="SELF_ONLY"), 403, code)
    private = stage.account(app, private_account=True)
    same(private.photos(_jpeg(stage), privacy_level="SELF_ONLY").code, "ok")


@case("2.4", "a banned creator posts no photos: {mode}", mode=MODES)
def _(stage: Stage, mode: str) -> None:
    reply = _account(stage, banned=True).photos(_jpeg(stage), mode=mode)
    refused(reply, 403, "spam_risk_user_banned_from_posting")


@case("2.4", "photos use up the day's posts")
def _(stage: Stage) -> None:
    account = _account(stage, daily_post_cap=1)
    account.fetched(account.photos(_jpeg(stage)).data["publish_id"])
    refused(account.again().photos(_jpeg(stage)), 403, "spam_risk_too_many_posts")
