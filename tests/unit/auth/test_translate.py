"""Commands and webhooks become facts of one account; what means nothing to auth is left alone."""

from datetime import UTC, datetime

import pytest

from auth_service import facts, states
from auth_service.translate import hand_off, translate
from common.contract.account import (
    ConnectRequested,
    CredentialWithdrawn,
    DisconnectRequested,
    TokenPairHandedOff,
    TokenPairResealed,
    TokenRejected,
)
from common.contract.body import Body
from common.contract.codec import Envelope
from common.streams import KeyedFact, StateKey

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = StateKey("acc_1")


def translated(body: Body) -> KeyedFact[facts.AnyFact] | None:
    return translate(Envelope(id="1", source="test", time=None, traceparent=None, body=body))


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        (
            DisconnectRequested(account_id="acc_1", tenant="acme", by="key:a", at=NOW),
            facts.DisconnectRequested(tenant="acme", by="key:a"),
        ),
        (
            TokenRejected(account_id="acc_1", version=3, code="access_token_invalid", service="uploader", at=NOW),
            facts.AccessTokenRejected(version=3),
        ),
        (
            TokenPairResealed(account_id="acc_1", replaces="00", sealed="v1.k2.AAAA"),
            facts.Resealed(replaces="00", sealed="v1.k2.AAAA"),
        ),
    ],
)
def test_command_becomes_a_fact_of_its_account(body: Body, fact: facts.Fact) -> None:
    assert translated(body) == KeyedFact(KEY, fact)


def test_consent_is_unnumbered_until_the_worker_counts() -> None:
    body = ConnectRequested(
        account_id="acc_1",
        tenant="acme",
        open_id="-000",
        scopes=("video.publish",),
        sealed_tokens="v1.k1.AAAA",
        granted_at=NOW,
        access_expires_at=NOW,
        refresh_expires_at=NOW,
    )
    keyed = translated(body)
    assert keyed is not None
    assert isinstance(keyed.fact, facts.Consented)
    assert (keyed.fact.pair.version, keyed.fact.pair.sealed) == (states.UNNUMBERED, "v1.k1.AAAA")
    assert keyed.fact.profile.consented_at == NOW


def test_handed_off_pair_comes_back_as_the_next_version() -> None:
    pair = states.SealedTokenPair(
        version=4, sealed="v1.k1.AAAA", granted_at=NOW, access_expires_at=NOW, refresh_expires_at=NOW
    )
    issued = facts.Issued(pair=pair, recipients="keys", sealed={})
    body = hand_off(KEY, facts.RefreshDone(version=3, scopes=("video.publish",), issued=issued))
    assert isinstance(body, TokenPairHandedOff)
    assert translated(body) == KeyedFact(KEY, facts.HandedOff(version=3, scopes=("video.publish",), pair=pair))


def test_refused_refresh_is_not_handed_off() -> None:
    assert hand_off(KEY, facts.RefreshRefused(version=3, code="invalid_grant", message="")) is None


def test_event_of_another_topic_means_nothing() -> None:
    assert translated(CredentialWithdrawn(account_id="acc_1", version=3, reason="disconnected")) is None
