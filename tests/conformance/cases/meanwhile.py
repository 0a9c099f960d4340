"""2.5, third part: what can happen while the bytes of a chunk are still coming."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from conformance.account import Account, Ticket
from conformance.book import case
from conformance.outside import sha256
from conformance.reply import Reply, same
from conformance.stage import Stage
from conformance.wishes import by_file, movie

CHUNK = 5_242_880
TOTAL = 2 * CHUNK
FILM = movie(TOTAL)


def _begun(stage: Stage) -> tuple[Account, Ticket]:
    account = stage.account()
    return account, account.ticket(by_file(TOTAL, CHUNK, 2))


def _put(stage: Stage, ticket: Ticket, *, first: int = 0) -> Reply:
    return stage.put(ticket.url, FILM[first : first + CHUNK], first=first, total=TOTAL)


def _held(stage: Stage, account: Account, put: Callable[[], Reply], then: Callable[[], object]) -> Reply:
    """A PUT stops within its body until something else has happened."""
    asked = {"endpoint": "upload", "at": "body", "after_bytes": 1_000, "action": "hold"}
    with ThreadPoolExecutor(1) as pool, stage.rule(**asked, open_id=account.open_id) as rule_id:
        waiting = pool.submit(put)
        same(stage.place.admin("GET", f"rules/{rule_id}/wait?holding=1&timeout=5").status, 200)
        then()
        stage.place.admin("POST", f"rules/{rule_id}/release")
        return waiting.result(timeout=10)


@case("2.5", "one chunk sent twice at once: the first to end is stored, the other gets 416 with the progress")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)
    late = _held(stage, account, lambda: _put(stage, ticket), lambda: same(_put(stage, ticket).status, 206))
    same((late.status, late.headers.get("content-range")), (416, f"bytes 0-{CHUNK - 1}/{TOTAL}"))
    same(_put(stage, ticket, first=CHUNK).status, 201)
    stage.advance(100)
    same(stage.ledger(ticket.publish_id)[0]["sha256"], sha256(FILM))


@case("2.5", "the last chunk sent twice at once: the first to end is stored, the other gets 404, one post")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)
    _put(stage, ticket)

    def last() -> Reply:
        return _put(stage, ticket, first=CHUNK)

    late = _held(stage, account, last, lambda: same(last().status, 201))
    stage.advance(100)
    same((late.status, len(stage.ledger(ticket.publish_id))), (404, 1))


@case("2.5", "a chunk whose body ends after the hour gets 403 and does not count")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)
    late = _held(stage, account, lambda: _put(stage, ticket), lambda: stage.advance(3_601))
    same(late.status, 403)
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)


@case("2.5", "a chunk whose post was ended meanwhile gets 404 and does not count")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)

    def end() -> None:
        stage.publication(ticket.publish_id, "fail", reason="internal")

    same(_held(stage, account, lambda: _put(stage, ticket), end).status, 404)
    account.expect(ticket.publish_id, "FAILED", fail_reason="internal", uploaded_bytes=0)


@case("2.5", "a chunk under way is no progress yet")
def _(stage: Stage) -> None:
    account, ticket = _begun(stage)

    def look() -> None:
        account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)

    same(_held(stage, account, lambda: _put(stage, ticket), look).status, 206)
    account.expect(ticket.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=CHUNK)
