"""0: what identifiers look like."""

import re

from conformance.book import case
from conformance.reply import holds, same
from conformance.stage import Stage
from conformance.wishes import by_file, by_url


def _looks(text: object, pattern: str) -> None:
    holds(re.fullmatch(pattern, str(text)), f"{text!r} does not look like {pattern}")


@case("0", "an access token begins with act. and a refresh token with rft.")
def _(stage: Stage) -> None:
    given = stage.exchange(app := stage.app(), stage.code(app)).json
    _looks(given["access_token"], r"act\..+")
    _looks(given["refresh_token"], r"rft\..+")


@case("0", "an app's own token begins with clt.")
def _(stage: Stage) -> None:
    form = {**stage.app().credentials, "grant_type": "client_credentials"}
    _looks(stage.token(form).json["access_token"], r"clt\..+")


@case("0", "a code needs percent-encoding: it comes with %2A and %21")
def _(stage: Stage) -> None:
    place = stage.consent(stage.app()).headers["location"]
    _looks(place, r".*[?&]code=[^&]+%2A1%214608\.va(&.*)?")


@case("0", "an open id is opaque, at most 64 long, and the same at the next consent")
def _(stage: Stage) -> None:
    app, person = stage.app(), stage.person()
    first = stage.exchange(app, stage.code(app, creator=person)).json["open_id"]
    same(stage.exchange(app, stage.code(app, creator=person)).json["open_id"], first)
    _looks(first, r"[A-Za-z0-9_-]{8,64}")


@case("0", "two people have two open ids")
def _(stage: Stage) -> None:
    app = stage.app()
    holds(stage.account(app).open_id != stage.account(app).open_id, "one open id for two people")


_KINDS = {
    "v_pub_file~v2-1. and 19 digits for an uploaded video": ("direct", False, r"v_pub_file~v2-1\.\d{19}"),
    "v_pub_url~v2. for a fetched video": ("direct", True, r"v_pub_url~v2\.\d+"),
    "v_inbox_file~v2. and 19 digits for an uploaded draft": ("inbox", False, r"v_inbox_file~v2\.\d{19}"),
    "v_inbox_url~v2. for a fetched draft": ("inbox", True, r"v_inbox_url~v2\.\d+"),
    "p_pub_url~v2. for photos": ("DIRECT_POST", True, r"p_pub_url~v2\.\d+"),
    "p_pub_url~v2. for photos in the inbox too": ("MEDIA_UPLOAD", True, r"p_pub_url~v2\.\d+"),
}


@case("0", "a publish id is {kind}", kind=_KINDS)
def _(stage: Stage, kind: tuple[str, bool, str]) -> None:
    way, fetched, pattern = kind
    account = stage.account(stage.app(verified_urls=["media.conformance.example"]))
    url = stage.file(b"nothing much")
    source = by_url(url) if fetched else by_file(1_000)
    match way:
        case "direct":
            reply = account.init(source)
        case "inbox":
            reply = account.inbox(source)
        case _:
            reply = account.photos(url, mode=way)
    publish_id = reply.data["publish_id"]
    _looks(publish_id, pattern)
    holds(len(publish_id) <= 64, f"{len(publish_id)} characters")


@case("0", "a post id is a number of 19 digits, beyond what a double can hold")
def _(stage: Stage) -> None:
    account = stage.account()
    (post_id,) = account.status(account.posted()).data["publicaly_available_post_id"]
    _looks(post_id, r"\d{19}")
    holds(post_id > 2**53, "a double would hold it")


@case("0", "a log id is a moment and 20 uppercase hex digits, 34 characters")
def _(stage: Stage) -> None:
    _looks(stage.account().creator_info().error["log_id"], r"20\d{12}[0-9A-F]{20}")


@case("0", "every answer has a log id of its own")
def _(stage: Stage) -> None:
    account = stage.account()
    ids = {account.creator_info().error["log_id"] for _ in range(5)}
    same(len(ids), 5, "different log ids")
