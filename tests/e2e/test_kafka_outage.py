"""Kafka fails after TikTok has rotated 200 token pairs and before the answers arrive: no pair is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from auth_service.states import Connected, SealedTokenPair
from harness.many_accounts import ManyAccounts
from harness.product import open_product
from harness.topic_tail import Event, TopicTail
from harness.waiting import eventually
from stack.kafka import Broker
from stack.local import Stack
from stack.options import Options
from stack.services import ServiceProcess

ACCOUNTS = 200
PARTITIONS = 4
ACCESS_SECONDS = 10
ANSWERED_WITHIN = 10.0
COMMITTED_WITHIN = 60.0
SETTLED_AFTER = 3.0
EVENTS_WITHIN = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """How Kafka fails and returns, and how long it is down."""

    name: str
    seconds: float
    workers: tuple[str, ...] = ("auth-0",)
    begin: Callable[[Broker], object]
    end: Callable[[Broker], object]


def freeze(broker: Broker) -> None:
    assert broker.process is not None
    broker.process.pause()


def thaw(broker: Broker) -> None:
    assert broker.process is not None
    broker.process.resume()


def kill(broker: Broker) -> None:
    assert broker.process is not None
    broker.process.kill9()


OUTAGES = (
    Outage(name="frozen", seconds=60, begin=freeze, end=thaw),
    # A frozen coordinator removes all members when it continues; a restarted one keeps their assignment.
    Outage(name="killed", seconds=12, begin=kill, end=Broker.start, workers=("auth-0", "auth-1")),
)


@asynccontextmanager
async def outage_of(broker: Broker, outage: Outage) -> AsyncIterator[None]:
    """Kafka is down inside the block."""
    await asyncio.to_thread(outage.begin, broker)
    try:
        yield
    finally:
        await asyncio.to_thread(outage.end, broker)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka for this module alone."""
    node = Broker(tmp_path_factory.mktemp("kafka"))
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def outage_stack(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """TikTok and auth, which may refresh all accounts at once."""
    options = Options(
        kafka=broker.bootstrap_servers,
        services=("auth",),
        partitions=PARTITIONS,
        environment={"AUTH_REFRESHES_AT_ONCE": "256"},
    )
    with Stack(tmp_path_factory.mktemp("outage"), options) as running:
        yield running


class WatchedWorkers:
    """Auth's processes, and their log lines since the start of the watch."""

    def __init__(self, workers: Sequence[ServiceProcess]) -> None:
        self._workers = {worker: (worker.pid, worker.log.stat().st_size) for worker in workers}

    async def expect_alive(self, seconds: float) -> None:
        """Wait this long, and fail if a process ends."""
        # There is no event for "still running", so the whole outage has to pass.
        ends = [asyncio.to_thread(_end_of, worker, pid, seconds) for worker, (pid, _) in self._workers.items()]
        assert await asyncio.gather(*ends) == ["alive"] * len(ends)

    def log_entries(self) -> list[dict[str, Any]]:
        """Every log entry."""
        return [entry for worker, (_, since) in self._workers.items() for entry in _lines(worker, since)]

    async def refreshed(self) -> bool:
        """Whether TikTok's answer has arrived for every account."""
        ends = [entry["result"] for entry in self.log_entries() if entry["event"] == "refresh_ended"]
        assert set(ends) <= {"done"}, Counter(ends)
        return len(ends) >= ACCOUNTS


def _end_of(worker: ServiceProcess, pid: int, seconds: float) -> str:
    try:
        return f"{worker.name} died: {worker.wait_restarted(after=pid, timeout=seconds)} is another"
    except TimeoutError:
        return "alive"


def _lines(worker: ServiceProcess, since: int) -> Iterator[dict[str, Any]]:
    with worker.log.open("rb") as log:
        log.seek(since)
        yield from (msgspec.json.decode(line) for line in log.read().splitlines() if line.startswith(b"{"))


async def _events_of(stack: Stack, accounts: Mapping[str, str]) -> Counter[str]:
    """The types of these accounts' events."""

    def of_these(event: Event) -> bool:
        return event.body["account_id"] in accounts

    async with TopicTail(stack.bootstrap_servers, "account.events", of_these) as tail:
        await tail.to_the_end(within=EVENTS_WITHIN)
    return Counter(tail.types())


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.name)
async def test_kafka_outage_during_refreshes_loses_no_token_pair(
    outage_stack: Stack, broker: Broker, outage: Outage
) -> None:
    for instance in outage.workers[1:]:
        await asyncio.to_thread(outage_stack.start_extra, "auth", instance=instance)
    auth = WatchedWorkers([outage_stack.service(name) for name in outage.workers])
    clock = asyncio.get_running_loop().time
    async with open_product(outage_stack) as product:
        tiktok, crowd = product.tiktok, ManyAccounts(outage_stack, product.tiktok)
        before = max((call.number for call in await tiktok.calls("token")), default=0)
        rotated = await tiktok.hold("token", at="answer", calls=ACCOUNTS)
        names = [f"{outage.name}-{number}" for number in range(ACCOUNTS)]
        accounts = await crowd.connect(names, access_seconds=ACCESS_SECONDS)
        await rotated.reached()
        async with outage_of(broker, outage):
            began = clock()
            await rotated.release()
            await eventually(auth.refreshed, what="every answer to be there", within=ANSWERED_WITHIN)
            answered = clock() - began
            await auth.expect_alive(outage.seconds - answered)
        back = clock()

        async def pairs() -> Mapping[str, SealedTokenPair]:
            states = await crowd.states(partitions=PARTITIONS)
            found = [(account_id, states.get(account_id)) for account_id in accounts]
            kept = {account_id: state.pair for account_id, state in found if isinstance(state, Connected)}
            return kept if [pair.version for pair in kept.values()] == [2] * ACCOUNTS else {}

        kept = await eventually(pairs, what="every new pair to be committed", within=COMMITTED_WITHIN)
        committed = clock() - back
        await auth.expect_alive(SETTLED_AFTER)
        newest = {secret.open_id: secret.value for secret in await tiktok.secrets() if secret.kind == "refresh_token"}
        calls = await tiktok.calls("token", after=before)
        events = await _events_of(outage_stack, accounts)
    ours = {accounts[account_id]: crowd.tokens_of(account_id, pair).refresh_token for account_id, pair in kept.items()}
    assert ours == {open_id: newest[open_id] for open_id in accounts.values()}
    assert Counter((call.status, call.code) for call in calls) == {(200, "ok"): ACCOUNTS}
    assert len({call.open_id for call in calls}) == ACCOUNTS
    assert events == {"account.connected": ACCOUNTS}
    logged = Counter(entry["event"] for entry in auth.log_entries())
    counts = {event: logged[event] for event in ("task_reopening", "result_handed_off", "refresh_ended")}
    print(f"\n{outage.name}: {ACCOUNTS} answers {answered:.1f} s into an outage of {back - began:.0f} s, ", end="")
    print(f"all committed {committed:.1f} s after it; {counts}")
