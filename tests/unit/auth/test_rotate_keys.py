"""Rotating the vault's keys over real tasks, in virtual time: whatever happens meanwhile, no pair is lost."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import msgspec
import pytest

from auth_service.account import Connected
from auth_service.grants import Tokens, seal_tokens
from auth_service.tenant import Tenant
from builders.consents import BOTH, NEW, NEW_ALONE, NEW_BEHIND, OLD, OLD_ALONE, consent, tokens_of
from common.contract.account import PairResealed
from common.contract.body import Body
from common.security.sealing import Vault
from common.streams.api import Key
from common.streams.log.port import Slice, Unusable
from fakes.tiktok_refresh import Rotating
from harness import virtual_time
from harness.simulated_auth import Fleet

ACCOUNTS = tuple(f"acc_{number}" for number in range(1, 8))
DONE = "no record is sealed under another key than k2"
MOST_SECONDS = 300


async def connected(*account_ids: str, tiktok: Rotating | None = None, life: timedelta = timedelta(hours=2)) -> Fleet:
    """Accounts that were connected, and are sealed, under the old key."""
    fleet = Fleet(tiktok)
    await fleet.connect(*account_ids, life=life)
    await fleet.work(OLD_ALONE)
    assert set(fleet.key_ids().values()) == {"k1"}
    return fleet


def test_everything_ends_under_the_newest_key_and_nobody_else_hears_of_it() -> None:
    async def main() -> None:
        fleet = await connected(*ACCOUNTS)
        await fleet.bring_app("acme", "acme-key", "acme-secret")
        async with fleet.worker(BOTH):
            await asyncio.sleep(1)
            before, told = (
                fleet.pairs(),
                {topic: fleet.records(topic) for topic in ("auth.credentials", "auth.tenants")},
            )
            assert await fleet.rotate() == 0
        assert fleet.key_ids() == dict.fromkeys((*ACCOUNTS, "acme"), "k2")
        assert fleet.pairs(NEW_ALONE) == before
        assert fleet.records("auth.credentials") == told["auth.credentials"]
        assert fleet.records("auth.tenants") == told["auth.tenants"] + 1
        assert fleet.said == ["resealed 0 of 8 records under key k2", "resealed 8 of 8 records under key k2", DONE]

    virtual_time.run(main())


def test_the_secret_of_an_app_opens_for_its_edge_under_the_new_key_alone() -> None:
    async def main() -> None:
        fleet = Fleet()
        await fleet.bring_app("acme", "acme-key", "acme-secret")
        await fleet.work(OLD_ALONE)
        async with fleet.worker(BOTH):
            assert await fleet.rotate() == 0
        state = fleet.states()[Key("acme", "tenant")]
        assert isinstance(state, Tenant)
        assert state.app is not None
        sealed = state.app.sealed_secret
        assert NEW_ALONE.open(sealed, account_id="acme", field="client_secret|acme-key", version=0) == b"acme-secret"

    virtual_time.run(main())


def test_where_nothing_is_left_to_do_it_says_so_at_once() -> None:
    async def main() -> None:
        fleet = Fleet()
        await fleet.connect(*ACCOUNTS, vault=NEW_ALONE)
        await fleet.work(NEW_ALONE)
        commands = fleet.records("auth.commands")
        assert await fleet.rotate() == 0
        assert fleet.said == [DONE]
        assert fleet.records("auth.commands") == commands

    virtual_time.run(main())


def test_a_run_that_was_killed_is_finished_by_the_next() -> None:
    async def main() -> None:
        fleet = await connected(*ACCOUNTS)
        written: list[Body] = []
        killed = asyncio.Event()

        async def until_killed(body: Body) -> None:
            if len(written) == 3:
                killed.set()
                await asyncio.Event().wait()
            written.append(body)
            await fleet.write(body)

        async with fleet.worker(BOTH):
            run = asyncio.create_task(fleet.rotation(write=until_killed).run(asyncio.Event()))
            await killed.wait()
            await asyncio.sleep(1)
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run
            assert sorted(fleet.key_ids().values()) == ["k1"] * 4 + ["k2"] * 3
            fleet.said.clear()
            assert await fleet.rotate() == 0
        assert set(fleet.key_ids().values()) == {"k2"}
        assert fleet.said[0] == "resealed 0 of 4 records under key k2"
        assert fleet.said[-2:] == ["resealed 4 of 4 records under key k2", DONE]

    virtual_time.run(main())


def test_one_that_is_told_to_stop_says_what_is_left() -> None:
    async def main() -> None:
        fleet = await connected(*ACCOUNTS)
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(3, stop.set)
        assert await fleet.rotation().run(stop) == 1
        assert fleet.said[-1] == "stopped, 7 records are left; run this again"

    virtual_time.run(main())


def test_commands_that_are_lost_or_not_confirmed_are_written_again() -> None:
    async def main() -> None:
        fleet = await connected(*ACCOUNTS)
        tried: list[str] = []

        async def write(body: Body) -> None:
            tried.append(body.key)
            if len(tried) <= 2:
                return  # gone without a word
            await fleet.write(body)
            if len(tried) == 3:
                raise Unusable("no answer")  # noqa: EM101, TRY003 -- Kafka's words

        async with fleet.worker(BOTH):
            assert await fleet.rotation(write=write).run(asyncio.Event()) == 0
        assert len(tried) == len(ACCOUNTS) + 2
        assert set(fleet.key_ids().values()) == {"k2"}

    virtual_time.run(main())


def test_a_person_who_connects_again_meanwhile_is_not_overruled() -> None:
    async def main() -> None:
        fleet = await connected("acc_1")
        newer = tokens_of("acc_1", 9)
        written: list[Body] = []

        async def write(body: Body) -> None:
            if not written:
                await fleet.write(
                    consent("acc_1", newer, vault=OLD_ALONE, at=virtual_time.clock() + timedelta(seconds=1))
                )
            written.append(body)
            await fleet.write(body)

        async with fleet.worker(BOTH):
            assert await fleet.rotation(write=write).run(asyncio.Event()) == 0
        assert fleet.pairs(NEW_ALONE) == {"acc_1": (2, newer)}

    virtual_time.run(main())


def test_a_refresh_under_way_is_let_end_and_happens_once() -> None:
    async def main() -> None:
        tiktok = Rotating(seconds=30)
        fleet = await connected("acc_1", tiktok=tiktok, life=timedelta(minutes=2))
        async with fleet.worker(NEW_BEHIND):
            await tiktok.asked.wait()
            assert await fleet.rotate() == 0
            assert fleet.pairs(NEW_ALONE) == {"acc_1": (1, tokens_of("acc_1"))}
            await asyncio.sleep(60)
        assert fleet.pairs() == {"acc_1": (2, tokens_of("acc_1", 2))}
        assert tiktok.used == ["rft.acc_1.1"]

    virtual_time.run(main())


def test_accounts_that_are_refreshed_all_along_end_under_the_newest_key_too() -> None:
    async def main() -> None:
        tiktok = Rotating(life=timedelta(seconds=20))
        fleet = await connected(*ACCOUNTS, tiktok=tiktok, life=timedelta(seconds=30))
        async with fleet.worker(BOTH):
            await asyncio.sleep(9)
            assert await fleet.rotate() == 0
            assert set(fleet.key_ids().values()) == {"k2"}
            first = {account_id: version for account_id, (version, _) in fleet.pairs().items()}
        async with fleet.worker(NEW_ALONE):
            await asyncio.sleep(30)
        last = {account_id: version for account_id, (version, _) in fleet.pairs(NEW_ALONE).items()}
        assert all(last[account_id] > first[account_id] for account_id in ACCOUNTS)
        assert all(isinstance(state, Connected) for state in fleet.states().values())

    virtual_time.run(main())


def test_a_record_under_a_key_that_is_gone_is_named_and_the_others_are_done() -> None:
    async def main() -> None:
        fleet = await connected("acc_1", "acc_2")
        gone = Vault({"k0": b"0" * 32})
        await fleet.connect("acc_3", vault=gone)
        await fleet.work(gone)
        async with fleet.worker(BOTH):
            assert await fleet.rotate() == 1
        assert fleet.key_ids() == {"acc_1": "k2", "acc_2": "k2", "acc_3": "k0"}
        assert fleet.said[1].startswith("cannot open the token pair of account acc_3, sealed under key `k0`: ")
        assert fleet.said[2:] == [
            "resealed 2 of 3 records under key k2",
            "1 records cannot be opened with the keys in AUTH_VAULT_KEYS",
        ]

    virtual_time.run(main())


def test_a_wrong_key_under_the_old_ones_id_is_a_record_that_cannot_be_opened() -> None:
    async def main() -> None:
        fleet = await connected("acc_1")
        async with fleet.worker(BOTH):
            assert await fleet.rotate(Vault({"k2": NEW, "k1": b"x" * 32})) == 1
        assert fleet.key_ids() == {"acc_1": "k1"}
        assert "`acc_1|grant|1`: altered, or sealed for another place" in fleet.said[1]

    virtual_time.run(main())


async def expect_nothing_moves(fleet: Fleet) -> None:
    before = fleet.states()
    began = asyncio.get_running_loop().time()
    assert await fleet.rotate() == 1
    assert asyncio.get_running_loop().time() - began == pytest.approx(60, abs=2)
    assert "nothing has moved for 60 s, 7 records are left: either auth's workers do not run" in fleet.said[-1]
    assert fleet.states() == before


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
        fleet = await connected(*ACCOUNTS)
        async with fleet.worker(Vault(keys)):
            await expect_nothing_moves(fleet)

    virtual_time.run(main())


def test_a_worker_that_seals_under_the_old_key_meanwhile_is_told_of() -> None:
    async def main() -> None:
        tiktok = Rotating(life=timedelta(seconds=20))
        fleet = await connected(*ACCOUNTS, tiktok=tiktok, life=timedelta(seconds=20))

        async def slowly(body: Body) -> None:
            await asyncio.sleep(15)
            await fleet.write(body)

        async with fleet.worker(NEW_BEHIND), asyncio.timeout(MOST_SECONDS):
            assert await fleet.rotation(write=slowly).run(asyncio.Event()) == 1
        words = [line for line in fleet.said if line.startswith("workers sealed records meanwhile, ")]
        assert len(words) == 1
        assert "under `k1`: put `k2` in front in AUTH_VAULT_KEYS of every edge and worker" in words[0]

    virtual_time.run(main())


def test_a_stranger_cannot_replace_a_pair() -> None:
    async def main() -> None:
        fleet = await connected("acc_1")
        own = seal_tokens(Vault({"k1": b"x" * 32}), tokens_of("acc_1", 5), account_id="acc_1", version=1)
        elsewhere = seal_tokens(OLD_ALONE, tokens_of("acc_1", 5), account_id="acc_1", version=2)
        before = fleet.pairs()
        written: list[Body] = []

        async def write(body: Body) -> None:
            written.append(body)

        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(1, stop.set)
        await fleet.rotation(write=write).run(stop)
        (command,) = written
        assert isinstance(command, PairResealed)
        for sealed in (own, elsewhere, "v1.k2.AAAA", "", "act.in.the.clear"):
            await fleet.write(msgspec.structs.replace(command, sealed=sealed))
        await fleet.work(BOTH)
        assert fleet.pairs() == before
        await fleet.write(command)
        await fleet.work(BOTH)
        assert fleet.pairs(NEW_ALONE) == before

    virtual_time.run(main())


class Gone:
    """Kafka answers the first questions and then none."""

    def __init__(self) -> None:
        self._fetches = 0

    async def before(self, step: str) -> None:
        self._fetches += step == "fetch"
        if self._fetches > 1:
            raise Unusable("connection refused")  # noqa: EM101, TRY003 -- Kafka's words

    async def after(self, step: str) -> None:
        """Nothing happens."""


def test_without_kafka_it_says_so_and_ends() -> None:
    async def main() -> None:
        fleet = await connected(*ACCOUNTS)
        async with fleet.worker(BOTH):
            assert await fleet.rotation(weather=Gone()).run(asyncio.Event()) == 1
        assert fleet.said[-1] == "the log cannot be used for now: connection refused; run this again"
        assert await fleet_finishes(fleet)

    virtual_time.run(main())


async def fleet_finishes(fleet: Fleet) -> bool:
    async with fleet.worker(BOTH):
        return await fleet.rotate() == 0


def test_progress_is_said_now_and_then() -> None:
    async def main() -> None:
        fleet = await connected(*(f"acc_{number}" for number in range(1, 451)))

        async def slowly(body: Body) -> None:
            await asyncio.sleep(3)
            await fleet.write(body)

        async with fleet.worker(BOTH):
            assert await fleet.rotation(write=slowly).run(asyncio.Event()) == 0
        told = [f"resealed {done} of 450 records under key k2" for done in (0, 200, 400, 450)]
        assert fleet.said == [*told, DONE]

    virtual_time.run(main())


def test_no_token_is_in_what_it_says_or_writes() -> None:
    async def main() -> None:
        fleet = await connected(*ACCOUNTS)
        async with fleet.worker(BOTH):
            await fleet.rotate()
        commands = [
            record.value or b"" for number in (0, 1) for record in fleet.store.records[Slice("auth.commands", number)]
        ]
        assert len(commands) == 2 * len(ACCOUNTS)
        assert not [text for text in (*commands, *map(str.encode, fleet.said)) if b"act." in text or b"rft." in text]

    virtual_time.run(main())


def test_a_pair_that_holds_no_tokens_is_named_and_not_shown() -> None:
    async def main() -> None:
        fleet = Fleet()
        sealed = OLD_ALONE.seal(b'{"access_token":5}', account_id="acc_1", field="grant", version=0)
        broken = msgspec.structs.replace(
            consent("acc_1", Tokens(access_token="", refresh_token=""), vault=OLD_ALONE), sealed_grant=sealed
        )
        await fleet.write(broken)
        await fleet.work(OLD_ALONE)
        async with fleet.worker(BOTH):
            assert await fleet.rotate() == 1
        assert "the pair of acc_1, version 0, is not a token pair" in fleet.said[1]

    virtual_time.run(main())
