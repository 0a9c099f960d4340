"""One auth worker process of the soak: the real runtime, machine and effects, on a log in memory."""

import asyncio
from collections.abc import Callable
from random import Random

from auth_service.effect_handler import AuthEffectHandler
from auth_service.effects import AppRef
from auth_service.processor import AuthProcessor
from auth_service.tokens.token_pairs import Recipients
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.security.sealing import Vault
from common.streams import TopicPartition
from common.streams.engine.worker import run_worker
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from fakes.tiktok_token_endpoint import TokenEndpoint, TokenEndpointClient
from harness import virtual_time
from harness.simulated_processes import Faults, SimulatedProcess

SLOTS = 64
SESSION_SECONDS = 10.0


class SoakFaults(Faults):
    """Transactions in doubt and small delays at every step. The soak itself kills and pauses processes."""

    def __init__(self, random: Random, *, doubt: float) -> None:
        self.random = random
        self.crash = 0.0
        self.freeze = 0.0
        self.doubt = doubt
        self.doubts = 0
        self.stopped = False

    @property
    def ended(self) -> bool:
        """Whether the faulty phase is over."""
        return self.stopped

    def happens(self, rate: float) -> bool:
        """Whether a fault of this rate happens now."""
        fault = super().happens(rate)
        self.doubts += fault
        return fault


class SoakProcess(SimulatedProcess):
    """A process with assigned partitions, which pauses at its next step when `pause_for` was called."""

    session_seconds = SESSION_SECONDS

    def __init__(self, name: str, faults: Faults, main: "Callable[[SoakProcess], object]") -> None:
        self._numbers: frozenset[int] = frozenset()
        self._assigned = asyncio.Event()
        self._paused_until = 0.0
        super().__init__(name, faults, main)  # type: ignore[arg-type]  # it receives itself: a SoakProcess

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return not self.dead and not self.main.done() and asyncio.get_running_loop().time() >= self._paused_until

    def pause_for(self, seconds: float) -> None:
        """Stop, as after SIGSTOP, and go on where it stood some seconds later."""
        self._paused_until = asyncio.get_running_loop().time() + seconds

    async def step(self, name: str) -> None:
        """Pass a point at which this process may find itself dead, or asleep."""
        await super().step(name)
        while (left := self._paused_until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)
            self.check_alive()

    @property
    def numbers(self) -> frozenset[int]:
        """The partitions it believes to own."""
        return self._numbers

    def assign(self, numbers: frozenset[int]) -> None:
        """Receive an assignment."""
        if numbers != self._numbers:
            self._numbers = numbers
            self._assigned.set()

    async def pause(self, seconds: float) -> None:
        """Let time pass, and more of it while asleep."""
        await asyncio.sleep(seconds)
        await self.step("wake")

    async def changed(self) -> None:
        """Wait for the next assignment."""
        await self._assigned.wait()
        self._assigned.clear()


class SingleClient:
    """Every account is of one app."""

    def __init__(self, client: TokenEndpointClient) -> None:
        self._client = client

    def of(self, app: AppRef) -> TokenEndpointClient:
        """Return it."""
        return self._client


def write(store: MemoryStore, log: MemoryLog, body: Body) -> None:
    """Write an event as an edge would."""
    value, headers = encode(Envelope(id="", source="world", time=virtual_time.clock(), traceparent=None, body=body))
    slice_ = TopicPartition(body.topic.name, log.partition_of(body.key))
    store.append(OutgoingRecord(topic_partition=slice_, key=body.key.encode(), value=value, headers=headers))


async def run_auth_worker(
    member: SoakProcess,
    *,
    store: MemoryStore,
    endpoint: TokenEndpoint,
    vault: Vault,
    recipients: Recipients,
    random: Random,
) -> None:
    """Run an auth worker in this process."""
    log = MemoryLog(store, member)
    effects = AuthEffectHandler(
        vault=vault,
        recipients=recipients,
        clients=SingleClient(TokenEndpointClient(endpoint, member)),
        clock=virtual_time.clock,
    )

    async def salvage(body: Body) -> None:
        await member.before("salvage")
        write(store, log, body)
        await member.after("salvage")

    await run_worker(
        processor=AuthProcessor(recipients.fingerprint),
        effects=effects,
        log=log,
        membership=member,
        hand_off=salvage,
        max_effects=SLOTS,
        stop=member.stop,
        clock=virtual_time.clock,
        read_clocks=virtual_time.moment,
        random=random,
        pause=member.pause,
    )
