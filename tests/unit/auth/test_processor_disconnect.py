"""How accounts go, with the real task in virtual time: while tokens change, while TikTok is away, and back again."""

import asyncio
from collections.abc import Sequence

import msgspec

from auth_service.tokens.token_pairs import TokenPair
from common.contract.account import AccountDisconnected, CredentialIssued, CredentialWithdrawn, DisconnectRequested
from common.contract.tiktok import TikTokNotified
from common.streams import TopicPartition
from fakes.tiktok_refresh import RotatingTikTok
from harness import virtual_time
from harness.auth_worker import ACCOUNT, FIRST_TOKENS, AuthPartition
from tiktok.models import TokenResponse, UserInfo
from tiktok.results import CallResult, Done, NotSent, Refused, Unknown

DAY = 86_400
BACK = TokenPair(access_token="act.9", refresh_token="rft.9")


class Leavable(RotatingTikTok):
    """May be away, may be slow to revoke, and knows whether the person took the grant back."""

    def __init__(self, *, seconds: float = 0.1, revoke_seconds: float = 0.1) -> None:
        super().__init__(seconds=seconds)
        self.away = False
        self.removed = False
        self.revoking = asyncio.Event()
        self._revoke_seconds = revoke_seconds

    async def refresh(self, refresh_token: str) -> CallResult[TokenResponse]:
        if self.away:
            return NotSent("no connection")
        if self.removed:
            self.called.set()
            return Refused(status=400, code="invalid_grant", message="", log_id="")
        return await super().refresh(refresh_token)

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]:
        if self.removed:
            return Refused(status=401, code="access_token_invalid", message="", log_id="")
        return await super().user_info(token, scopes)

    async def revoke(self, access_token: str) -> CallResult[None]:
        self.revoking.set()
        await asyncio.sleep(self._revoke_seconds)
        if self.away:
            return Unknown("ReadTimeout")
        self.revoked.append(access_token)
        return Done(None)


def ask_to_disconnect(partition: AuthPartition) -> None:
    partition.write(DisconnectRequested(account_id=ACCOUNT, tenant="acme", by="key:a", at=virtual_time.clock()))


def tell_of_removal(partition: AuthPartition) -> None:
    now = virtual_time.clock()
    partition.write(
        TikTokNotified(
            account_id=ACCOUNT,
            client_key="aw",
            open_id="-000open",
            event="authorization.removed",
            occurred_at=now,
            received_at=now,
        )
    )


def endings(partition: AuthPartition) -> list[tuple[str, bool]]:
    emitted = (event for event in partition.published("account.events") if isinstance(event, AccountDisconnected))
    return [(event.cause.value, event.revoked) for event in emitted]


def versions(partition: AuthPartition) -> Sequence[int]:
    emitted = partition.published("auth.credentials")
    return [event.version for event in emitted if isinstance(event, CredentialIssued | CredentialWithdrawn)]


def kept(partition: AuthPartition) -> bytes:
    """What the newest record of the account's state holds."""
    return partition.store.records[TopicPartition("auth.state", 0)][-1].value or b""


def test_what_a_refresh_under_way_brings_is_what_is_revoked() -> None:
    async def main() -> None:
        tiktok = Leavable(seconds=5)
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)

        async def leave() -> None:
            await tiktok.called.wait()
            ask_to_disconnect(partition)

        await asyncio.gather(partition.serve(600), leave())
        assert (tiktok.calls, tiktok.revoked) == (1, ["act.2"])
        assert endings(partition) == [("requested", True)]
        assert partition.credentials() == [(1, "act.1")], "no service gets the new token"

    virtual_time.run(main())


def test_tokens_are_deleted_after_more_than_a_day() -> None:
    async def main() -> None:
        tiktok = Leavable()
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)
        await partition.serve(5)
        tiktok.away = True
        ask_to_disconnect(partition)
        await partition.serve(DAY - 60)
        assert endings(partition) == []
        assert isinstance(partition.published("auth.credentials")[-1], CredentialWithdrawn), "but no service uses it"
        await partition.serve(600)
        assert endings(partition) == [("requested", False)]
        assert b"sealed" not in kept(partition)
        assert b"-000open" not in kept(partition)

    virtual_time.run(main())


def test_disconnection_continues_after_a_restart() -> None:
    async def main() -> None:
        tiktok = Leavable()
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)
        await partition.serve(5)
        tiktok.away = True
        ask_to_disconnect(partition)
        for _ in range(5):
            await partition.serve(20)
        tiktok.away = False
        await partition.serve(60)
        assert (endings(partition), tiktok.revoked) == ([("requested", True)], ["act.1"])

    virtual_time.run(main())


def test_access_token_that_ends_while_revoking_is_renewed_once() -> None:
    async def main() -> None:
        tiktok = Leavable()
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)
        await partition.serve(5)
        tiktok.away = True
        ask_to_disconnect(partition)
        await partition.serve(1_200)
        tiktok.away = False
        await partition.serve(400)
        assert (tiktok.calls, tiktok.revoked, endings(partition)) == (1, ["act.2"], [("requested", True)])
        assert versions(partition) == [1, 2, 2]

    virtual_time.run(main())


def test_reconnect_while_revoking_stays_connected() -> None:
    async def main() -> None:
        tiktok = Leavable(revoke_seconds=5)
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)
        await partition.serve(5)

        async def complete() -> None:
            ask_to_disconnect(partition)
            await tiktok.revoking.wait()
            partition.connect(BACK)

        await asyncio.gather(partition.serve(60), complete())
        assert endings(partition) == []
        assert partition.credentials() == [(1, "act.1"), (3, "act.9")]
        assert tiktok.revoked == [], "the call is given up: it would take the new grant with it"

    virtual_time.run(main())


def test_a_removal_is_checked_at_once_and_forgets() -> None:
    async def main() -> None:
        tiktok = Leavable()
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)
        await partition.serve(5)
        tiktok.removed = True
        tell_of_removal(partition)
        await partition.serve(5)
        assert endings(partition) == [("removed_at_tiktok", True)]
        assert [event.ce_type for event in partition.published("account.events")] == [
            "account.connected",
            "account.disconnected",
        ]
        assert b"sealed" not in kept(partition)

    virtual_time.run(main())


def test_removal_right_after_a_refresh_is_noticed() -> None:
    async def main() -> None:
        tiktok = Leavable(seconds=5)
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)

        async def remove() -> None:
            await tiktok.called.wait()
            await asyncio.sleep(1)
            tiktok.removed = True  # the call under way was answered before; its answer still travels
            tell_of_removal(partition)

        await asyncio.gather(partition.serve(600), remove())
        assert endings(partition) == [("removed_at_tiktok", True)]

    virtual_time.run(main())


def test_versions_go_on_after_all_that() -> None:
    async def main() -> None:
        partition = AuthPartition(Leavable())
        partition.connect(FIRST_TOKENS)
        for round_ in range(5):
            await partition.serve(5)
            ask_to_disconnect(partition)
            await partition.serve(5)
            assert len(endings(partition)) == round_ + 1
            partition.connect(msgspec.structs.replace(FIRST_TOKENS))
        await partition.serve(5)
        assert versions(partition) == sorted(versions(partition))
        issued = [version for version, _ in partition.credentials()]
        assert issued == sorted(set(issued))
        assert len(issued) == 6

    virtual_time.run(main())
