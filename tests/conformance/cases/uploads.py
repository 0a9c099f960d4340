"""2.5, second half: the bytes on their way to the upload url."""

import time
from typing import Any
from urllib.parse import urlsplit

from conformance.account import Account, Ticket
from conformance.book import case
from conformance.outside import sha256
from conformance.place import eventually
from conformance.reply import Reply, holds, same
from conformance.stage import Stage
from conformance.wishes import by_file, movie

CHUNK = 5_242_880
TWO = by_file(2 * CHUNK + 5, CHUNK, 2)
TOTAL = 2 * CHUNK + 5
FILM = movie(TOTAL)


def _begun(stage: Stage) -> tuple[Account, Ticket]:
    account = stage.account()
    return account, account.ticket(TWO)


def _first(stage: Stage, ticket: Ticket) -> Reply:
    return stage.put(ticket.url, FILM[:CHUNK], total=TOTAL)


def _second(stage: Stage, ticket: Ticket) -> Reply:
    return stage.put(ticket.url, FILM[CHUNK:], first=CHUNK, total=TOTAL)


@case("2.5", "the only chunk is answered 201")
def _(stage: Stage) -> None:
    same(stage.put(stage.account().ticket(by_file(9)).url, movie(9)).status, 201)


@case("2.5", "a chunk before the last is answered 206, the last 201")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    same((_first(stage, ticket).status, _second(stage, ticket).status), (206, 201))


@case("2.5", "the documented example: 206 four times, then 201 for a last chunk of 10000123 bytes")
def _(stage: Stage) -> None:
    total, chunk = 50_000_123, 10_000_000
    ticket = stage.account().ticket(by_file(total, chunk, 5))
    starts = range(0, 5 * chunk, chunk)
    sizes = [chunk, chunk, chunk, chunk, 10_000_123]
    content = bytes(sizes[-1])
    found = [
        stage.put(ticket.url, content[:size], first=first, total=total).status
        for first, size in zip(starts, sizes, strict=True)
    ]
    same(found, [206, 206, 206, 206, 201])


@case("2.5", "206 and 201 say how far the upload is")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    same(_first(stage, ticket).headers.get("content-range"), f"bytes 0-{CHUNK - 1}/{TOTAL}")
    same(_second(stage, ticket).headers.get("content-range"), f"bytes 0-{TOTAL - 1}/{TOTAL}")


@case(
    "2.5",
    "a chunk that starts elsewhere gets 416 with the progress: {start}",
    start={
        "a byte too early": CHUNK - 1,
        "a byte too late": CHUNK + 1,
        "the same chunk again": 0,
    },
)
def _(stage: Stage, start: int) -> None:
    _, ticket = _begun(stage)
    _first(stage, ticket)
    reply = stage.put(ticket.url, FILM[start : start + CHUNK], first=start, total=TOTAL)
    same((reply.status, reply.headers.get("content-range")), (416, f"bytes 0-{CHUNK - 1}/{TOTAL}"))


@case("2.5", "the second chunk cannot go first: 416")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    same(_second(stage, ticket).status, 416)


@case("2.5", "another total than announced gets 416")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    same(stage.put(ticket.url, FILM[:CHUNK], total=TOTAL + 1).status, 416)


@case("2.5", "after 416 the upload goes on where it was")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)
    _second(stage, ticket)
    same((_first(stage, ticket).status, _second(stage, ticket).status), (206, 201))
    stage.advance(100)
    account.expect(ticket.publish_id, "PUBLISH_COMPLETE")


@case(
    "2.5",
    "a chunk before the last must have chunk_size bytes: {size} gets 400",
    size={
        "one fewer": CHUNK - 1,
        "one more": CHUNK + 1,
        "everything at once": TOTAL,
    },
)
def _(stage: Stage, size: int) -> None:
    account, ticket = _begun(stage)
    same(stage.put(ticket.url, FILM[:size], total=TOTAL).status, 400)
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)


@case("2.5", "the last chunk must bring everything that is left: 400 for a byte fewer")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    _first(stage, ticket)
    same(stage.put(ticket.url, FILM[CHUNK:-1], first=CHUNK, total=TOTAL).status, 400)
    same(_second(stage, ticket).status, 201)


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
def _(stage: Stage, headers: dict[str, Any]) -> None:
    ticket = stage.account().ticket(by_file(9))
    same(stage.put(ticket.url, movie(9), **headers).status, 400)
    same(stage.put(ticket.url, movie(9)).status, 201)


@case("2.5", "{kind} is accepted", kind=["video/mp4", "video/quicktime", "video/webm"])
def _(stage: Stage, kind: str) -> None:
    same(stage.put(stage.account().ticket(by_file(9)).url, movie(9), content_type=kind).status, 201)


@case("2.5", "no Authorization is needed, and one that is sent is not looked at")
def _(stage: Stage) -> None:
    ticket = stage.account().ticket(by_file(9))
    same(stage.put(ticket.url, movie(9), authorization="Bearer nonsense").status, 201)


@case("2.5", "an upload url dies after an hour: 403")
def _(stage: Stage) -> None:
    ticket = stage.account().ticket(by_file(9))
    stage.advance(3_601)
    same(stage.put(ticket.url, movie(9)).status, 403)


@case("2.5", "an upload url lives for nearly an hour")
def _(stage: Stage) -> None:
    ticket = stage.account().ticket(by_file(9))
    stage.advance(3_590)
    same(stage.put(ticket.url, movie(9)).status, 201)


@case("2.5", "the whole upload must end within the hour: a second chunk after it gets 403")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)
    _first(stage, ticket)
    stage.advance(3_601)
    same(_second(stage, ticket).status, 403)
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=CHUNK)


@case("2.5", "a chunk does not make the hour longer")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    stage.advance(3_000)
    same(_first(stage, ticket).status, 206)
    stage.advance(700)
    same(_second(stage, ticket).status, 403)


@case("2.5", "an access token that died meanwhile does not end an upload")
def _(stage: Stage) -> None:
    with stage.settings(lifetimes={"access_token": 60}):
        account, ticket = _begun(stage)
        _first(stage, ticket)
        stage.advance(100)
        same(account.status(ticket.publish_id).code, "access_token_invalid")
        same(_second(stage, ticket).status, 201)


@case("2.5", "404 for {what} that was never given out", what={"an upload_id": "upload_id", "a token": "upload_token"})
def _(stage: Stage, what: str) -> None:
    url = stage.account().ticket(by_file(9)).url
    same(stage.put(url.replace(f"{what}=", f"{what}=0"), movie(9)).status, 404)


@case("2.5", "404 for an upload url without its query")
def _(stage: Stage) -> None:
    url = stage.account().ticket(by_file(9)).url
    same(stage.put(url.partition("?")[0], movie(9)).status, 404)


@case("2.5", "404 for the token of another upload")
def _(stage: Stage) -> None:
    account = stage.account()
    one, other = account.ticket(by_file(9)).url, account.ticket(by_file(9)).url
    mixed = one.partition("upload_token=")[0] + "upload_token=" + other.partition("upload_token=")[2]
    same(stage.put(mixed, movie(9)).status, 404)


@case("2.5", "404 for anything after the last chunk")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    _first(stage, ticket)
    _second(stage, ticket)
    same((_second(stage, ticket).status, _first(stage, ticket).status), (404, 404))


@case("2.5", "404 once the post was ended")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    _first(stage, ticket)
    stage.publication(ticket.publish_id, "fail", reason="internal")
    same(_second(stage, ticket).status, 404)


@case(
    "2.5",
    "the upload url takes no other method",
)
def _(stage: Stage) -> None:
    url = stage.account().ticket(by_file(9)).url
    same({stage.place.send(method, url, content=movie(9)).status for method in ("POST", "GET", "DELETE")}, {405})


@case("2.5", "two uploads of one person go side by side")
def _(stage: Stage) -> None:
    account, one = _begun(stage)
    other = account.ticket(TWO)
    found = [_first(stage, one), _first(stage, other), _second(stage, other), _second(stage, one)]
    same([each.status for each in found], [206, 206, 201, 201])


@case("2.5", "what is posted has exactly the bytes that were sent, in their order")
def _(stage: Stage) -> None:
    film = bytes(range(256)) * (TOTAL // 256) + b"tail!"
    account = stage.account()
    ticket = account.ticket(by_file(len(film), CHUNK, 2))
    stage.put(ticket.url, film[:CHUNK], total=len(film))
    stage.put(ticket.url, film[CHUNK:], first=CHUNK, total=len(film))
    stage.advance(100)
    (post,) = stage.ledger(ticket.publish_id)
    same((post["sha256"], post["bytes"]), (sha256(film), len(film)))


def _put_bytes(ticket: Ticket, length: str, body: bytes) -> bytes:
    parts = urlsplit(ticket.url)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: video/mp4\r\n{length}"
    return head.encode() + f"Content-Range: bytes 0-{CHUNK - 1}/{TOTAL}\r\n\r\n".encode() + body


def _bytes_read(stage: Stage, publish_id: str) -> int:
    inits = stage.place.admin("GET", "ledger").json["inits"]
    return int(next(each["bytes_read"] for each in inits if each["publish_id"] == publish_id))


@case("2.5", "a body that breaks off leaves no trace, and the same chunk may come again")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)
    stage.place.raw(_put_bytes(ticket, f"Content-Length: {CHUNK}\r\n", FILM[:100_000]))
    eventually(lambda: _bytes_read(stage, ticket.publish_id) == 100_000, what="the broken chunk")
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)
    same((_first(stage, ticket).status, _second(stage, ticket).status), (206, 201))
    stage.advance(100)
    same(stage.ledger(ticket.publish_id)[0]["sha256"], sha256(FILM))


@case("2.5", "a Content-Length other than the range gets 400")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    found = stage.place.raw(_put_bytes(ticket, "Content-Length: 1000\r\nConnection: close\r\n", FILM[:1_000]))
    holds(found.startswith(b"HTTP/1.1 400"), f"{found[:100]!r}")


@case("2.5", "a body of unknown length (chunked) gets 400")
def _(stage: Stage) -> None:
    _, ticket = _begun(stage)
    found = stage.place.raw(
        _put_bytes(ticket, "Transfer-Encoding: chunked\r\nConnection: close\r\n", b"1\r\na\r\n0\r\n\r\n")
    )
    holds(found.startswith(b"HTTP/1.1 400"), f"{found[:100]!r}")


@case("2.5", "after a 5xx the same chunk is sent again, and is stored once")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)
    with stage.rule(endpoint="upload", action="status", status=503, open_id=account.open_id):
        same(_first(stage, ticket).status, 503)
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)
    same((_first(stage, ticket).status, _second(stage, ticket).status), (206, 201))


@case("2.5", "when the answer to a stored chunk was lost, sending it again gets 416 with the progress")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)
    with stage.rule(endpoint="upload", at="answer", action="status", status=502, open_id=account.open_id):
        same(_first(stage, ticket).status, 502)
    reply = _first(stage, ticket)
    same((reply.status, reply.headers.get("content-range")), (416, f"bytes 0-{CHUNK - 1}/{TOTAL}"))
    same(_second(stage, ticket).status, 201)


@case("2.5", "when the answer to the last chunk was lost, sending it again gets 404, and it was posted once")
def _(stage: Stage) -> None:
    account = stage.account()
    ticket = account.ticket(by_file(9))
    with stage.rule(endpoint="upload", at="answer", action="status", status=502, open_id=account.open_id):
        same(stage.put(ticket.url, movie(9)).status, 502)
    same(stage.put(ticket.url, movie(9)).status, 404)
    stage.advance(100)
    same(len(stage.ledger(ticket.publish_id)), 1)


@case("2.5", "64 MB in one chunk arrive within seconds")
def _(stage: Stage) -> None:
    film, began = movie(64_000_000), time.monotonic()
    same(stage.put(stage.account().ticket(by_file(len(film))).url, film).status, 201)
    holds(time.monotonic() - began < 30, "too slow")
