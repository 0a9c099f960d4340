"""Rotating the vault's keys over real tasks, in virtual time: whatever happens meanwhile, no pair is lost."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import msgspec
import pytest

from auth_service import states
from auth_service.tenants import states as tenant_states
from auth_service.tokens.token_pairs import TokenPair, seal_tokens
from builders.consents import BOTH, NEW, NEW_ALONE, NEW_BEHIND, OLD, OLD_ALONE, consent_of, tokens_of
from common.contract.account import TokenPairResealed
from common.contract.body import Body
from common.security.sealing import Vault
from common.streams import LogUnavailable, StateKey, TopicPartition
from fakes.tiktok_refresh import OneUseRefreshTikTok
from harness import virtual_time
from harness.simulated_auth import SimulatedAuth

ACCOUNTS = tuple(f"acc_{number}" for number in range(1, 8))
DONE = "no record is sealed under another key than k2"
MOST_SECONDS = 300


async def connected(
    *account_ids: str, tiktok: OneUseRefreshTikTok | None = None, life: timedelta = timedelta(hours=2)
) -> SimulatedAuth:
    """Accounts that were connected, and are sealed, under the old key."""
    auth = SimulatedAuth(tiktok)
    await auth.connect(*account_ids, life=life)
    await auth.work(OLD_ALONE)
    assert set(auth.key_ids().values()) == {"k1"}
    return auth


def test_all_items_end_under_the_newest_key_without_events() -> None:
    async def main() -> None:
        auth = await connected(*ACCOUNTS)
        await auth.add_app("acme", "acme-key", "acme-secret")
        async with auth.worker(BOTH):
            await asyncio.sleep(1)
            before, emitted = (
                auth.pairs(),
                {topic: auth.records(topic) for topic in ("auth.credentials", "auth.tenants")},
            )
            assert await auth.rotate() == 0
        assert auth.key_ids() == dict.fromkeys((*ACCOUNTS, "acme"), "k2")
        assert auth.pairs(NEW_ALONE) == before
        assert auth.records("auth.credentials") == emitted["auth.credentials"]
        assert auth.records("auth.tenants") == emitted["auth.tenants"] + 1
        assert auth.output == ["resealed 0 of 8 records under key k2", "resealed 8 of 8 records under key k2", DONE]

    virtual_time.run(main())


def test_app_secret_opens_under_the_new_key_alone() -> None:
    async def main() -> None:
        auth = SimulatedAuth()
        await auth.add_app("acme", "acme-key", "acme-secret")
        await auth.work(OLD_ALONE)
        async with auth.worker(BOTH):
            assert await auth.rotate() == 0
        state = auth.states()[StateKey("acme", "tenant")]
        assert isinstance(state, tenant_states.Tenant)
        assert state.app is not None
        sealed = state.app.sealed_secret
        assert NEW_ALONE.open(sealed, owner="acme", field="client_secret|acme-key", version=0) == b"acme-secret"

    virtual_time.run(main())


def test_where_nothing_is_left_to_do_it_says_so_at_once() -> None:
    async def main() -> None:
        auth = SimulatedAuth()
        await auth.connect(*ACCOUNTS, vault=NEW_ALONE)
        await auth.work(NEW_ALONE)
        commands = auth.records("auth.commands")
        assert await auth.rotate() == 0
        assert auth.output == [DONE]
        assert auth.records("auth.commands") == commands

    virtual_time.run(main())


def test_a_run_that_was_killed_is_finished_by_the_next() -> None:
    async def main() -> None:
        auth = await connected(*ACCOUNTS)
        written: list[Body] = []
        killed = asyncio.Event()

        async def until_killed(body: Body) -> None:
            if len(written) == 3:
                killed.set()
                await asyncio.Event().wait()
            written.append(body)
            await auth.write(body)

        async with auth.worker(BOTH):
            run = asyncio.create_task(auth.rotation(write=until_killed).run(asyncio.Event()))
            await killed.wait()
            await asyncio.sleep(1)
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run
            assert sorted(auth.key_ids().values()) == ["k1"] * 4 + ["k2"] * 3
            auth.output.clear()
            assert await auth.rotate() == 0
        assert set(auth.key_ids().values()) == {"k2"}
        assert auth.output[0] == "resealed 0 of 4 records under key k2"
        assert auth.output[-2:] == ["resealed 4 of 4 records under key k2", DONE]

    virtual_time.run(main())


def test_stopped_run_reports_what_is_left() -> None:
    async def main() -> None:
        auth = await connected(*ACCOUNTS)
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(3, stop.set)
        assert await auth.rotation().run(stop) == 1
        assert auth.output[-1] == "stopped, 7 records are left; run this again"

    virtual_time.run(main())


def test_lost_or_unconfirmed_commands_are_written_again() -> None:
    async def main() -> None:
        auth = await connected(*ACCOUNTS)
        tried: list[str] = []

        async def write(body: Body) -> None:
            tried.append(body.key)
            if len(tried) <= 2:
                return  # gone without a word
            await auth.write(body)
            if len(tried) == 3:
                raise LogUnavailable("no answer")  # noqa: EM101, TRY003 -- Kafka's words

        async with auth.worker(BOTH):
            assert await auth.rotation(write=write).run(asyncio.Event()) == 0
        assert len(tried) == len(ACCOUNTS) + 2
        assert set(auth.key_ids().values()) == {"k2"}

    virtual_time.run(main())


def test_a_person_who_connects_again_meanwhile_is_not_overruled() -> None:
    async def main() -> None:
        auth = await connected("acc_1")
        newer = tokens_of("acc_1", 9)
        written: list[Body] = []

        async def write(body: Body) -> None:
            if not written:
                await auth.write(
                    consent_of("acc_1", newer, vault=OLD_ALONE, at=virtual_time.clock() + timedelta(seconds=1))
                )
            written.append(body)
            await auth.write(body)

        async with auth.worker(BOTH):
            assert await auth.rotation(write=write).run(asyncio.Event()) == 0
        assert auth.pairs(NEW_ALONE) == {"acc_1": (2, newer)}

    virtual_time.run(main())


def test_a_refresh_under_way_is_let_end_and_happens_once() -> None:
    async def main() -> None:
        tiktok = OneUseRefreshTikTok(seconds=30)
        auth = await connected("acc_1", tiktok=tiktok, life=timedelta(minutes=2))
        async with auth.worker(NEW_BEHIND):
            await tiktok.called.wait()
            assert await auth.rotate() == 0
            assert auth.pairs(NEW_ALONE) == {"acc_1": (1, tokens_of("acc_1"))}
            await asyncio.sleep(60)
        assert auth.pairs() == {"acc_1": (2, tokens_of("acc_1", 2))}
        assert tiktok.used == ["rft.acc_1.1"]

    virtual_time.run(main())


def test_accounts_refreshed_meanwhile_end_under_the_newest_key() -> None:
    async def main() -> None:
        tiktok = OneUseRefreshTikTok(life=timedelta(seconds=20))
        auth = await connected(*ACCOUNTS, tiktok=tiktok, life=timedelta(seconds=30))
        async with auth.worker(BOTH):
            await asyncio.sleep(9)
            assert await auth.rotate() == 0
            assert set(auth.key_ids().values()) == {"k2"}
            first = {account_id: version for account_id, (version, _) in auth.pairs().items()}
        async with auth.worker(NEW_ALONE):
            await asyncio.sleep(30)
        last = {account_id: version for account_id, (version, _) in auth.pairs(NEW_ALONE).items()}
        assert all(last[account_id] > first[account_id] for account_id in ACCOUNTS)
        assert all(isinstance(state, states.Connected) for state in auth.states().values())

    virtual_time.run(main())


def test_record_under_a_lost_key_is_named_and_others_are_done() -> None:
    async def main() -> None:
        auth = await connected("acc_1", "acc_2")
        gone = Vault({"k0": b"0" * 32})
        await auth.connect("acc_3", vault=gone)
        await auth.work(gone)
        async with auth.worker(BOTH):
            assert await auth.rotate() == 1
        assert auth.key_ids() == {"acc_1": "k2", "acc_2": "k2", "acc_3": "k0"}
        assert auth.output[1].startswith("cannot open the token pair of account acc_3, sealed under key `k0`: ")
        assert auth.output[2:] == [
            "resealed 2 of 3 records under key k2",
            "1 records cannot be opened with the keys in AUTH_VAULT_KEYS",
        ]

    virtual_time.run(main())


def test_wrong_key_under_the_old_id_is_reported_as_unreadable() -> None:
    async def main() -> None:
        auth = await connected("acc_1")
        async with auth.worker(BOTH):
            assert await auth.rotate(Vault({"k2": NEW, "k1": b"x" * 32})) == 1
        assert auth.key_ids() == {"acc_1": "k1"}
        assert "`acc_1|token_pair|1`: altered, or sealed for another place" in auth.output[1]

    virtual_time.run(main())


async def expect_nothing_moves(auth: SimulatedAuth) -> None:
    before = auth.states()
    began = asyncio.get_running_loop().time()
    assert await auth.rotate() == 1
    assert asyncio.get_running_loop().time() - began == pytest.approx(60, abs=2)
    assert "nothing has moved for 60 s, 7 records are left: either auth's workers do not run" in auth.output[-1]
    assert auth.states() == before


def test_without_workers_it_gives_up_after_a_minute() -> None:
    async def main() -> None:
        await expect_nothing_moves(await connected(*ACCOUNTS))

    virtual_time.run(main())


@pytest.mark.parametrize(
    "keys",
    [{"k1": OLD}, {"k1": OLD, "k2": b"x" * 32}, {"k2": b"x" * 32, "k1": OLD}],
    ids=["not there", "another one behind", "another one in front"],
)
def test_workers_keep_nothing_under_a_key_that_they_do_not_have(keys: dict[str, bytes]) -> None:
    async def main() -> None:
        auth = await connected(*ACCOUNTS)
        async with auth.worker(Vault(keys)):
            await expect_nothing_moves(auth)

    virtual_time.run(main())


def test_worker_that_seals_under_the_old_key_is_reported() -> None:
    async def main() -> None:
        tiktok = OneUseRefreshTikTok(life=timedelta(seconds=20))
        auth = await connected(*ACCOUNTS, tiktok=tiktok, life=timedelta(seconds=20))

        async def slowly(body: Body) -> None:
            await asyncio.sleep(15)
            await auth.write(body)

        async with auth.worker(NEW_BEHIND), asyncio.timeout(MOST_SECONDS):
            assert await auth.rotation(write=slowly).run(asyncio.Event()) == 1
        words = [line for line in auth.output if line.startswith("workers sealed records meanwhile, ")]
        assert len(words) == 1
        assert "under `k1`: put `k2` in front in AUTH_VAULT_KEYS of every edge and worker" in words[0]

    virtual_time.run(main())


def test_foreign_command_cannot_replace_a_pair() -> None:
    async def main() -> None:
        auth = await connected("acc_1")
        own = seal_tokens(Vault({"k1": b"x" * 32}), tokens_of("acc_1", 5), account_id="acc_1", version=1)
        elsewhere = seal_tokens(OLD_ALONE, tokens_of("acc_1", 5), account_id="acc_1", version=2)
        before = auth.pairs()
        written: list[Body] = []

        async def write(body: Body) -> None:
            written.append(body)

        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(1, stop.set)
        await auth.rotation(write=write).run(stop)
        (command,) = written
        assert isinstance(command, TokenPairResealed)
        for sealed in (own, elsewhere, "v1.k2.AAAA", "", "act.in.the.clear"):
            await auth.write(msgspec.structs.replace(command, sealed=sealed))
        await auth.work(BOTH)
        assert auth.pairs() == before
        await auth.write(command)
        await auth.work(BOTH)
        assert auth.pairs(NEW_ALONE) == before

    virtual_time.run(main())


class Gone:
    """Kafka answers the first questions and then none."""

    def __init__(self) -> None:
        self._fetches = 0

    async def before(self, step: str) -> None:
        self._fetches += step == "fetch"
        if self._fetches > 1:
            raise LogUnavailable("connection refused")  # noqa: EM101, TRY003 -- Kafka's words

    async def after(self, step: str) -> None:
        """Nothing happens."""


def test_without_kafka_it_says_so_and_ends() -> None:
    async def main() -> None:
        auth = await connected(*ACCOUNTS)
        async with auth.worker(BOTH):
            assert await auth.rotation(weather=Gone()).run(asyncio.Event()) == 1
        assert auth.output[-1] == "the log cannot be used for now: connection refused; run this again"
        assert await fleet_finishes(auth)

    virtual_time.run(main())


async def fleet_finishes(auth: SimulatedAuth) -> bool:
    async with auth.worker(BOTH):
        return await auth.rotate() == 0


def test_progress_is_said_now_and_then() -> None:
    async def main() -> None:
        auth = await connected(*(f"acc_{number}" for number in range(1, 451)))

        async def slowly(body: Body) -> None:
            await asyncio.sleep(3)
            await auth.write(body)

        async with auth.worker(BOTH):
            assert await auth.rotation(write=slowly).run(asyncio.Event()) == 0
        emitted = [f"resealed {done} of 450 records under key k2" for done in (0, 200, 400, 450)]
        assert auth.output == [*emitted, DONE]

    virtual_time.run(main())


def test_no_token_is_in_what_it_says_or_writes() -> None:
    async def main() -> None:
        auth = await connected(*ACCOUNTS)
        async with auth.worker(BOTH):
            await auth.rotate()
        commands = [
            record.value or b""
            for number in (0, 1)
            for record in auth.store.records[TopicPartition("auth.commands", number)]
        ]
        assert len(commands) == 2 * len(ACCOUNTS)
        assert not [text for text in (*commands, *map(str.encode, auth.output)) if b"act." in text or b"rft." in text]

    virtual_time.run(main())


def test_a_pair_that_holds_no_tokens_is_named_and_not_shown() -> None:
    async def main() -> None:
        auth = SimulatedAuth()
        sealed = OLD_ALONE.seal(b'{"access_token":5}', owner="acc_1", field="token_pair", version=0)
        broken = msgspec.structs.replace(
            consent_of("acc_1", TokenPair(access_token="", refresh_token=""), vault=OLD_ALONE, at=virtual_time.clock()),
            sealed_tokens=sealed,
        )
        await auth.write(broken)
        await auth.work(OLD_ALONE)
        async with auth.worker(BOTH):
            assert await auth.rotate() == 1
        assert "The sealed content is no token pair: account acc_1, version 0." in auth.output[1]

    virtual_time.run(main())
