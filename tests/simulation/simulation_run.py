"""One seed, one run: posts go through real uploader and publisher tasks while everything around them breaks."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from common.contract.account import AccountDescribed, CredentialIssued, TokenRejected
from common.contract.body import Body
from common.contract.codec import Envelope, decode, encode
from common.contract.post import (
    PostEvent,
    PostFailed,
    PostProgressed,
    PostPublished,
    PostRequestConflict,
    PostRequested,
    PostUnresolved,
    PrivacyLevel,
    Source,
)
from common.contract.topics import POST_EVENTS, dead_letters
from common.security.sealing import seal_for
from common.streams.api import Effects, Processor
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.task import Task, TaskDependencies
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord, TopicPartition
from fakes.tiktok_simulation import SimulatedTikTok, SimulatedTikTokClient
from harness import virtual_time
from harness.simulated_processes import Faults, SimulatedProcess, adopt_tasks
from publisher_service.effects import PublisherEffects
from publisher_service.machine import MACHINE as PUBLISHER
from uploader_service.effect_handler import UploaderEffects
from uploader_service.processor import MACHINE as UPLOADER
from uploader_service.sources.problems import SourceFailed, SourceProblem, Unavailable
from uploader_service.sources.reader import Probed

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")
T = TypeVar("T")
ACCOUNT = "acc_simulated"
TENANT = "tenant"
KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
FAULTY_SECONDS = 150.0
END_SECONDS = 40 * 3600.0
SIZES = (9_000_000, 64_000_000, 71_000_000, 95_000_001)


class InvariantViolated(AssertionError):
    """A seed under which Postbus broke one of its promises."""

    def __init__(self, seed: int, promise: str) -> None:
        super().__init__(f"seed {seed}: {promise} (replay: python -m simulation {seed})")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a run left behind."""

    events: Sequence[Body]
    ledger: Sequence[str]
    inits: int
    process_starts: int


class SimulatedSource:
    """A source that is always there, or goes away for good: at some time, or once it was read a few times."""

    def __init__(self, random: Random) -> None:
        self._size = random.choice(SIZES)
        # A generator of its own: runs with a source that stays are what they were without this.
        apart = Random(random.getstate()[1][0])
        self._gone_at = apart.choice((math.inf, math.inf, math.inf, apart.uniform(0, FAULTY_SECONDS)))
        self._reads_left = apart.choice((math.inf, math.inf, apart.randint(1, 3), apart.randint(1, 12)))
        self.disappears = min(self._gone_at, self._reads_left) < math.inf

    def probe(self, url: str) -> Probed | SourceProblem:
        """Say what is there."""
        return self._gone(url) or Probed(size=self._size, validator="v", content_type="video/mp4")

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        """Hand out no bytes: the model counts ranges."""
        del first, last, validator
        if (problem := self._gone(url)) is not None:
            raise SourceFailed(problem)
        self._reads_left -= 1
        yield from ()

    def _gone(self, url: str) -> SourceProblem | None:
        gone = self._reads_left <= 0 or asyncio.get_running_loop().time() >= self._gone_at
        return Unavailable(place=url, status=404) if gone else None


class SimulationRun:
    """Everything that outlives a process."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.faults = Faults(self.random, calm_after=FAULTY_SECONDS)
        self.store = MemoryStore(partitions=1, clock=virtual_time.clock)
        self.tiktok = SimulatedTikTok(faults=self.faults)
        self.source = SimulatedSource(self.random)
        self.processes: list[SimulatedProcess] = []
        self.tenant = TENANT
        self._version = 0

    def write(self, body: Body) -> None:
        """Write an event as another service or a backend would."""
        value, headers = encode(Envelope(id="", source="world", time=virtual_time.clock(), traceparent=None, body=body))
        slice_ = TopicPartition(body.topic.name, 0)
        self.store.append(OutgoingRecord(topic_partition=slice_, key=body.key.encode(), value=value, headers=headers))

    def connect(self, tenant: str) -> None:
        """Do auth's part when a person connects the account for this tenant."""
        self.tenant = tenant
        self.write(AccountDescribed(account_id=ACCOUNT, tenant=tenant, open_id="o"))
        self.issue_token()

    def issue_token(self) -> None:
        """Do auth's part: a new version, sealed to both services; TikTok knows it, and may forget the older ones."""
        self._version += 1
        if self.random.random() < 0.5:
            self.tiktok.accepted_tokens.clear()
        token = f"act.{self._version}"
        self.tiktok.accepted_tokens.add(token)
        context = f"{ACCOUNT}|access_token|{self._version}"
        sealed = {name: seal_for(KEY.public_key(), token.encode(), context) for name in ("uploader", "publisher")}
        expires_at = virtual_time.clock() + timedelta(days=9)
        issued = CredentialIssued(
            account_id=ACCOUNT,
            tenant=self.tenant,
            version=self._version,
            scopes=(),
            expires_at=expires_at,
            sealed=sealed,
        )
        self.write(issued)

    def events(self) -> list[Body]:
        """Read what was said about posts."""
        records = self.store.records.get(TopicPartition(POST_EVENTS.name, 0), ())
        return [
            decode(topic=POST_EVENTS.name, value=record.value or b"", headers=record.headers).body for record in records
        ]

    def count_verdicts(self) -> int:
        """Count the verdicts in the log by their headers: this is requests often."""
        wanted = (("ce_type", b"post.published"), ("ce_type", b"post.failed"))
        records = self.store.records.get(TopicPartition(POST_EVENTS.name, 0), ())
        return sum(any(header in wanted for header in record.headers) for record in records)

    def start_process(self, service: str) -> SimulatedProcess:
        """Start a process of a service."""
        main = self._uploader if service == "uploader" else self._publisher
        process = SimulatedProcess(f"{service}/{len(self.processes)}", self.faults, main)
        self.processes.append(process)
        return process

    async def _uploader(self, process: SimulatedProcess) -> None:
        client = SimulatedTikTokClient(self.tiktok, process)
        effects = UploaderEffects(
            tiktok=client,
            chunks=client,
            sources=self.source,
            private_key=KEY,
            threads=SimulatedThreads(process),
            clock=virtual_time.clock,
        )
        log = MemoryLog(self.store, process)
        await Task(self._task_deps(UPLOADER, effects, log), 0).run(process.stop)

    async def _publisher(self, process: SimulatedProcess) -> None:
        effects = PublisherEffects(
            tiktok=SimulatedTikTokClient(self.tiktok, process), private_key=KEY, clock=virtual_time.clock
        )
        log = MemoryLog(self.store, process)
        await Task(self._task_deps(PUBLISHER, effects, log), 0).run(process.stop)

    def _task_deps(
        self, machine: Processor[S, F, E], effects: Effects[E, F], log: MemoryLog
    ) -> TaskDependencies[S, F, E]:
        return TaskDependencies(
            processor=machine,
            effects=effects,
            log=log,
            clock=virtual_time.clock,
            read_clocks=virtual_time.moment,
            random=self.random,
            limiter=FairLimiter(8),
            hand_off=self._no_salvage,
            yield_every=1,
        )

    async def _no_salvage(self, body: Body) -> None:
        raise AssertionError(body)


class SimulatedThreads(Executor):
    """Where the virtual loop lets blocking work be done: at one instant, between two steps of its process."""

    def __init__(self, process: SimulatedProcess) -> None:
        self._process = process

    async def carry(self, work: Callable[..., T], *args: object) -> T:
        """Do the work."""
        await self._process.step("thread begins")
        result = work(*args)
        await self._process.step("thread ends")
        return result


async def keep_running(run: SimulationRun, service: str) -> None:
    """Be the supervisor: restart what dies, kill now and then, and sometimes start a twin beside a living process."""
    faults, random = run.faults, run.random
    zombies: list[SimulatedProcess] = []
    while True:
        process = run.start_process(service)
        await asyncio.wait((process.main,), timeout=random.choice((1, 10, 60)) if not faults.ended else None)
        if not process.main.done() and random.random() < 0.3:
            zombies.append(process)
            continue
        if not faults.ended and not process.dead and random.random() < 0.3:
            process.stop.set()
            await asyncio.wait((process.main,), timeout=60)
        for doomed in (process, *zombies):
            await end_process(doomed)
        zombies.clear()
        await asyncio.sleep(random.choice((0.3, 5, 30)) if not faults.ended else 0.3)


async def end_process(process: SimulatedProcess) -> None:
    """Make an end of a process. What a living one died of by itself is a fault of ours, and raised."""
    if not process.main.done():
        process.crash()
    await process.ended()
    process.crash()


async def simulate_auth(run: SimulationRun) -> None:
    """Answer rejected tokens with new ones, and rotate now and then."""
    seen = 0
    while True:
        await asyncio.sleep(120 if run.faults.ended else run.random.choice((1, 5, 20)))
        records = run.store.records.get(TopicPartition(TokenRejected.topic.name, 0), [])
        if len(records) > seen or run.faults.happens(0.1):
            seen = len(records)
            run.issue_token()


def request(number: int, run: SimulationRun) -> PostRequested:
    """Ask for a post; its caption tells it apart in TikTok's ledger."""
    return PostRequested(
        account_id=ACCOUNT,
        post_id=f"post-{number}",
        tenant=TENANT,
        source=Source(url="https://media.example/video.mp4"),
        privacy_level=run.random.choice((PrivacyLevel.PUBLIC_TO_EVERYONE, PrivacyLevel.SELF_ONLY)),
        caption=f"post-{number}",
    )


async def run_to_the_end(seed: int) -> History:
    """Run a run until every post has its verdict."""
    loop = asyncio.get_running_loop()
    adopt_tasks(loop)
    run = SimulationRun(seed)
    run.connect(TENANT)
    async with running_processes(run):
        requests: list[PostRequested] = []
        for number in range(run.random.choice((1, 1, 2, 3))):
            requests.append(request(number, run))
            for _ in range(run.random.choice((1, 1, 2))):
                await asyncio.sleep(run.random.choice((0, 1, 40)))
                run.write(requests[-1])
        await wait_for_verdicts(run, len(requests))
    check_invariants(seed, run, requests)
    return History(
        events=run.events(),
        ledger=run.tiktok.ledger,
        inits=len(run.tiktok.attempts),
        process_starts=len(run.processes),
    )


@asynccontextmanager
async def running_processes(run: SimulationRun) -> AsyncIterator[None]:
    """Keep everybody running, and in the end make an end of them all."""
    loop = asyncio.get_running_loop()
    supervisors = [loop.create_task(keep_running(run, name)) for name in ("uploader", "publisher")]
    supervisors.append(loop.create_task(simulate_auth(run)))
    yield
    # Whatever is still on its way may still arrive: a second post would show itself now.
    await asyncio.sleep(4 * 3600)
    for supervisor in supervisors:
        supervisor.cancel()
        with suppress(asyncio.CancelledError):
            await supervisor
    for process in run.processes:
        await end_process(process)


async def wait_for_verdicts(run: SimulationRun, wanted: int) -> None:
    """Wait until so many verdicts were said, and the world is calm."""
    loop = asyncio.get_running_loop()
    while loop.time() < FAULTY_SECONDS or (  # noqa: ASYNC110 -- the log is looked into now and then; it has no bell
        run.count_verdicts() < wanted and loop.time() < END_SECONDS
    ):
        await asyncio.sleep(FAULTY_SECONDS)


def verdicts(events: Sequence[Body]) -> list[str]:
    """Name the posts that were published or failed, once for each time it was said."""
    return [event.post_id for event in events if isinstance(event, PostPublished | PostFailed)]


def events_of(request: PostRequested, events: Sequence[Body]) -> list[PostEvent]:
    """What was said of a request's post."""
    name = request.tenant, request.post_id
    return [event for event in events if isinstance(event, PostEvent) and (event.tenant, event.post_id) == name]


def check_invariants(seed: int, run: SimulationRun, requests: Sequence[PostRequested]) -> None:
    """Hold the promises against what happened."""
    if letters := run.store.records.get(TopicPartition(dead_letters("uploader").name, 0)):
        raise InvariantViolated(seed, f"a request was put aside: {letters[0].headers}")
    events, ledger = run.events(), run.tiktok.ledger
    for post_id, own in ((each.caption, events_of(each, events)) for each in requests):
        published = sum(isinstance(event, PostPublished) for event in own)
        if ledger.count(post_id) > 1:
            raise InvariantViolated(seed, f"{post_id} went out {ledger.count(post_id)} times")
        if published != ledger.count(post_id):
            raise InvariantViolated(seed, f"{post_id} is out {ledger.count(post_id)} times, said {published} times")
        # TikTok was away for longer than posts live: the one case in which a person has to decide.
        unresolved = not ledger.count(post_id) and isinstance(own[-1], PostUnresolved)
        if len(verdicts(own)) != 1 and (run.source.disappears or not unresolved):
            raise InvariantViolated(seed, f"{post_id} has the verdicts {verdicts(own)}")
        counted = [event.revision for event in own if not isinstance(event, PostProgressed | PostRequestConflict)]
        if counted != list(range(1, len(counted) + 1)):
            raise InvariantViolated(seed, f"{post_id} has the revisions {counted}")


def run_seed(seed: int) -> History:
    """Run one seed. Raises `BrokenPromise`."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    return virtual_time.run(run_to_the_end(seed))


def _drop(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    del logger, method, event
    raise structlog.DropEvent
