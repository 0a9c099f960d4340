"""A worker whose keys do not open what is there says so at its start: which keys, and how many records."""

import base64
from collections.abc import AsyncIterator, Mapping, MutableMapping

import pytest
import structlog

from auth_service.errors import VaultKeysMissing
from auth_service.settings import WorkerSettings
from auth_service.states import State
from auth_service.tokens.vault_check import KeyCheck, check_vault, log_missing_keys
from builders.consents import BOTH, NEW_ALONE, OLD_ALONE
from common.security.sealing import Vault
from common.streams import StateKey
from common.streams.log.memory import MemoryLog
from harness import virtual_time
from harness.simulated_auth import PARTITIONS, SimulatedAuth

ACCOUNTS = tuple(f"acc_{number}" for number in range(1, 8))
OTHER_BYTES = Vault({"k1": b"x" * 32})


async def check(auth: SimulatedAuth, vault: Vault, *lost: str) -> None:
    await check_vault(MemoryLog(auth.store), partitions=PARTITIONS, vault=vault, lost=lost)


async def fleet_under(keys: Mapping[str, Vault]) -> SimulatedAuth:
    auth = SimulatedAuth()
    for account_id, vault in keys.items():
        await auth.connect(account_id, vault=vault)
        await auth.work(vault)
    return auth


@pytest.mark.parametrize(
    ("vault", "words"),
    [(NEW_ALONE, "7 under key id `k1`"), (OTHER_BYTES, "7 under key id `k1`")],
    ids=["another id", "other bytes under its id"],
)
def test_a_worker_that_could_open_nothing_does_not_start(vault: Vault, words: str) -> None:
    async def main() -> None:
        auth = await fleet_under(dict.fromkeys(ACCOUNTS, OLD_ALONE))
        await check(auth, OLD_ALONE)
        await check(auth, BOTH)
        with pytest.raises(VaultKeysMissing, match=words) as caught:
            await check(auth, vault)
        assert "AUTH_LOST_VAULT_KEYS" in str(caught.value)

    virtual_time.run(main())


def test_one_record_that_opens_is_enough_to_start() -> None:
    async def main() -> None:
        auth = await fleet_under({**dict.fromkeys(ACCOUNTS, OLD_ALONE), "acc_8": NEW_ALONE})
        await check(auth, NEW_ALONE)

    virtual_time.run(main())


def test_an_app_counts_as_an_account_does() -> None:
    async def main() -> None:
        auth = SimulatedAuth()
        await auth.add_app("acme", "acme-key", "acme-secret")
        await auth.work(OLD_ALONE)
        await check(auth, OLD_ALONE)
        with pytest.raises(VaultKeysMissing, match="1 under key id `k1`"):
            await check(auth, NEW_ALONE)

    virtual_time.run(main())


def test_where_nothing_is_sealed_any_keys_will_do() -> None:
    async def main() -> None:
        auth = SimulatedAuth()
        await check(auth, NEW_ALONE)
        await auth.work(OLD_ALONE)
        await check(auth, NEW_ALONE)

    virtual_time.run(main())


def test_lost_key_does_not_stop_a_worker() -> None:
    async def main() -> None:
        auth = await fleet_under(dict.fromkeys(ACCOUNTS, OLD_ALONE))
        await check(auth, NEW_ALONE, "k1")
        with pytest.raises(VaultKeysMissing):
            await check(auth, NEW_ALONE, "k0")

    virtual_time.run(main())


def test_replaced_records_do_not_count_for_any_key() -> None:
    async def main() -> None:
        auth = await fleet_under(dict.fromkeys(ACCOUNTS, OLD_ALONE))
        async with auth.worker(BOTH):
            assert await auth.rotate() == 0
        await check(auth, NEW_ALONE)
        with pytest.raises(VaultKeysMissing, match="7 under key id `k2`"):
            await check(auth, OLD_ALONE)

    virtual_time.run(main())


def test_a_broken_record_does_not_speak_against_its_key() -> None:
    async def main() -> None:
        states = (await fleet_under({"acc_1": OLD_ALONE, "acc_2": OLD_ALONE})).states()
        (one, state), (two, _) = states.items()
        found = KeyCheck(OLD_ALONE)
        found.try_state(two, state)  # sealed for another account
        assert found.missing == {"k1": 1}
        found.try_state(one, state)
        assert (found.right, found.missing) == ({"k1"}, {})

    virtual_time.run(main())


async def inspected(states: Mapping[StateKey, State], vault: Vault, *lost: str) -> list[MutableMapping[str, object]]:
    """What is logged when a partition with these states is opened."""

    async def shown() -> AsyncIterator[tuple[StateKey, State]]:
        for entry in states.items():
            yield entry

    with structlog.testing.capture_logs() as lines:
        await log_missing_keys(vault, lost=lost)(3, shown())
    return lines


def test_missing_keys_of_a_partition_are_logged_in_one_line() -> None:
    async def main() -> None:
        zero = Vault({"k0": b"0" * 32})
        states = (await fleet_under({"acc_1": OLD_ALONE, "acc_2": NEW_ALONE, "acc_3": zero, "acc_4": zero})).states()
        assert await inspected(states, Vault({"k0": b"0" * 32, "k1": b"1" * 32, "k2": b"2" * 32})) == []
        (line,) = await inspected(states, NEW_ALONE)
        emitted = {"partition": 3, "key_ids": ["k0", "k1"], "records": 3}
        assert line == {"event": "vault_key_missing", "log_level": "error", **emitted}
        assert await inspected(states, NEW_ALONE, "k0", "k1") == []

    virtual_time.run(main())


@pytest.mark.parametrize(("text", "ids"), [("", set()), ("k1", {"k1"}), ("k1,k_2-b", {"k1", "k_2-b"}), ("k1,", {"k1"})])
def test_lost_keys_are_named_by_their_ids(text: str, ids: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_SERVICE_PUBLIC_KEYS", f"uploader:{base64.b64encode(bytes(32)).decode()}")
    monkeypatch.setenv("AUTH_LOST_VAULT_KEYS", text)
    assert WorkerSettings().lost_key_ids == ids  # type: ignore[call-arg]  # from the environment
