"""0: the shapes of identifiers."""

import re

from conformance.case_registry import case
from conformance.checks import check, check_equal
from conformance.request_bodies import file_source, url_source
from conformance.scenario import Scenario


def _check_shape(text: object, pattern: str) -> None:
    check(re.fullmatch(pattern, str(text)), f"{text!r} does not look like {pattern}")


@case("0", "access tokens begin with act., refresh tokens with rft.")
def _(scenario: Scenario) -> None:
    given = scenario.exchange(app := scenario.app(), scenario.code(app)).json
    _check_shape(given["access_token"], r"act\..+")
    _check_shape(given["refresh_token"], r"rft\..+")


@case("0", "an app's own token begins with clt.")
def _(scenario: Scenario) -> None:
    form = {**scenario.app().credentials, "grant_type": "client_credentials"}
    _check_shape(scenario.token(form).json["access_token"], r"clt\..+")


@case("0", "a code needs percent-encoding: it comes with %2A and %21")
def _(scenario: Scenario) -> None:
    sandbox = scenario.consent(scenario.app()).headers["location"]
    _check_shape(sandbox, r".*[?&]code=[^&]+%2A1%214608\.va(&.*)?")


@case("0", "an open id has at most 64 characters and is stable")
def _(scenario: Scenario) -> None:
    app, creator_account = scenario.app(), scenario.creator_account()
    first = scenario.exchange(app, scenario.code(app, creator=creator_account)).json["open_id"]
    check_equal(scenario.exchange(app, scenario.code(app, creator=creator_account)).json["open_id"], first)
    _check_shape(first, r"[A-Za-z0-9_-]{8,64}")


@case("0", "two people have two open ids")
def _(scenario: Scenario) -> None:
    app = scenario.app()
    check(scenario.account(app).open_id != scenario.account(app).open_id, "one open id for two people")


_KINDS = {
    "v_pub_file~v2-1. and 19 digits for an uploaded video": ("direct", False, r"v_pub_file~v2-1\.\d{19}"),
    "v_pub_url~v2. for a fetched video": ("direct", True, r"v_pub_url~v2\.\d+"),
    "v_inbox_file~v2. and 19 digits for an uploaded draft": ("inbox", False, r"v_inbox_file~v2\.\d{19}"),
    "v_inbox_url~v2. for a fetched draft": ("inbox", True, r"v_inbox_url~v2\.\d+"),
    "p_pub_url~v2. for photos": ("DIRECT_POST", True, r"p_pub_url~v2\.\d+"),
    "p_pub_url~v2. for photos in the inbox too": ("MEDIA_UPLOAD", True, r"p_pub_url~v2\.\d+"),
}


@case("0", "a publish id is {kind}", kind=_KINDS)
def _(scenario: Scenario, kind: tuple[str, bool, str]) -> None:
    way, wait_for_download, pattern = kind
    account = scenario.account(scenario.app(verified_urls=["media.conformance.example"]))
    url = scenario.file(b"nothing much")
    source = url_source(url) if wait_for_download else file_source(1_000)
    match way:
        case "direct":
            reply = account.init(source)
        case "inbox":
            reply = account.inbox(source)
        case _:
            reply = account.photos(url, mode=way)
    publish_id = reply.data["publish_id"]
    _check_shape(publish_id, pattern)
    check(len(publish_id) <= 64, f"{len(publish_id)} characters")


@case("0", "a post id has 19 digits, too many for a double")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    (post_id,) = account.status(account.post_publicly()).data["publicaly_available_post_id"]
    _check_shape(post_id, r"\d{19}")
    check(post_id > 2**53, "a double would hold it")


@case("0", "a log id is a time and 20 uppercase hex digits")
def _(scenario: Scenario) -> None:
    _check_shape(scenario.account().creator_info().error["log_id"], r"20\d{12}[0-9A-F]{20}")


@case("0", "every answer has a log id of its own")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    ids = {account.creator_info().error["log_id"] for _ in range(5)}
    check_equal(len(ids), 5, "different log ids")
