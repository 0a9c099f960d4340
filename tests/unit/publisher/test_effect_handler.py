"""The fact for each answer of TikTok, for a lost answer, and for no usable token."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from common.contract.account import CredentialIssued, CredentialWithdrawn
from common.contract.body import Body
from common.contract.post import PrivacyLevel
from common.contract.topics import AUTH_CREDENTIALS, Topic
from common.metrics import UNREADABLE_CREDENTIALS
from common.security.sealing import seal_for
from common.streams import StateKey
from publisher_service import facts, metrics
from publisher_service.decisions import decide
from publisher_service.effect_handler import PublisherEffects
from publisher_service.effects import Poll
from publisher_service.plans import next_effect
from publisher_service.states import Following
from tiktok.client import TikTok

KEY = StateKey("acc_a", "t1/post-1")
NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
POLL = Poll(publish_id="v_pub_file~v2-1.7", attempt=2)
PRIVATE_KEY = X25519PrivateKey.generate()
TOKEN = "act.secret"


@dataclass
class Views:
    """A view of one account's credential."""

    credential: Body | None

    def get(self, topic: Topic, account_id: str) -> Body | None:
        return self.credential if (topic, account_id) == (AUTH_CREDENTIALS, KEY.partition_key) else None


def issued(
    *, version: int = 3, expires_in: float = 3600, sealed: Mapping[str, str] | None = None, sealed_as: int | None = None
) -> CredentialIssued:
    context = f"acc_a|access_token|{version if sealed_as is None else sealed_as}"
    own = {"publisher": seal_for(PRIVATE_KEY.public_key(), TOKEN.encode(), context)}
    return CredentialIssued(
        account_id="acc_a",
        version=version,
        scopes=("video.publish",),
        expires_at=NOW + timedelta(seconds=expires_in),
        sealed=dict(own if sealed is None else sealed),
    )


@dataclass
class Wire:
    """TikTok's side of the HTTP client: answers or breaks the connection, and keeps the requests."""

    answer: Callable[[httpx.Request], httpx.Response]
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer(request)


def answering(**data: Any) -> Wire:
    body = {"data": data, "error": {"code": "ok", "message": "", "log_id": "L"}}
    return Wire(lambda _request: httpx.Response(200, json=body))


def refuses(http_status: int, code: str) -> Wire:
    body = {"data": {}, "error": {"code": code, "message": "m", "log_id": "L"}}
    return Wire(lambda _request: httpx.Response(http_status, json=body))


def breaks(error: httpx.TransportError) -> Wire:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    return Wire(fail)


async def ask(wire: Wire, credential: Body | None, *, private_key: X25519PrivateKey = PRIVATE_KEY) -> facts.PollResult:
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as http:
        tiktok = TikTok(http, "https://open.tiktokapis.com", "", "")
        effects = PublisherEffects(tiktok=tiktok, private_key=private_key, clock=lambda: NOW)
        return await effects.perform(KEY, POLL, Views(credential))


@pytest.mark.parametrize(
    ("wire", "fact"),
    [
        (answering(status="PROCESSING_UPLOAD", uploaded_bytes=10), facts.StillProcessing(attempt=2)),
        (answering(status="PROCESSING_DOWNLOAD"), facts.StillProcessing(attempt=2)),
        (answering(status="SEND_TO_USER_INBOX"), facts.StillProcessing(attempt=2)),
        (answering(status="A_NEW_WORD"), facts.StillProcessing(attempt=2)),
        (answering(status="PUBLISH_COMPLETE"), facts.Completed(attempt=2)),
        (
            answering(status="PUBLISH_COMPLETE", publicaly_available_post_id=[7600000000000123457]),
            facts.Completed(attempt=2, video_ids=("7600000000000123457",)),
        ),
        (answering(status="FAILED", fail_reason="internal"), facts.AttemptFailed(attempt=2, fail_reason="internal")),
        (
            refuses(401, "access_token_invalid"),
            facts.CredentialRejected(attempt=2, version=3, code="access_token_invalid"),
        ),
        (refuses(401, "scope_not_authorized"), facts.NoCredential(attempt=2, version=3)),
        (refuses(429, "rate_limit_exceeded"), facts.RateLimited(attempt=2)),
        (refuses(400, "invalid_publish_id"), facts.StatusRefused(attempt=2, code="invalid_publish_id", message="m")),
        (
            refuses(400, "token_not_authorized_for_specified_publish_id"),
            facts.StatusRefused(attempt=2, code="token_not_authorized_for_specified_publish_id", message="m"),
        ),
    ],
)
async def test_poll_returns_answer_as_fact(wire: Wire, fact: facts.PollResult) -> None:
    assert await ask(wire, issued()) == fact
    (request,) = wire.asked
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(request.content) == {"publish_id": "v_pub_file~v2-1.7"}


@pytest.mark.parametrize(
    "wire",
    [
        breaks(httpx.ReadError("reset")),
        breaks(httpx.ReadTimeout("too long")),
        breaks(httpx.ConnectError("refused")),
        refuses(500, "internal_error"),
        Wire(lambda _request: httpx.Response(502, text="<html>")),
    ],
)
async def test_lost_answer_is_polled_again_and_changes_nothing(wire: Wire) -> None:
    fact = await ask(wire, issued())
    assert isinstance(fact, facts.RetryableFailure)

    following = Following(
        tenant="t1",
        attempt=2,
        publish_id=POLL.publish_id,
        revision=4,
        privacy_level=PrivacyLevel.SELF_ONLY,
        handed_over_at=NOW,
        next_at=NOW,
    )
    decision = decide(KEY, following, fact, NOW)

    assert decision.events == ()
    assert isinstance(decision.state, Following)
    assert decision.state.next_at > NOW
    assert next_effect(KEY, decision.state, decision.state.next_at) == POLL


@pytest.mark.parametrize(
    ("credential", "version"),
    [
        (None, -1),
        (CredentialWithdrawn(account_id="acc_a", version=4, reason="disconnected"), 4),
        (issued(expires_in=29), 3),
        (issued(expires_in=-1), 3),
        (issued(sealed={"uploader": "h1.x"}), 3),
    ],
)
async def test_poll_without_usable_token_calls_nothing(credential: Body | None, version: int) -> None:
    wire = answering(status="PUBLISH_COMPLETE")
    assert await ask(wire, credential) == facts.NoCredential(attempt=2, version=version)
    assert wire.asked == []


async def test_poll_uses_token_until_shortly_before_its_end() -> None:
    assert await ask(answering(status="PUBLISH_COMPLETE"), issued(expires_in=31)) == facts.Completed(attempt=2)


@pytest.mark.parametrize(
    ("credential", "private_key"),
    [
        (issued(), X25519PrivateKey.generate()),
        (issued(sealed_as=2), PRIVATE_KEY),
        (issued(sealed={"publisher": "?"}), PRIVATE_KEY),
    ],
)
async def test_unreadable_token_is_counted_and_retried(
    credential: CredentialIssued, private_key: X25519PrivateKey
) -> None:
    wire = answering(status="PUBLISH_COMPLETE")
    before = UNREADABLE_CREDENTIALS._value.get()

    with structlog.testing.capture_logs() as logs:
        fact = await ask(wire, credential, private_key=private_key)

    assert fact == facts.RetryableFailure(attempt=2, reason="credential_unreadable")
    assert wire.asked == []
    assert UNREADABLE_CREDENTIALS._value.get() == before + 1
    assert [entry["event"] for entry in logs] == ["credential_unreadable"]


@pytest.mark.parametrize(("reason", "label"), [("internal", "internal"), ("brand_new", "undocumented")])
async def test_fail_reasons_are_counted_by_documented_names_only(reason: str, label: str) -> None:
    counter = metrics.FAILURES.labels(label)._value
    before = counter.get()
    await ask(answering(status="FAILED", fail_reason=reason), issued())
    assert counter.get() == before + 1


@pytest.mark.parametrize("wire", [refuses(400, "invalid_publish_id"), breaks(httpx.ReadError("reset"))])
async def test_token_is_in_no_fact_and_no_log(wire: Wire) -> None:
    with structlog.testing.capture_logs() as logs:
        fact = await ask(wire, issued())
    assert TOKEN not in repr(fact)
    assert TOKEN not in repr(logs)
