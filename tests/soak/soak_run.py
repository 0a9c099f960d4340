"""Runs a soak: connects accounts, lets workers refresh them under faults, and counts what went wrong."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service import states
from auth_service.tokens.token_pairs import Recipients, TokenPair, seal_tokens
from common.contract.account import ConnectRequested
from common.security.sealing import Vault
from common.streams.engine.watchdog import SessionExpired
from common.streams.log.memory import MemoryLog
from fakes.tiktok_token_endpoint import ACCESS_SECONDS, REFRESH_SECONDS, FailureRates, Rotation, TokenEndpoint
from harness import virtual_time
from harness.simulated_processes import adopt_tasks
from soak.audited_store import AuditedStore, use_tokens
from soak.consumer_group import Coordinator, StaticMember
from soak.worker import SoakFaults, SoakProcess, run_auth_worker, write

WORKERS = 3
QUIET_SECONDS = 400.0
"""Longer than the longest pause between two attempts, so that every refresh that can succeed has succeeded."""
CHECK_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakPlan:
    """The size of a soak and its rates of faults."""

    accounts: int = 1000
    rounds: int = 100
    partitions: int = 24
    seed: int = 1
    rotation: Rotation = Rotation.UNTIL_USED
    doubt: float = 0.002
    lose_after: float = 0.01


@dataclass(slots=True, kw_only=True)
class SoakResult:
    """The counts of a finished soak. `lost` and the fields below it must be 0."""

    plan: SoakPlan
    virtual_seconds: float = 0.0
    refreshes: int = 0
    kills: int = 0
    pauses: int = 0
    moves: int = 0
    doubts: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    unsavable: int = 0
    lost: int = 0
    reused: int = 0
    expired_handed_out: int = 0
    went_back: int = 0

    @property
    def invariants_hold(self) -> bool:
        """Whether no account was lost and no token misused."""
        return not (self.lost or self.reused or self.expired_handed_out or self.went_back)


class SoakRun:
    """The state that survives a crash: the log, TikTok, and the group."""

    def __init__(self, plan: SoakPlan, report: Callable[[str], None]) -> None:
        self._plan = plan
        self._report = report
        self._random = Random(plan.seed)
        self._faults = SoakFaults(self._random, doubt=plan.doubt)
        self._vault = Vault({"one": bytes(range(32))})
        self._key = X25519PrivateKey.from_private_bytes(bytes(range(32)))
        names = ("uploader", "publisher", "analytics")
        self._recipients = Recipients(dict.fromkeys(names, self._key.public_key()))
        self.endpoint = TokenEndpoint(
            rotation=plan.rotation, random=self._random, failure_rates=FailureRates(lost_after=plan.lose_after)
        )
        self.ledger = AuditedStore(partitions=plan.partitions, vault=self._vault, endpoint=self.endpoint)
        self._members = {f"auth-{number}": StaticMember() for number in range(WORKERS)}
        self._group = Coordinator(self._members, partitions=plan.partitions)
        self._accounts = [f"acc_{number:05}" for number in range(plan.accounts)]
        self.result = SoakResult(plan=plan)

    async def run(self) -> SoakResult:
        """Run until every account was refreshed often enough, then let all faults end and count."""
        loop = asyncio.get_running_loop()
        adopt_tasks(loop)
        consumers = use_tokens(
            self.ledger,
            self.endpoint,
            accounts=self._accounts,
            key=self._key,
            random=self._random,
            every=60.0 / max(len(self._accounts), 1),
        )
        others = [
            loop.create_task(self._group.run()),
            loop.create_task(consumers),
            *(loop.create_task(self._keep_running(name)) for name in self._members),
        ]
        await self._connect_all()
        await self._until_rounds_done()
        self._faults.stopped = True
        self.endpoint.failure_rates.stop()
        await asyncio.sleep(QUIET_SECONDS)
        for other in others:
            other.cancel()
            with suppress(asyncio.CancelledError):
                await other
        for member in self._members.values():
            if member.process is not None:
                member.process.stop.set()
                await member.process.ended()
        return self._count()

    async def _connect_all(self) -> None:
        log = MemoryLog(self.ledger)
        for account_id in self._accounts:
            await asyncio.sleep(self._random.uniform(0, ACCESS_SECONDS / len(self._accounts)))
            write(self.ledger, log, self._consent(account_id))

    def _consent(self, account_id: str) -> ConnectRequested:
        made, now = self.endpoint.consent(account_id), virtual_time.clock()
        tokens = TokenPair(access_token=made.access_token, refresh_token=made.refresh_token)
        return ConnectRequested(
            account_id=account_id,
            tenant=f"tenant-{hash_of(account_id) % 20}",
            open_id=f"-{account_id}",
            scopes=("video.publish",),
            sealed_tokens=seal_tokens(self._vault, tokens, account_id=account_id, version=states.UNNUMBERED),
            granted_at=now,
            access_expires_at=now + timedelta(seconds=ACCESS_SECONDS),
            refresh_expires_at=now + timedelta(seconds=REFRESH_SECONDS),
        )

    async def _until_rounds_done(self) -> None:
        loop, reported = asyncio.get_running_loop(), 0
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.ledger.compact_all()
            still_refreshing = [
                account_id for account_id in self._accounts if account_id not in self.ledger.reauthorization_needed
            ]
            slowest = min(
                (self.ledger.refreshes[account_id] for account_id in still_refreshing), default=self._plan.rounds
            )
            if slowest >= self._plan.rounds:
                return
            if slowest * 10 // self._plan.rounds > reported:
                reported = slowest * 10 // self._plan.rounds
                self._report(
                    f"{self._plan.rotation}: round {slowest} of {self._plan.rounds} after {loop.time():.0f} virtual s, "
                    f"{sum(self.ledger.refreshes.values())} refreshes, {self.result.kills} kills"
                )

    async def _keep_running(self, name: str) -> None:
        """Supervise one static member: pause it, kill it, and start it again."""
        member, random = self._members[name], self._random
        starts = 0
        while True:
            starts += 1
            main = partial(
                run_auth_worker,
                store=self.ledger,
                endpoint=self.endpoint,
                vault=self._vault,
                recipients=self._recipients,
                random=Random(f"{self._plan.seed} {name} {starts}"),
            )
            member.process = SoakProcess(f"{name}/{starts}", self._faults, main)
            await self._disturb(member.process)
            await asyncio.sleep(random.choice((0.5, 0.5, 0.5, 3, 15)) if not self._faults.stopped else 0.5)

    async def _disturb(self, process: SoakProcess) -> None:
        """Let a process run, pause it now and then, and kill it in the end."""
        random = self._random
        while not process.main.done():
            await asyncio.wait((process.main,), timeout=random.uniform(10, 60))
            if process.main.done() or self._faults.stopped:
                continue
            if random.random() < 0.4:
                self.result.pauses += 1
                process.pause_for(random.choice((2, 8, 14, 25)))
                continue
            self.result.kills += 1
            process.crash()
        try:
            await process.ended()
        except SessionExpired:
            self.ledger.seen["lapsed"] += 1

    def _count(self) -> SoakResult:
        result, ledger = self.result, self.ledger
        result.virtual_seconds = asyncio.get_running_loop().time()
        result.refreshes = sum(ledger.refreshes.values())
        result.moves = self._group.rebalances
        result.doubts = self._faults.doubts
        result.counts = {**self.endpoint.seen, **ledger.seen}
        result.reused = self.endpoint.seen["reused"]
        result.expired_handed_out = ledger.seen["expired handed out"]
        result.went_back = ledger.seen["went back"]
        missing = {account_id for account_id in self._accounts if not ledger.newest_in_log(account_id)}
        if self._plan.rotation is Rotation.STRICT:
            # TikTok rotated, and the answer never reached the log, so the pair is lost. Only these accounts may end.
            result.unsavable = len(missing & ledger.reauthorization_needed)
            result.lost = len(missing ^ ledger.reauthorization_needed)
        else:
            result.lost = len(missing | ledger.reauthorization_needed)
        return result


def hash_of(text: str) -> int:
    """Return a stable number for a name."""
    return sum(text.encode())


def run_soak(plan: SoakPlan, report: Callable[[str], None]) -> SoakResult:
    """Run a soak in virtual time; `report` receives lines of progress."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    return virtual_time.run(SoakRun(plan, report).run())


def _drop(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    del logger, method, event
    raise structlog.DropEvent
