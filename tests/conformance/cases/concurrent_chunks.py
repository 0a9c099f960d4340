"""2.5, third part: what can happen while a chunk's body is received."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from conformance.account import Account, UploadTarget
from conformance.case_registry import case
from conformance.checks import Reply, check_equal
from conformance.external_server import sha256
from conformance.request_bodies import file_source, mp4_bytes
from conformance.scenario import Scenario

CHUNK = 5_242_880
TOTAL = 2 * CHUNK
VIDEO = mp4_bytes(TOTAL)


def _start_upload(scenario: Scenario) -> tuple[Account, UploadTarget]:
    account = scenario.account()
    return account, account.open_upload(file_source(TOTAL, CHUNK, 2))


def _put(scenario: Scenario, target: UploadTarget, *, first: int = 0) -> Reply:
    return scenario.put(target.url, VIDEO[first : first + CHUNK], first=first, total=TOTAL)


def _put_while_held(
    scenario: Scenario, account: Account, put: Callable[[], Reply], then: Callable[[], object]
) -> Reply:
    """Hold a PUT within its body, do something else, then let it continue."""
    rule = {"endpoint": "upload", "at": "body", "after_bytes": 1_000, "action": "hold"}
    with ThreadPoolExecutor(1) as pool, scenario.rule(**rule, open_id=account.open_id) as rule_id:
        waiting = pool.submit(put)
        check_equal(scenario.sandbox.admin("GET", f"rules/{rule_id}/wait?holding=1&timeout=5").status, 200)
        then()
        scenario.sandbox.admin("POST", f"rules/{rule_id}/release")
        return waiting.result(timeout=10)


@case("2.5", "two PUTs of one chunk: one is stored, the other gets 416")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)
    late = _put_while_held(
        scenario, account, lambda: _put(scenario, target), lambda: check_equal(_put(scenario, target).status, 206)
    )
    check_equal((late.status, late.headers.get("content-range")), (416, f"bytes 0-{CHUNK - 1}/{TOTAL}"))
    check_equal(_put(scenario, target, first=CHUNK).status, 201)
    scenario.advance(100)
    check_equal(scenario.ledger(target.publish_id)[0]["sha256"], sha256(VIDEO))


@case("2.5", "two PUTs of the last chunk: one post, the other gets 404")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)
    _put(scenario, target)

    def last() -> Reply:
        return _put(scenario, target, first=CHUNK)

    late = _put_while_held(scenario, account, last, lambda: check_equal(last().status, 201))
    scenario.advance(100)
    check_equal((late.status, len(scenario.ledger(target.publish_id))), (404, 1))


@case("2.5", "a chunk that ends after the hour gets 403, is not stored")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)
    late = _put_while_held(scenario, account, lambda: _put(scenario, target), lambda: scenario.advance(3_601))
    check_equal(late.status, 403)
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)


@case("2.5", "a chunk of a post that failed gets 404, is not stored")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)

    def end() -> None:
        scenario.publication(target.publish_id, "fail", reason="internal")

    check_equal(_put_while_held(scenario, account, lambda: _put(scenario, target), end).status, 404)
    account.check_status(target.publish_id, "FAILED", fail_reason="internal", uploaded_bytes=0)


@case("2.5", "a chunk under way is no progress yet")
def _(scenario: Scenario) -> None:
    account, target = _start_upload(scenario)

    def look() -> None:
        account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=0)

    check_equal(_put_while_held(scenario, account, lambda: _put(scenario, target), look).status, 206)
    account.check_status(target.publish_id, "PROCESSING_UPLOAD", uploaded_bytes=CHUNK)
