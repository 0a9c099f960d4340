"""2.6: which URLs TikTok downloads, and cancelling a download."""

from conformance.account import Account
from conformance.case_registry import case
from conformance.checks import check, check_equal, check_keys, check_refused
from conformance.external_server import sha256
from conformance.request_bodies import ALL_SCOPES, JPEG, PUBLISH, file_source, mp4_bytes, url_source
from conformance.sandbox_client import DEAD_HOST, FILE_HOST
from conformance.scenario import Scenario

VIDEO = mp4_bytes(200_000)
UNVERIFIED = "url_ownership_unverified"


def _account(scenario: Scenario, *verified: str) -> Account:
    return scenario.account(scenario.app(verified_urls=list(verified or (FILE_HOST,))))


def _start_download(scenario: Scenario, url: str, *verified: str) -> tuple[Account, str]:
    account = _account(scenario, *verified)
    return account, str(account.init(url_source(url)).data["publish_id"])


@case("2.6", "a file is fetched with one GET and posted byte for byte")
def _(scenario: Scenario) -> None:
    url = scenario.file(VIDEO)
    account, publish_id = _start_download(scenario, url)
    check_equal(account.wait_for_download(publish_id)["status"], "PUBLISH_COMPLETE")
    check_equal(scenario.ledger(publish_id)[0]["sha256"], sha256(VIDEO))
    check_equal([each.method for each in scenario.requests_for(url)], ["GET"])


@case("2.6", "downloaded_bytes replaces uploaded_bytes, ends at the size")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(VIDEO))
    found = account.wait_for_download(publish_id)
    check_equal(found["downloaded_bytes"], len(VIDEO))
    check("uploaded_bytes" not in found, "uploaded_bytes in a download")


@case("2.6", "a running download is PROCESSING_DOWNLOAD with progress")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(VIDEO, pause_after=150_000))
    account.wait_for_progress(publish_id, 150_000)
    account.check_status(publish_id, "PROCESSING_DOWNLOAD", downloaded_bytes=150_000)


_COVERED = {
    "a domain covers itself": ([FILE_HOST], FILE_HOST),
    "a domain covers its subdomains": ([FILE_HOST], f"cdn.{FILE_HOST}"),
    "a parent domain covers it": (["conformance.example"], FILE_HOST),
    "a domain is not particular about case": ([FILE_HOST.upper()], FILE_HOST),
    "one of several is enough": (["other.example", FILE_HOST], FILE_HOST),
    "a prefix covers what begins with it": ([f"http://{FILE_HOST}/"], FILE_HOST),
}


@case("2.6", "{owned}", owned=_COVERED)
def _(scenario: Scenario, owned: tuple[list[str], str]) -> None:
    verified, host = owned
    check_equal(_account(scenario, *verified).init(url_source(scenario.file(VIDEO, host=host))).code, "ok")


_NOT_COVERED = {
    "nothing is verified": ([], f"https://{FILE_HOST}/a.mp4"),
    "a name with the same end only": ([FILE_HOST], f"https://not{FILE_HOST}/a.mp4"),
    "a name with the same beginning only": ([FILE_HOST], f"https://{FILE_HOST}.evil.example/a.mp4"),
    "the parent of a verified domain": ([f"cdn.{FILE_HOST}"], f"https://{FILE_HOST}/a.mp4"),
    "the verified name as user name": ([FILE_HOST], f"https://{FILE_HOST}@evil.example/a.mp4"),
    "another path than the prefix": ([f"https://{FILE_HOST}/clips/"], f"https://{FILE_HOST}/other/a.mp4"),
    "another scheme than the prefix": ([f"https://{FILE_HOST}/clips/"], f"http://{FILE_HOST}/clips/a.mp4"),
    "a subdomain of a prefix's host": ([f"https://{FILE_HOST}/clips/"], f"https://cdn.{FILE_HOST}/clips/a.mp4"),
    "an IPv4 address": (["127.0.0.1"], "https://127.0.0.1/a.mp4"),
    "an IPv6 address": (["[::1]"], "https://[::1]/a.mp4"),
    "an IPv4 address in one number": (["2130706433"], "https://2130706433/a.mp4"),
}


@case("2.6", "url_ownership_unverified: {owned}", owned=_NOT_COVERED)
def _(scenario: Scenario, owned: tuple[list[str], str]) -> None:
    account = scenario.account(scenario.app(verified_urls=owned[0]))
    check_refused(account.init(url_source(owned[1])), 403, UNVERIFIED)


@case("2.6", "what is not verified is not fetched")
def _(scenario: Scenario) -> None:
    url = scenario.file(VIDEO)
    check_refused(scenario.account().init(url_source(url)), 403, UNVERIFIED)
    account, publish_id = _start_download(scenario, scenario.file(VIDEO))
    account.wait_for_download(publish_id)
    check_equal(scenario.requests_for(url), [])


@case("2.6", "each app verifies for itself")
def _(scenario: Scenario) -> None:
    url = scenario.file(VIDEO)
    check_equal(_account(scenario).init(url_source(url)).code, "ok")
    check_refused(scenario.account(scenario.app()).init(url_source(url)), 403, UNVERIFIED)


@case("2.6", "http is refused: only https may be fetched")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    with scenario.settings(pulls={"allow_http": False}):
        check_refused(account.init(url_source(f"http://{FILE_HOST}/a.mp4")), 400, "invalid_params")


@case(
    "2.6",
    "no address to fetch: {url}",
    url={
        "another scheme": f"ftp://{FILE_HOST}/a.mp4",
        "no scheme": f"{FILE_HOST}/a.mp4",
        "a file": "file:///etc/passwd",
    },
)
def _(scenario: Scenario, url: str) -> None:
    check_refused(_account(scenario).init(url_source(url)), 400, "invalid_params")


def _fails(scenario: Scenario, url: str, reason: str) -> None:
    account, publish_id = _start_download(scenario, url)
    found = account.wait_for_download(publish_id)
    check_equal((found["status"], found.get("fail_reason")), ("FAILED", reason))


@case("2.6", "a {status} is as good as nothing: video_pull_failed", status=[204, 206, 403, 404, 410, 500, 503])
def _(scenario: Scenario, status: int) -> None:
    _fails(scenario, scenario.file(b"" if status == 204 else VIDEO, status=status), "video_pull_failed")


@case("2.6", "a redirect ({status}) is not followed: video_pull_failed", status=[301, 302, 303, 307, 308])
def _(scenario: Scenario, status: int) -> None:
    # A place that could be fetched from, or it would fail for another reason.
    elsewhere = scenario.file(VIDEO, host=scenario.sandbox.external.address)
    _fails(scenario, scenario.file(status=status, headers={"Location": elsewhere}), "video_pull_failed")
    check_equal(scenario.requests_for(elsewhere), [])


@case("2.6", "an empty file is video_pull_failed")
def _(scenario: Scenario) -> None:
    _fails(scenario, scenario.file(b""), "video_pull_failed")


@case("2.6", "a file that breaks off is video_pull_failed")
def _(scenario: Scenario) -> None:
    _fails(scenario, scenario.file(VIDEO, length=len(VIDEO) + 1), "video_pull_failed")


@case("2.6", "a host that does not answer is video_pull_failed")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, f"http://{DEAD_HOST}/a.mp4", DEAD_HOST)
    check_equal(account.wait_for_download(publish_id).get("fail_reason"), "video_pull_failed")


@case("2.6", "a download longer than an hour is video_pull_failed")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(VIDEO, pause_after=1_000))
    account.wait_for_progress(publish_id, 1_000)
    scenario.advance(3_500)
    account.check_status(publish_id, "PROCESSING_DOWNLOAD")
    scenario.advance(200)
    account.check_status(publish_id, "FAILED", fail_reason="video_pull_failed")


@case("2.6", "one photo that cannot be had is photo_pull_failed")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    publish_id = account.photos(scenario.file(JPEG), scenario.file(status=404)).data["publish_id"]
    check_equal(account.wait_for_download(publish_id).get("fail_reason"), "photo_pull_failed")


@case("2.6", "a photo behind a redirect is photo_pull_failed")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    elsewhere = scenario.file(JPEG, host=scenario.sandbox.external.address)
    moved = scenario.file(status=302, headers={"Location": elsewhere})
    check_equal(
        account.wait_for_download(account.photos(moved).data["publish_id"]).get("fail_reason"), "photo_pull_failed"
    )


@case("2.6", "cancel/ stops a download: publish_cancelled, no data")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(VIDEO, pause_after=1_000))
    account.wait_for_progress(publish_id, 1_000)
    reply = account.cancel(publish_id)
    check_equal((reply.status, reply.code), (200, "ok"))
    check_keys(reply.json, ["error"])
    account.check_status(publish_id, "FAILED", fail_reason="publish_cancelled")


@case("2.6", "cancel/ stops photos, too")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    publish_id = account.photos(scenario.file(JPEG, pause_after=10)).data["publish_id"]
    check_equal(account.cancel(publish_id).code, "ok")
    account.check_status(publish_id, "FAILED", fail_reason="publish_cancelled")


@case("2.6", "cancel/ stops the download of a draft")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    publish_id = account.inbox(url_source(scenario.file(VIDEO, pause_after=10))).data["publish_id"]
    check_equal(account.cancel(publish_id).code, "ok")
    account.check_status(publish_id, "FAILED", fail_reason="publish_cancelled")


@case("2.6", "what was cancelled is never posted")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(VIDEO, pause_after=1_000))
    account.cancel(publish_id)
    scenario.advance(10_000)
    account.check_status(publish_id, "FAILED", fail_reason="publish_cancelled")
    check_equal(scenario.ledger(publish_id), [])


@case("2.6", "publish_not_cancellable: cancelled already")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(VIDEO, pause_after=1_000))
    account.cancel(publish_id)
    check_refused(account.cancel(publish_id), 400, "publish_not_cancellable")


@case("2.6", "publish_not_cancellable: complete")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(VIDEO))
    account.wait_for_download(publish_id)
    check_refused(account.with_new_token().cancel(publish_id), 400, "publish_not_cancellable")


@case("2.6", "publish_not_cancellable: failed")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(status=404))
    account.wait_for_download(publish_id)
    check_refused(account.with_new_token().cancel(publish_id), 400, "publish_not_cancellable")


@case("2.6", "publish_not_cancellable: an upload is no download")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    check_refused(account.cancel(account.open_upload(file_source(9)).publish_id), 400, "publish_not_cancellable")


@case("2.6", "invalid_publish_id: nothing of that name can be cancelled")
def _(scenario: Scenario) -> None:
    check_refused(scenario.account().cancel("v_pub_url~v2.123"), 400, "invalid_publish_id")


@case("2.6", "token_not_authorized_for_specified_publish_id at cancel/")
def _(scenario: Scenario) -> None:
    account, publish_id = _start_download(scenario, scenario.file(VIDEO, pause_after=1_000))
    other = scenario.account(account.app)
    check_refused(other.cancel(publish_id), 400, "token_not_authorized_for_specified_publish_id")
    account.check_status(publish_id, "PROCESSING_DOWNLOAD")


@case("2.6", "cancel/ with {body} is refused", body={"no body": b"", "no id": {}, "a number": {"publish_id": 7}})
def _(scenario: Scenario, body: object) -> None:
    check_equal(scenario.account().call(f"{PUBLISH}cancel/", body).status, 400)


@case("2.6", "video.upload is scope enough to cancel a draft")
def _(scenario: Scenario) -> None:
    account = _account(scenario)
    publish_id = account.inbox(url_source(scenario.file(VIDEO, pause_after=10))).data["publish_id"]
    scopes = [scope for scope in ALL_SCOPES if scope != "video.publish"]
    check_equal(scenario.account(account.app, username=account.username, scopes=scopes).cancel(publish_id).code, "ok")
