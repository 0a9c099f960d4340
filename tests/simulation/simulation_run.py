"""Runs one seed: real uploader and publisher tasks, with faults in everything around them.

Log, TikTok, media source and time are in memory. Every random choice comes from the seed, so a failing seed replays
exactly. `check_invariants` compares the events with TikTok's ledger when all is quiet.
"""

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
from common.streams import EffectHandler, Processor, TopicPartition
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.task import Task, TaskDependencies
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from fakes.tiktok_simulation import SimulatedTikTok, SimulatedTikTokClient
from harness import virtual_time
from harness.simulated_processes import Faults, SimulatedProcess, adopt_tasks
from publisher_service.effect_handler import PublisherEffects
from publisher_service.processor import PROCESSOR as PUBLISHER
from uploader_service.effect_handler import UploaderEffects
from uploader_service.processor import PROCESSOR as UPLOADER
from uploader_service.sources.problems import SourceFailed, SourceProblem, Unavailable
from uploader_service.sources.reader import ProbedSource

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
    """Postbus broke an invariant under this seed."""

    def __init__(self, seed: int, finding: str) -> None:
        super().__init__(f"seed {seed}: {finding} (replay: python -m simulation {seed})")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The records of a finished run."""

    events: Sequence[Body]
    ledger: Sequence[str]
    inits: int
    process_starts: int


class SimulatedSource:
    """A media source that stays, or disappears for good: at a random time, or after a few reads."""

    def __init__(self, random: Random) -> None:
        self._size = random.choice(SIZES)
        # A generator of its own, so that this choice does not change the rest of the run.
        apart = Random(random.getstate()[1][0])
        self._gone_at = apart.choice((math.inf, math.inf, math.inf, apart.uniform(0, FAULTY_SECONDS)))
        self._reads_left = apart.choice((math.inf, math.inf, apart.randint(1, 3), apart.randint(1, 12)))
        self.disappears = min(self._gone_at, self._reads_left) < math.inf

    def probe(self, url: str) -> ProbedSource | SourceProblem:
        """Describe the file, or the problem if it has disappeared."""
        return self._gone(url) or ProbedSource(size=self._size, validator="v", content_type="video/mp4")

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        """Yield no bytes: the simulated TikTok counts ranges only."""
        del first, last, validator
        if (problem := self._gone(url)) is not None:
            raise SourceFailed(problem)
        self._reads_left -= 1
        yield from ()

    def _gone(self, url: str) -> SourceProblem | None:
        gone = self._reads_left <= 0 or asyncio.get_running_loop().time() >= self._gone_at
        return Unavailable(location=url, status=404) if gone else None


class SimulationRun:
    """Everything that survives a crash: the log, TikTok, the source, and the random numbers."""

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
        """Write what auth writes when a person connects the account for this tenant."""
        self.tenant = tenant
        self.write(AccountDescribed(account_id=ACCOUNT, tenant=tenant, open_id="o"))
        self.issue_token()

    def issue_token(self) -> None:
        """Issue a new token version, sealed for both services. TikTok may stop accepting the older ones."""
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
        """Read all post events."""
        records = self.store.records.get(TopicPartition(POST_EVENTS.name, 0), ())
        return [
            decode(topic=POST_EVENTS.name, value=record.value or b"", headers=record.headers).body for record in records
        ]

    def count_verdicts(self) -> int:
        """Count the verdicts in the log. Headers suffice, and this is called often."""
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
        self, machine: Processor[S, F, E], effects: EffectHandler[E, F], log: MemoryLog
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
    """Runs blocking work on the virtual loop, at one instant between two steps of its process."""

    def __init__(self, process: SimulatedProcess) -> None:
        self._process = process

    async def carry(self, work: Callable[..., T], *args: object) -> T:
        """Run the work. The process may crash before or after it."""
        await self._process.step("thread begins")
        result = work(*args)
        await self._process.step("thread ends")
        return result


async def keep_running(run: SimulationRun, service: str) -> None:
    """Supervise a service: restart it, kill it, and sometimes start a second process beside a running one.

    The older of two is a zombie: the log must fence it.
    """
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
    """End a process. An error of a process that did not crash is a bug, and is raised."""
    if not process.main.done():
        process.crash()
    await process.ended()
    process.crash()


async def simulate_auth(run: SimulationRun) -> None:
    """Issue a new token when one was rejected, and now and then without a reason."""
    seen = 0
    while True:
        await asyncio.sleep(120 if run.faults.ended else run.random.choice((1, 5, 20)))
        records = run.store.records.get(TopicPartition(TokenRejected.topic.name, 0), [])
        if len(records) > seen or run.faults.happens(0.1):
            seen = len(records)
            run.issue_token()


def request(number: int, run: SimulationRun) -> PostRequested:
    """Make a request. Its caption identifies the post in TikTok's ledger."""
    return PostRequested(
        account_id=ACCOUNT,
        post_id=f"post-{number}",
        tenant=TENANT,
        source=Source(url="https://media.example/video.mp4"),
        privacy_level=run.random.choice((PrivacyLevel.PUBLIC_TO_EVERYONE, PrivacyLevel.SELF_ONLY)),
        caption=f"post-{number}",
    )


async def run_to_the_end(seed: int) -> History:
    """Request one to three posts, wait for their verdicts, and check the invariants."""
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
    """Supervise both services and auth; afterwards wait for late effects, then end all processes."""
    loop = asyncio.get_running_loop()
    supervisors = [loop.create_task(keep_running(run, name)) for name in ("uploader", "publisher")]
    supervisors.append(loop.create_task(simulate_auth(run)))
    yield
    # A chunk that is still on its way may arrive late. A second post would appear now.
    await asyncio.sleep(4 * 3600)
    for supervisor in supervisors:
        supervisor.cancel()
        with suppress(asyncio.CancelledError):
            await supervisor
    for process in run.processes:
        await end_process(process)


async def wait_for_verdicts(run: SimulationRun, wanted: int) -> None:
    """Wait for this many verdicts, and for the end of the faulty phase."""
    loop = asyncio.get_running_loop()
    while loop.time() < FAULTY_SECONDS or (  # noqa: ASYNC110 -- the log in memory has no event to wait for
        run.count_verdicts() < wanted and loop.time() < END_SECONDS
    ):
        await asyncio.sleep(FAULTY_SECONDS)


def verdicts(events: Sequence[Body]) -> list[str]:
    """Return the post id of each published or failed event."""
    return [event.post_id for event in events if isinstance(event, PostPublished | PostFailed)]


def events_of(request: PostRequested, events: Sequence[Body]) -> list[PostEvent]:
    """Return the events of a request's post."""
    name = request.tenant, request.post_id
    return [event for event in events if isinstance(event, PostEvent) and (event.tenant, event.post_id) == name]


def check_invariants(seed: int, run: SimulationRun, requests: Sequence[PostRequested]) -> None:
    """Compare the events with TikTok's ledger. Raises `InvariantViolated`."""
    if letters := run.store.records.get(TopicPartition(dead_letters("uploader").name, 0)):
        raise InvariantViolated(seed, f"a request became a dead letter: {letters[0].headers}")
    events, ledger = run.events(), run.tiktok.ledger
    for post_id, own in ((each.caption, events_of(each, events)) for each in requests):
        published = sum(isinstance(event, PostPublished) for event in own)
        if ledger.count(post_id) > 1:
            raise InvariantViolated(seed, f"{post_id} was published {ledger.count(post_id)} times")
        if published != ledger.count(post_id):
            raise InvariantViolated(
                seed, f"{post_id} is in the ledger {ledger.count(post_id)} times, with {published} published events"
            )
        # TikTok was down for longer than the post's deadline: the one case in which a person has to decide.
        unresolved = not ledger.count(post_id) and isinstance(own[-1], PostUnresolved)
        if len(verdicts(own)) != 1 and (run.source.disappears or not unresolved):
            raise InvariantViolated(seed, f"{post_id} has the verdicts {verdicts(own)}")
        counted = [event.revision for event in own if not isinstance(event, PostProgressed | PostRequestConflict)]
        if counted != list(range(1, len(counted) + 1)):
            raise InvariantViolated(seed, f"{post_id} has the revisions {counted}")


def run_seed(seed: int) -> History:
    """Run one seed. Raises `InvariantViolated`."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    return virtual_time.run(run_to_the_end(seed))


def _drop(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    del logger, method, event
    raise structlog.DropEvent
