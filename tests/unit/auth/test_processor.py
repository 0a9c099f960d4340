"""The real task over a log in memory, in virtual time: connect, refresh, lose answers, stop and go on."""

import asyncio

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service.plans import PROFILE_INTERVAL
from auth_service.tokens.token_pairs import TokenPair
from common.contract.account import CredentialIssued, CredentialWithdrawn, TokenRejected
from common.security.sealing import open_sealed
from fakes.tiktok_refresh import ACCESS_SECONDS, RotatingTikTok
from harness import virtual_time
from harness.auth_worker import ACCOUNT, FIRST_TOKENS, AuthPartition


def test_an_account_is_connected_announced_and_kept_fresh() -> None:
    async def main() -> None:
        partition = AuthPartition(RotatingTikTok())
        partition.connect(FIRST_TOKENS)
        await partition.serve(1_000)
        assert partition.credentials() == [(1, "act.1"), (2, "act.2"), (3, "act.3"), (4, "act.4")]
        assert [event.ce_type for event in partition.published("account.events")] == ["account.connected"]
        assert [event.ce_type for event in partition.published("auth.accounts")] == ["account.described"]

    virtual_time.run(main())


def test_no_token_is_readable_on_any_topic() -> None:
    async def main() -> None:
        partition = AuthPartition(RotatingTikTok())
        partition.connect(FIRST_TOKENS)
        await partition.serve(400)
        values = [record.value or b"" for log in partition.store.records.values() for record in log]
        assert len(values) > 5
        assert not [value for value in values if b"act." in value or b"rft." in value]

    virtual_time.run(main())


def test_a_restart_goes_on_with_the_pair_that_was_committed() -> None:
    async def main() -> None:
        partition = AuthPartition(RotatingTikTok())
        partition.connect(FIRST_TOKENS)
        for _ in range(3):
            await partition.serve(350)
        versions = [version for version, _ in partition.credentials()]
        assert versions == list(range(1, len(versions) + 1))
        assert len(versions) >= 4

    virtual_time.run(main())


def test_stopping_waits_for_the_answer_to_a_refresh() -> None:
    async def main() -> None:
        tiktok = RotatingTikTok(seconds=5)
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)
        while not tiktok.calls:
            await partition.serve(1)
        await partition.serve(10)
        kept = len(partition.credentials()) + len(partition.salvaged)
        assert (tiktok.alive, kept) == (2, 2)

    virtual_time.run(main())


def test_a_lost_answer_ends_in_a_risk_and_then_needs_the_person() -> None:
    async def main() -> None:
        partition = AuthPartition(RotatingTikTok(lost=(1,)))
        partition.connect(FIRST_TOKENS)
        await partition.serve(ACCESS_SECONDS + 10)
        assert [event.ce_type for event in partition.published("account.events")] == [
            "account.connected",
            "account.at_risk",
            "account.reauthorization_required",
        ]
        withdrawn = partition.published("auth.credentials")[-1]
        assert withdrawn == CredentialWithdrawn(account_id=ACCOUNT, version=2, reason="invalid_grant")

    virtual_time.run(main())


def test_reconnect_restores_the_account_with_next_version() -> None:
    async def main() -> None:
        tiktok = RotatingTikTok(lost=(1,))
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)
        await partition.serve(ACCESS_SECONDS + 10)
        partition.connect(TokenPair(access_token="act.9", refresh_token=f"rft.{tiktok.alive}"))
        await partition.serve(5)
        assert partition.credentials()[-1] == (3, "act.9")

    virtual_time.run(main())


def test_endless_profile_fetch_does_not_delay_a_refresh() -> None:
    async def main() -> None:
        tiktok = RotatingTikTok(profile_seconds=1e9)
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS, scopes=("video.publish", "user.info.basic"))
        await partition.serve(PROFILE_INTERVAL.total_seconds())
        before = tiktok.profile_calls, tiktok.calls
        await partition.serve(PROFILE_INTERVAL.total_seconds())
        assert tiktok.profile_calls > before[0] >= 1
        assert tiktok.calls >= 1.9 * before[1]
        *_, newest = (body for body in partition.published("auth.credentials") if isinstance(body, CredentialIssued))
        assert newest.expires_at > virtual_time.clock()

    virtual_time.run(main())


def test_a_rejected_token_is_replaced() -> None:
    async def main() -> None:
        partition = AuthPartition(RotatingTikTok())
        partition.connect(FIRST_TOKENS)
        await partition.serve(60)
        partition.write(
            TokenRejected(
                account_id=ACCOUNT, version=1, code="access_token_invalid", service="uploader", at=virtual_time.clock()
            )
        )
        await partition.serve(5)
        assert partition.credentials()[-1] == (2, "act.2")

    virtual_time.run(main())


def test_a_consent_during_a_refresh_wins() -> None:
    async def main() -> None:
        tiktok = RotatingTikTok(seconds=5)
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)

        async def connect_again() -> None:
            await tiktok.called.wait()
            partition.connect(TokenPair(access_token="act.9", refresh_token="rft.2"))

        await asyncio.gather(partition.serve(500), connect_again())
        assert partition.credentials()[:2] == [(1, "act.1"), (2, "act.9")]

    virtual_time.run(main())


def test_new_service_keys_reissue_tokens_without_tiktok() -> None:
    async def main() -> None:
        tiktok = RotatingTikTok()
        partition = AuthPartition(tiktok)
        partition.connect(FIRST_TOKENS)
        await partition.serve(5)
        renewed = X25519PrivateKey.generate()
        await partition.serve(5, service=renewed)
        newest = partition.published("auth.credentials")[-1]
        assert isinstance(newest, CredentialIssued)
        assert newest.version == 2
        assert open_sealed(renewed, newest.sealed["uploader"], f"{ACCOUNT}|access_token|2") == b"act.1"
        assert tiktok.calls == 0

    virtual_time.run(main())
