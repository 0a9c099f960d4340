"""2.5, second half: the bytes on their way to the upload url."""

import time
from typing import Any
from urllib.parse import urlsplit

from conformance.account import Account, UploadTarget
from conformance.case_registry import case
from conformance.checks import Reply, check, check_equal
from conformance.external_server import sha256
from conformance.request_bodies import file_source, mp4_bytes
from conformance.sandbox_client import wait_until
from conformance.scenario import Scenario

CHUNK = 5_242_880
TWO = file_source(2 * CHUNK + 5, CHUNK, 2)
TOTAL = 2 * CHUNK + 5
VIDEO = mp4_bytes(TOTAL)


def _start_upload(scenario: Scenario) -> tuple[Account, UploadTarget]:
    account = scenario.account()
    return account, account.open_upload(TWO)


def _first(scenario: Scenario, target: UploadTarget) -> Reply:
    return scenario.put(target.url, VIDEO[:CHUNK], total=TOTAL)


def _second(scenario: Scenario, target: UploadTarget) -> Reply:
    return scenario.put(target.url, VIDEO[CHUNK:], first=CHUNK, total=TOTAL)


@case("2.5", "the only chunk is answered 201")
def _(scenario: Scenario) -> None:
    check_equal(scenario.put(scenario.account().open_upload(file_source(9)).url, mp4_bytes(9)).status, 201)


@case("2.5", "a chunk before the last is answered 206, the last 201")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    check_equal((_first(scenario, target).status, _second(scenario, target).status), (206, 201))


@case("2.5", "documented example: four 206, then 201 for 10000123 bytes")
def _(scenario: Scenario) -> None:
    total, chunk = 50_000_123, 10_000_000
    target = scenario.account().open_upload(file_source(total, chunk, 5))
    starts = range(0, 5 * chunk, chunk)
    sizes = [chunk, chunk, chunk, chunk, 10_000_123]
    content = bytes(sizes[-1])
    found = [
        scenario.put(target.url, content[:size], first=first, total=total).status
        for first, size in zip(starts, sizes, strict=True)
    ]
    check_equal(found, [206, 206, 206, 206, 201])


@case("2.5", "206 and 201 say how far the upload is")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    check_equal(_first(scenario, target).headers.get("content-range"), f"bytes 0-{CHUNK - 1}/{TOTAL}")
    check_equal(_second(scenario, target).headers.get("content-range"), f"bytes 0-{TOTAL - 1}/{TOTAL}")


@case(
    "2.5",
    "a chunk at another offset gets 416: {start}",
    start={
        "a byte too early": CHUNK - 1,
        "a byte too late": CHUNK + 1,
        "the same chunk again": 0,
    },
)
def _(scenario: Scenario, start: int) -> None:
    _, target = _start_upload(scenario)
    _first(scenario, target)
    reply = scenario.put(target.url, VIDEO[start : start + CHUNK], first=start, total=TOTAL)
    check_equal((reply.status, reply.headers.get("content-range")), (416, f"bytes 0-{CHUNK - 1}/{TOTAL}"))


@case("2.5", "the second chunk cannot go first: 416")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    check_equal(_second(scenario, target).status, 416)


@case("2.5", "another total than announced gets 416")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    check_equal(scenario.put(target.url, VIDEO[:CHUNK], total=TOTAL + 1).status, 416)


@case("2.5", "after 416 the upload goes on where it was")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)
    _second(scenario, target)
    check_equal((_first(scenario, target).status, _second(scenario, target).status), (206, 201))
    scenario.advance(100)
    account.check_status(target.publish_id, "PUBLISH_COMPLETE")


@case(
    "2.5",
    "a chunk of other than chunk_size gets 400: {size}",
    size={
        "one fewer": CHUNK - 1,
        "one more": CHUNK + 1,
        "everything at once": TOTAL,
    },
)
def _(scenario: Scenario, size: int) -> None:
    account, target = _start_upload(scenario)
    check_equal(scenario.put(target.url, VIDEO[:size], total=TOTAL).status, 400)
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)


@case("2.5", "the last chunk must have all remaining bytes, or gets 400")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    _first(scenario, target)
    check_equal(scenario.put(target.url, VIDEO[CHUNK:-1], first=CHUNK, total=TOTAL).status, 400)
    check_equal(_second(scenario, target).status, 201)


_HEADERS: dict[str, dict[str, str | None]] = {
    "no Content-Range": {"content_range": None},
    "an empty Content-Range": {"content_range": ""},
    "a Content-Range without unit": {"content_range": "0-8/9"},
    "a Content-Range without total": {"content_range": "bytes 0-8/*"},
    "a Content-Range in letters": {"content_range": "bytes a-b/c"},
    "a Content-Range longer than the body": {"content_range": "bytes 0-9/9"},
    "no Content-Type": {"content_type": None},
    "another Content-Type": {"content_type": "application/octet-stream"},
    "a picture's Content-Type": {"content_type": "image/jpeg"},
}


@case("2.5", "400 for {headers}", headers=_HEADERS)
def _(scenario: Scenario, headers: dict[str, Any]) -> None:
    target = scenario.account().open_upload(file_source(9))
    check_equal(scenario.put(target.url, mp4_bytes(9), **headers).status, 400)
    check_equal(scenario.put(target.url, mp4_bytes(9)).status, 201)


@case("2.5", "{kind} is accepted", kind=["video/mp4", "video/quicktime", "video/webm"])
def _(scenario: Scenario, kind: str) -> None:
    check_equal(
        scenario.put(scenario.account().open_upload(file_source(9)).url, mp4_bytes(9), content_type=kind).status, 201
    )


@case("2.5", "no Authorization is needed, and one sent is ignored")
def _(scenario: Scenario) -> None:
    target = scenario.account().open_upload(file_source(9))
    check_equal(scenario.put(target.url, mp4_bytes(9), authorization="Bearer nonsense").status, 201)


@case("2.5", "an upload url dies after an hour: 403")
def _(scenario: Scenario) -> None:
    target = scenario.account().open_upload(file_source(9))
    scenario.advance(3_601)
    check_equal(scenario.put(target.url, mp4_bytes(9)).status, 403)


@case("2.5", "an upload url lives for nearly an hour")
def _(scenario: Scenario) -> None:
    target = scenario.account().open_upload(file_source(9))
    scenario.advance(3_590)
    check_equal(scenario.put(target.url, mp4_bytes(9)).status, 201)


@case("2.5", "a second chunk after the upload's hour gets 403")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)
    _first(scenario, target)
    scenario.advance(3_601)
    check_equal(_second(scenario, target).status, 403)
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=CHUNK)


@case("2.5", "a chunk does not make the hour longer")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    scenario.advance(3_000)
    check_equal(_first(scenario, target).status, 206)
    scenario.advance(700)
    check_equal(_second(scenario, target).status, 403)


@case("2.5", "an access token that died meanwhile does not end an upload")
def _(scenario: Scenario) -> None:
    with scenario.settings(lifetimes={"access_token": 60}):
        account, target = _start_upload(scenario)
        _first(scenario, target)
        scenario.advance(100)
        check_equal(account.status(target.publish_id).code, "access_token_invalid")
        check_equal(_second(scenario, target).status, 201)


@case("2.5", "404 for {what} that was never given out", what={"an upload_id": "upload_id", "a token": "upload_token"})
def _(scenario: Scenario, what: str) -> None:
    url = scenario.account().open_upload(file_source(9)).url
    check_equal(scenario.put(url.replace(f"{what}=", f"{what}=0"), mp4_bytes(9)).status, 404)


@case("2.5", "404 for an upload url without its query")
def _(scenario: Scenario) -> None:
    url = scenario.account().open_upload(file_source(9)).url
    check_equal(scenario.put(url.partition("?")[0], mp4_bytes(9)).status, 404)


@case("2.5", "404 for the token of another upload")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    one, other = account.open_upload(file_source(9)).url, account.open_upload(file_source(9)).url
    mixed = one.partition("upload_token=")[0] + "upload_token=" + other.partition("upload_token=")[2]
    check_equal(scenario.put(mixed, mp4_bytes(9)).status, 404)


@case("2.5", "404 for anything after the last chunk")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    _first(scenario, target)
    _second(scenario, target)
    check_equal((_second(scenario, target).status, _first(scenario, target).status), (404, 404))


@case("2.5", "404 once the post was ended")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    _first(scenario, target)
    scenario.publication(target.publish_id, "fail", reason="internal")
    check_equal(_second(scenario, target).status, 404)


@case(
    "2.5",
    "the upload url takes no other method",
)
def _(scenario: Scenario) -> None:
    url = scenario.account().open_upload(file_source(9)).url
    check_equal(
        {scenario.sandbox.send(method, url, content=mp4_bytes(9)).status for method in ("POST", "GET", "DELETE")}, {405}
    )


@case("2.5", "two uploads of one person go side by side")
def _(scenario: Scenario) -> None:
    account, one = _start_upload(scenario)
    other = account.open_upload(TWO)
    found = [_first(scenario, one), _first(scenario, other), _second(scenario, other), _second(scenario, one)]
    check_equal([each.status for each in found], [206, 206, 201, 201])


@case("2.5", "a post has exactly the bytes that were sent")
def _(scenario: Scenario) -> None:
    film = bytes(range(256)) * (TOTAL // 256) + b"tail!"
    account = scenario.account()
    target = account.open_upload(file_source(len(film), CHUNK, 2))
    scenario.put(target.url, film[:CHUNK], total=len(film))
    scenario.put(target.url, film[CHUNK:], first=CHUNK, total=len(film))
    scenario.advance(100)
    (post,) = scenario.ledger(target.publish_id)
    check_equal((post["sha256"], post["bytes"]), (sha256(film), len(film)))


def _put_bytes(target: UploadTarget, length: str, body: bytes) -> bytes:
    parts = urlsplit(target.url)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: video/mp4\r\n{length}"
    return head.encode() + f"Content-Range: bytes 0-{CHUNK - 1}/{TOTAL}\r\n\r\n".encode() + body


def _bytes_read(scenario: Scenario, publish_id: str) -> int:
    inits = scenario.sandbox.admin("GET", "ledger").json["inits"]
    return int(next(each["bytes_read"] for each in inits if each["publish_id"] == publish_id))


@case("2.5", "a broken body is not stored; the chunk can be sent again")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)
    scenario.sandbox.send_raw(_put_bytes(target, f"Content-Length: {CHUNK}\r\n", VIDEO[:100_000]))
    wait_until(lambda: _bytes_read(scenario, target.publish_id) == 100_000, what="the broken chunk")
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)
    check_equal((_first(scenario, target).status, _second(scenario, target).status), (206, 201))
    scenario.advance(100)
    check_equal(scenario.ledger(target.publish_id)[0]["sha256"], sha256(VIDEO))


@case("2.5", "a Content-Length other than the range gets 400")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    found = scenario.sandbox.send_raw(
        _put_bytes(target, "Content-Length: 1000\r\nConnection: close\r\n", VIDEO[:1_000])
    )
    check(found.startswith(b"HTTP/1.1 400"), f"{found[:100]!r}")


@case("2.5", "a body of unknown length (chunked) gets 400")
def _(scenario: Scenario) -> None:
    _, target = _start_upload(scenario)
    found = scenario.sandbox.send_raw(
        _put_bytes(target, "Transfer-Encoding: chunked\r\nConnection: close\r\n", b"1\r\na\r\n0\r\n\r\n")
    )
    check(found.startswith(b"HTTP/1.1 400"), f"{found[:100]!r}")


@case("2.5", "after a 5xx the same chunk is sent again, and is stored once")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)
    with scenario.rule(endpoint="upload", action="status", status=503, open_id=account.open_id):
        check_equal(_first(scenario, target).status, 503)
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)
    check_equal((_first(scenario, target).status, _second(scenario, target).status), (206, 201))


@case("2.5", "a chunk sent again after a lost answer gets 416")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)
    with scenario.rule(endpoint="upload", at="answer", action="status", status=502, open_id=account.open_id):
        check_equal(_first(scenario, target).status, 502)
    reply = _first(scenario, target)
    check_equal((reply.status, reply.headers.get("content-range")), (416, f"bytes 0-{CHUNK - 1}/{TOTAL}"))
    check_equal(_second(scenario, target).status, 201)


@case("2.5", "the last chunk sent again gets 404 and is posted once")
def _(scenario: Scenario) -> None:
    account = scenario.account()
    target = account.open_upload(file_source(9))
    with scenario.rule(endpoint="upload", at="answer", action="status", status=502, open_id=account.open_id):
        check_equal(scenario.put(target.url, mp4_bytes(9)).status, 502)
    check_equal(scenario.put(target.url, mp4_bytes(9)).status, 404)
    scenario.advance(100)
    check_equal(len(scenario.ledger(target.publish_id)), 1)


@case("2.5", "64 MB in one chunk arrive within seconds")
def _(scenario: Scenario) -> None:
    film, began = mp4_bytes(64_000_000), time.monotonic()
    check_equal(scenario.put(scenario.account().open_upload(file_source(len(film))).url, film).status, 201)
    check(time.monotonic() - began < 30, "too slow")
