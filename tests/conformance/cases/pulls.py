"""2.6: addresses TikTok fetches, and stopping it."""

from conformance.account import Account
from conformance.book import case
from conformance.outside import sha256
from conformance.place import DEAD, FILES
from conformance.reply import has_keys, holds, refused, same
from conformance.stage import Stage
from conformance.wishes import ALL_SCOPES, JPEG, PUBLISH, by_file, by_url, movie

FILM = movie(200_000)
UNVERIFIED = "url_ownership_unverified"


def _account(stage: Stage, *verified: str) -> Account:
    return stage.account(stage.app(verified_urls=list(verified or (FILES,))))


def _begun(stage: Stage, url: str, *verified: str) -> tuple[Account, str]:
    account = _account(stage, *verified)
    return account, str(account.init(by_url(url)).data["publish_id"])


@case("2.6", "a file is fetched with one GET and posted byte for byte")
def _(stage: Stage) -> None:
    url = stage.file(FILM)
    account, publish_id = _begun(stage, url)
    same(account.fetched(publish_id)["status"], "PUBLISH_COMPLETE")
    same(stage.ledger(publish_id)[0]["sha256"], sha256(FILM))
    same([each.method for each in stage.fetches(url)], ["GET"])


@case("2.6", "downloaded_bytes takes the place of uploaded_bytes, and is the size in the end")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(FILM))
    found = account.fetched(publish_id)
    same(found["downloaded_bytes"], len(FILM))
    holds("uploaded_bytes" not in found, "uploaded_bytes in a download")


@case("2.6", "a download that is under way is PROCESSING_DOWNLOAD and tells how far it is")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(FILM, pause_after=150_000))
    account.downloading(publish_id, 150_000)
    account.expect(publish_id, "PROCESSING_DOWNLOAD", downloaded_bytes=150_000)


_COVERED = {
    "a domain covers itself": ([FILES], FILES),
    "a domain covers its subdomains": ([FILES], f"cdn.{FILES}"),
    "a parent domain covers it": (["conformance.example"], FILES),
    "a domain is not particular about case": ([FILES.upper()], FILES),
    "one of several is enough": (["other.example", FILES], FILES),
    "a prefix covers what begins with it": ([f"http://{FILES}/"], FILES),
}


@case("2.6", "{owned}", owned=_COVERED)
def _(stage: Stage, owned: tuple[list[str], str]) -> None:
    verified, host = owned
    same(_account(stage, *verified).init(by_url(stage.file(FILM, host=host))).code, "ok")


_NOT_COVERED = {
    "nothing is verified": ([], f"https://{FILES}/a.mp4"),
    "a name that only ends alike": ([FILES], f"https://not{FILES}/a.mp4"),
    "a name that only begins alike": ([FILES], f"https://{FILES}.evil.example/a.mp4"),
    "the parent of a verified domain": ([f"cdn.{FILES}"], f"https://{FILES}/a.mp4"),
    "the verified name as user name": ([FILES], f"https://{FILES}@evil.example/a.mp4"),
    "another path than the prefix": ([f"https://{FILES}/clips/"], f"https://{FILES}/other/a.mp4"),
    "another scheme than the prefix": ([f"https://{FILES}/clips/"], f"http://{FILES}/clips/a.mp4"),
    "a subdomain of a prefix's host": ([f"https://{FILES}/clips/"], f"https://cdn.{FILES}/clips/a.mp4"),
    "an IPv4 address": (["127.0.0.1"], "https://127.0.0.1/a.mp4"),
    "an IPv6 address": (["[::1]"], "https://[::1]/a.mp4"),
    "an IPv4 address in one number": (["2130706433"], "https://2130706433/a.mp4"),
}


@case("2.6", "url_ownership_unverified: {owned}", owned=_NOT_COVERED)
def _(stage: Stage, owned: tuple[list[str], str]) -> None:
    account = stage.account(stage.app(verified_urls=owned[0]))
    refused(account.init(by_url(owned[1])), 403, UNVERIFIED)


@case("2.6", "what is not verified is not fetched")
def _(stage: Stage) -> None:
    url = stage.file(FILM)
    refused(stage.account().init(by_url(url)), 403, UNVERIFIED)
    account, publish_id = _begun(stage, stage.file(FILM))
    account.fetched(publish_id)
    same(stage.fetches(url), [])


@case("2.6", "each app verifies for itself")
def _(stage: Stage) -> None:
    url = stage.file(FILM)
    same(_account(stage).init(by_url(url)).code, "ok")
    refused(stage.account(stage.app()).init(by_url(url)), 403, UNVERIFIED)


@case("2.6", "http is refused: only https may be fetched")
def _(stage: Stage) -> None:
    account = _account(stage)
    with stage.settings(pulls={"allow_http": False}):
        refused(account.init(by_url(f"http://{FILES}/a.mp4")), 400, "invalid_params")


@case(
    "2.6",
    "no address to fetch: {url}",
    url={"another scheme": f"ftp://{FILES}/a.mp4", "no scheme": f"{FILES}/a.mp4", "a file": "file:///etc/passwd"},
)
def _(stage: Stage, url: str) -> None:
    refused(_account(stage).init(by_url(url)), 400, "invalid_params")


def _fails(stage: Stage, url: str, reason: str) -> None:
    account, publish_id = _begun(stage, url)
    found = account.fetched(publish_id)
    same((found["status"], found.get("fail_reason")), ("FAILED", reason))


@case("2.6", "a {status} is as good as nothing: video_pull_failed", status=[204, 206, 403, 404, 410, 500, 503])
def _(stage: Stage, status: int) -> None:
    _fails(stage, stage.file(b"" if status == 204 else FILM, status=status), "video_pull_failed")


@case("2.6", "a redirect ({status}) is not followed: video_pull_failed", status=[301, 302, 303, 307, 308])
def _(stage: Stage, status: int) -> None:
    # A place that could be fetched from, or it would fail for another reason.
    elsewhere = stage.file(FILM, host=stage.place.outside.address)
    _fails(stage, stage.file(status=status, headers={"Location": elsewhere}), "video_pull_failed")
    same(stage.fetches(elsewhere), [])


@case("2.6", "an empty file is video_pull_failed")
def _(stage: Stage) -> None:
    _fails(stage, stage.file(b""), "video_pull_failed")


@case("2.6", "a file that breaks off is video_pull_failed")
def _(stage: Stage) -> None:
    _fails(stage, stage.file(FILM, length=len(FILM) + 1), "video_pull_failed")


@case("2.6", "a host nobody answers at is video_pull_failed")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, f"http://{DEAD}/a.mp4", DEAD)
    same(account.fetched(publish_id).get("fail_reason"), "video_pull_failed")


@case("2.6", "a download that is not over after an hour is video_pull_failed")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(FILM, pause_after=1_000))
    account.downloading(publish_id, 1_000)
    stage.advance(3_500)
    account.expect(publish_id, "PROCESSING_DOWNLOAD")
    stage.advance(200)
    account.expect(publish_id, "FAILED", fail_reason="video_pull_failed")


@case("2.6", "one photo that cannot be had is photo_pull_failed")
def _(stage: Stage) -> None:
    account = _account(stage)
    publish_id = account.photos(stage.file(JPEG), stage.file(status=404)).data["publish_id"]
    same(account.fetched(publish_id).get("fail_reason"), "photo_pull_failed")


@case("2.6", "a photo behind a redirect is photo_pull_failed")
def _(stage: Stage) -> None:
    account = _account(stage)
    elsewhere = stage.file(JPEG, host=stage.place.outside.address)
    moved = stage.file(status=302, headers={"Location": elsewhere})
    same(account.fetched(account.photos(moved).data["publish_id"]).get("fail_reason"), "photo_pull_failed")


@case("2.6", "cancel/ stops a download, which fails with publish_cancelled; its answer has no data")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(FILM, pause_after=1_000))
    account.downloading(publish_id, 1_000)
    reply = account.cancel(publish_id)
    same((reply.status, reply.code), (200, "ok"))
    has_keys(reply.json, ["error"])
    account.expect(publish_id, "FAILED", fail_reason="publish_cancelled")


@case("2.6", "cancel/ stops photos, too")
def _(stage: Stage) -> None:
    account = _account(stage)
    publish_id = account.photos(stage.file(JPEG, pause_after=10)).data["publish_id"]
    same(account.cancel(publish_id).code, "ok")
    account.expect(publish_id, "FAILED", fail_reason="publish_cancelled")


@case("2.6", "cancel/ stops the download of a draft")
def _(stage: Stage) -> None:
    account = _account(stage)
    publish_id = account.inbox(by_url(stage.file(FILM, pause_after=10))).data["publish_id"]
    same(account.cancel(publish_id).code, "ok")
    account.expect(publish_id, "FAILED", fail_reason="publish_cancelled")


@case("2.6", "what was cancelled is never posted")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(FILM, pause_after=1_000))
    account.cancel(publish_id)
    stage.advance(10_000)
    account.expect(publish_id, "FAILED", fail_reason="publish_cancelled")
    same(stage.ledger(publish_id), [])


@case("2.6", "publish_not_cancellable: cancelled already")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(FILM, pause_after=1_000))
    account.cancel(publish_id)
    refused(account.cancel(publish_id), 400, "publish_not_cancellable")


@case("2.6", "publish_not_cancellable: complete")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(FILM))
    account.fetched(publish_id)
    refused(account.again().cancel(publish_id), 400, "publish_not_cancellable")


@case("2.6", "publish_not_cancellable: failed")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(status=404))
    account.fetched(publish_id)
    refused(account.again().cancel(publish_id), 400, "publish_not_cancellable")


@case("2.6", "publish_not_cancellable: an upload is no download")
def _(stage: Stage) -> None:
    account = stage.account()
    refused(account.cancel(account.ticket(by_file(9)).publish_id), 400, "publish_not_cancellable")


@case("2.6", "invalid_publish_id: nothing of that name can be cancelled")
def _(stage: Stage) -> None:
    refused(stage.account().cancel("v_pub_url~v2.123"), 400, "invalid_publish_id")


@case("2.6", "token_not_authorized_for_specified_publish_id: somebody else's cannot be cancelled")
def _(stage: Stage) -> None:
    account, publish_id = _begun(stage, stage.file(FILM, pause_after=1_000))
    other = stage.account(account.app)
    refused(other.cancel(publish_id), 400, "token_not_authorized_for_specified_publish_id")
    account.expect(publish_id, "PROCESSING_DOWNLOAD")


@case("2.6", "cancel/ with {body} is refused", body={"no body": b"", "no id": {}, "a number": {"publish_id": 7}})
def _(stage: Stage, body: object) -> None:
    same(stage.account().call(f"{PUBLISH}cancel/", body).status, 400)


@case("2.6", "video.upload is scope enough to cancel a draft")
def _(stage: Stage) -> None:
    account = _account(stage)
    publish_id = account.inbox(by_url(stage.file(FILM, pause_after=10))).data["publish_id"]
    scopes = [scope for scope in ALL_SCOPES if scope != "video.publish"]
    same(stage.account(account.app, username=account.username, scopes=scopes).cancel(publish_id).code, "ok")
