"""A crash at every single step around one refresh: which of them the account survives."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service import states
from auth_service.tokens.token_pairs import Recipients, TokenPair, seal_tokens
from common.contract.account import ConnectRequested
from common.security.sealing import Vault
from common.streams.log.memory import MemoryLog
from fakes.tiktok_token_endpoint import ACCESS_SECONDS, FailureRates, Rotation, TokenEndpoint
from harness import virtual_time
from harness.simulated_processes import Crashed, adopt_tasks
from soak.audited_store import AuditedStore
from soak.worker import SoakFaults, SoakProcess, run_auth_worker, write

ACCOUNT = "acc_1"
KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
VAULT = Vault({"one": bytes(range(32))})
RECIPIENTS = Recipients({"uploader": KEY.public_key()})
FATAL_STEPS = ["receive TikTok's answer", "before commit"]
"""Between TikTok's rotation and our commit: a process that dies here takes the only copy of the pair with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The result of a refresh with a crash at some step. `at` is None if the process did not crash."""

    at: str | None
    connected: bool
    reauthorizations: int
    withdrawn: bool


class CrashingProcess(SoakProcess):
    """Crashes at its `last`-th step after the refresh began."""

    last = -1
    began = False

    async def step(self, name: str) -> None:
        """Crash here if it is time."""
        await self.count_step(name)
        await super().step(name)

    async def count_step(self, name: str) -> None:
        """Count the step, and crash before it takes effect if it is the last."""
        if not self.began:
            return
        self.last -= 1
        if self.last == 0:
            self.crashed_at = name
            self.crash()
            raise Crashed

    crashed_at: str | None = None

    async def before(self, step: str) -> None:
        """Crash before a call to the log takes effect."""
        await self.count_step(f"before {step}")
        await SoakProcess.step(self, step)

    async def after(self, step: str) -> None:
        """Crash after it took effect."""
        await self.count_step(f"after {step}")
        await SoakProcess.step(self, step)


def consent(endpoint: TokenEndpoint) -> ConnectRequested:
    made, now = endpoint.consent(ACCOUNT), virtual_time.clock()
    tokens = TokenPair(access_token=made.access_token, refresh_token=made.refresh_token)
    return ConnectRequested(
        account_id=ACCOUNT,
        tenant="acme",
        open_id="-000",
        scopes=("video.publish",),
        sealed_tokens=seal_tokens(VAULT, tokens, account_id=ACCOUNT, version=states.UNNUMBERED),
        granted_at=now,
        access_expires_at=now + timedelta(seconds=ACCESS_SECONDS),
        refresh_expires_at=now + timedelta(days=180),
    )


async def refresh_with_crash(rotation: Rotation, last: int) -> Ending:
    """Connect, begin to refresh, crash at a step, let a successor continue, and return the result."""
    adopt_tasks(asyncio.get_running_loop())
    random = Random(7)
    no_failures = FailureRates()
    no_failures.stop()
    endpoint = TokenEndpoint(rotation=rotation, random=random, failure_rates=no_failures)
    ledger = AuditedStore(partitions=1, vault=VAULT, endpoint=endpoint)
    write(ledger, MemoryLog(ledger), consent(endpoint))
    main = partial(run_auth_worker, store=ledger, endpoint=endpoint, vault=VAULT, recipients=RECIPIENTS, random=random)
    crashing = CrashingProcess("first", SoakFaults(random, doubt=0.0), main)
    crashing.assign(frozenset({0}))
    await asyncio.sleep(5)
    crashing.last, crashing.began = last, True
    await asyncio.sleep(ACCESS_SECONDS / 2 - 4)
    if not crashing.dead:
        crashing.stop.set()
    await crashing.ended()
    successor = SoakProcess("second", SoakFaults(random, doubt=0.0), main)
    successor.assign(frozenset({0}))
    await asyncio.sleep(3 * ACCESS_SECONDS)
    successor.stop.set()
    await successor.ended()
    return Ending(
        at=crashing.crashed_at,
        connected=ledger.newest_in_log(ACCOUNT) and ACCOUNT not in ledger.reauthorization_needed,
        reauthorizations=ledger.seen["account.reauthorization_required"],
        withdrawn=ledger.withdrawn(ACCOUNT),
    )


def every_crash(rotation: Rotation) -> Iterator[Ending]:
    """Crash at the first step, then at the second, until the process gets through all of them."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    for last in count(1):
        ending = virtual_time.run(refresh_with_crash(rotation, last))
        if ending.at is None:
            return
        yield ending


def _drop(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    raise structlog.DropEvent


def test_only_crash_between_answer_and_commit_loses_account(
    capsys: pytest.CaptureFixture[str],
) -> None:
    endings = list(every_crash(Rotation.STRICT))
    lost = [ending for ending in endings if not ending.connected]
    with capsys.disabled():
        print(f"\ncrash points of a refresh: {len(endings)}; saved {len(endings) - len(lost)}, unsavable {len(lost)}")
    assert [ending.at for ending in lost] == FATAL_STEPS
    assert all(ending.reauthorizations == 1 and ending.withdrawn for ending in lost), (
        "one request to the person, and a withdrawal for the services"
    )
    assert all(ending.reauthorizations == 0 and not ending.withdrawn for ending in endings if ending.connected)
    around = [ending.at for ending in endings if ending.at != "wake"]  # the watchdog, once a second
    commit = ["before commit", "after commit"]
    assert around[:6] == [*commit, "connect to TikTok", "receive TikTok's answer", *commit], (
        "the intent, the call, the outcome"
    )


def test_no_crash_loses_account_while_old_token_still_works() -> None:
    endings = list(every_crash(Rotation.UNTIL_USED))
    assert [ending for ending in endings if not ending.connected] == []
    assert set(FATAL_STEPS) <= {ending.at for ending in endings}
