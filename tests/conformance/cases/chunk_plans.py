"""2.5, first half: which ways of cutting a video into chunks are accepted."""

from conformance.case_registry import case
from conformance.checks import check_equal, check_refused
from conformance.external_server import sha256
from conformance.request_bodies import file_source
from conformance.sandbox_client import PROCESSING
from conformance.scenario import Scenario

SIZE = "The chunk size is invalid"
COUNT = "The total chunk count is invalid"
GIB = 1024**3

_FINE = {
    "1 byte in one chunk": (1, 1, 1),
    "a video below 5 MB in one chunk": (4_999_999, 4_999_999, 1),
    "5 MiB in one chunk": (5_242_880, 5_242_880, 1),
    "15 MB in one chunk": (15_000_000, 15_000_000, 1),
    "64 MB in one chunk": (64_000_000, 64_000_000, 1),
    "the documented example: 50000123 in 5 of 10000000": (50_000_123, 10_000_000, 5),
    "two of the smallest chunks": (10_485_760, 5_242_880, 2),
    "two smallest chunks, and nearly one more in the last": (15_728_639, 5_242_880, 2),
    "64 MB and a byte in two chunks": (64_000_001, 32_000_000, 2),
    "two of the largest chunks": (128_000_000, 64_000_000, 2),
    "a last chunk twice as large but for a byte": (191_999_999, 64_000_000, 2),
    "4 GiB in 429 chunks of 10 MB": (4 * GIB, 10_000_000, 429),
    "4 GiB in 67 chunks of 64 MB": (4 * GIB, 64_000_000, 67),
    "4 GiB in 819 of the smallest chunks": (4 * GIB, 5_242_880, 819),
}


@case("2.5", "accepted: {plan}", plan=_FINE)
def _(scenario: Scenario, plan: tuple[int, int, int]) -> None:
    check_equal(scenario.account().init(file_source(*plan)).code, "ok")


_WRONG: dict[str, tuple[tuple[int, int, int], str | None]] = {
    "no bytes": ((0, 0, 1), None),
    "a negative size": ((-1, -1, 1), None),
    "a byte more than 4 GiB": ((4 * GIB + 1, 10_000_000, 429), None),
    "a chunk of no bytes": ((1_000, 0, 1), SIZE),
    "a negative chunk": ((1_000, -1_000, 1), SIZE),
    "no chunks": ((20_000_000, 10_000_000, 0), COUNT),
    "a negative count": ((20_000_000, 10_000_000, -2), COUNT),
    "the remainder as a chunk of its own (ceil instead of floor)": ((50_000_123, 10_000_000, 6), COUNT),
    "one chunk too few": ((50_000_123, 10_000_000, 4), COUNT),
    "two chunks for a video of one": ((1_000, 1_000, 2), COUNT),
    "one chunk smaller than the video": ((15_000_000, 10_000_000, 1), SIZE),
    "one chunk larger than the video": ((15_000_000, 20_000_000, 1), SIZE),
    "a small video in two chunks": ((4_000_000, 2_000_000, 2), SIZE),
    "chunks a byte too small": ((20_000_000, 5_242_879, 3), SIZE),
    "chunks that are 5 MB by one reading only": ((20_000_000, 5_000_000, 4), SIZE),
    "chunks a byte too large": ((200_000_000, 64_000_001, 3), SIZE),
    "chunks that are 64 MB by one reading only": ((201_326_592, 67_108_864, 3), SIZE),
    "more than 64 MB in one chunk": ((64_000_001, 64_000_001, 1), SIZE),
    "chunks larger than the video": ((6_000_000, 10_000_000, 0), None),
    "more than 1000 chunks": ((4_096_000_000, 4_096_000, 1_000), SIZE),
}


@case("2.5", "refused: {plan}", plan=_WRONG)
def _(scenario: Scenario, plan: tuple[tuple[int, int, int], str | None]) -> None:
    check_refused(scenario.account().init(file_source(*plan[0])), 400, "invalid_params", plan[1])


_LENIENT = {"smallest": 5_000_000, "largest": 67_108_864, "largest_last": 134_217_728}
_EITHER_READING = {
    "chunks of 5 MB": (20_000_000, 5_000_000, 4),
    "chunks of 64 MiB": (201_326_592, 67_108_864, 3),
    "64 MiB in one chunk": (67_108_864, 67_108_864, 1),
}


@case("2.5", "with both readings of MB allowed, accepted: {plan}", plan=_EITHER_READING)
def _(scenario: Scenario, plan: tuple[int, int, int]) -> None:
    account = scenario.account()
    check_refused(account.init(file_source(*plan)), 400, "invalid_params")
    with scenario.settings(chunk_limits=_LENIENT):
        check_equal(account.init(file_source(*plan)).code, "ok")


@case(
    "2.5",
    "even with both readings allowed, refused: {plan}",
    plan={
        "chunks below 5 MB": (20_000_000, 4_999_999, 4),
        "chunks beyond 64 MiB": (201_326_595, 67_108_865, 3),
    },
)
def _(scenario: Scenario, plan: tuple[int, int, int]) -> None:
    with scenario.settings(chunk_limits=_LENIENT):
        check_refused(scenario.account().init(file_source(*plan)), 400, "invalid_params", SIZE)


_TINY = {"smallest": 5, "largest": 100, "largest_last": 200}


@case("2.5", "1000 chunks are accepted, 1001 are refused")
def _(scenario: Scenario) -> None:
    with scenario.settings(chunk_limits=_TINY):
        check_equal(scenario.account().init(file_source(5_000, 5, 1_000)).code, "ok")
        check_refused(scenario.account().init(file_source(5_005, 5, 1_001)), 400, "invalid_params", COUNT)


@case("2.5", "a thousand chunks in order make a complete post")
def _(scenario: Scenario) -> None:
    film = bytes(number % 251 for number in range(5_004))
    with scenario.settings(chunk_limits=_TINY):
        account = scenario.account()
        target = account.open_upload(file_source(len(film), 5, 1_000))
        for first in range(0, 4_995, 5):
            check_equal(scenario.put(target.url, film[first : first + 5], first=first, total=len(film)).status, 206)
        check_equal(scenario.put(target.url, film[4_995:], first=4_995, total=len(film)).status, 201)
    scenario.advance(PROCESSING + 1)
    check_equal(scenario.ledger(target.publish_id)[0]["sha256"], sha256(film))
