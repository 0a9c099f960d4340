"""One refresh, and a crash at every single step around it: what is saved, and the one thing that cannot be."""

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

from auth_service.account import OFFERED
from auth_service.grants import Recipients, Tokens, seal_tokens
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
UNSAVABLE = ["receive TikTok's answer", "before commit"]
"""Between TikTok's making of the pair and its commit: what dies here takes the only copy with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What came of a refresh that was cut off at some step. `at` is None where the process lived through all of it."""

    at: str | None
    connected: bool
    told: int
    withdrawn: bool


class Doomed(SoakProcess):
    """Crashes at its `last`-th step after the refresh began."""

    last = -1
    began = False

    async def step(self, name: str) -> None:
        """Die here if it is time."""
        await self.pass_by(name)
        await super().step(name)

    async def pass_by(self, name: str) -> None:
        """Count the step, and die before it takes effect if it is the last."""
        if not self.began:
            return
        self.last -= 1
        if self.last == 0:
            self.died_at = name
            self.crash()
            raise Crashed

    died_at: str | None = None

    async def before(self, step: str) -> None:
        """Tell the moment before a call to the log takes effect from the one after it."""
        await self.pass_by(f"before {step}")
        await SoakProcess.step(self, step)

    async def after(self, step: str) -> None:
        """Die after it took effect, if it is time."""
        await self.pass_by(f"after {step}")
        await SoakProcess.step(self, step)


def consent(endpoint: TokenEndpoint) -> ConnectRequested:
    made, now = endpoint.consent(ACCOUNT), virtual_time.clock()
    tokens = Tokens(access_token=made.access_token, refresh_token=made.refresh_token)
    return ConnectRequested(
        account_id=ACCOUNT,
        tenant="acme",
        open_id="-000",
        scopes=("video.publish",),
        sealed_grant=seal_tokens(VAULT, tokens, account_id=ACCOUNT, version=OFFERED),
        granted_at=now,
        access_expires_at=now + timedelta(seconds=ACCESS_SECONDS),
        refresh_expires_at=now + timedelta(days=180),
    )


async def live(rotation: Rotation, last: int) -> Ending:
    """Connect, begin to refresh, crash at a step, let a successor go on, and look."""
    adopt_tasks(asyncio.get_running_loop())
    random = Random(7)
    calm = FailureRates()
    calm.stop()
    endpoint = TokenEndpoint(rotation=rotation, random=random, failure_rates=calm)
    ledger = AuditedStore(partitions=1, vault=VAULT, endpoint=endpoint)
    write(ledger, MemoryLog(ledger), consent(endpoint))
    main = partial(run_auth_worker, store=ledger, endpoint=endpoint, vault=VAULT, recipients=RECIPIENTS, random=random)
    doomed = Doomed("first", SoakFaults(random, doubt=0.0), main)
    doomed.assign(frozenset({0}))
    await asyncio.sleep(5)
    doomed.last, doomed.began = last, True
    await asyncio.sleep(ACCESS_SECONDS / 2 - 4)
    if not doomed.dead:
        doomed.stop.set()
    await doomed.ended()
    successor = SoakProcess("second", SoakFaults(random, doubt=0.0), main)
    successor.assign(frozenset({0}))
    await asyncio.sleep(3 * ACCESS_SECONDS)
    successor.stop.set()
    await successor.ended()
    return Ending(
        at=doomed.died_at,
        connected=ledger.newest_in_log(ACCOUNT) and ACCOUNT not in ledger.reauthorization_needed,
        told=ledger.seen["account.reauthorization_required"],
        withdrawn=ledger.withdrawn(ACCOUNT),
    )


def every_crash(rotation: Rotation) -> Iterator[Ending]:
    """Crash at the first step, at the second … until the process lives through all of them."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    for last in count(1):
        ending = virtual_time.run(live(rotation, last))
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
    assert [ending.at for ending in lost] == UNSAVABLE
    assert all(ending.told == 1 and ending.withdrawn for ending in lost), "the person is asked once, the services told"
    assert all(ending.told == 0 and not ending.withdrawn for ending in endings if ending.connected)
    around = [ending.at for ending in endings if ending.at != "wake"]  # the watchdog, once a second
    commit = ["before commit", "after commit"]
    assert around[:6] == [*commit, "connect to TikTok", "receive TikTok's answer", *commit], (
        "the intent, the call, the outcome"
    )


def test_no_crash_loses_account_while_old_token_still_works() -> None:
    endings = list(every_crash(Rotation.UNTIL_USED))
    assert [ending for ending in endings if not ending.connected] == []
    assert set(UNSAVABLE) <= {ending.at for ending in endings}
