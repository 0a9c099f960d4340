"""The fact for each answer of TikTok, for a lost answer, and for no usable token."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from analytics_service import facts
from analytics_service.effect_handler import AnalyticsEffects
from analytics_service.effects import Collect
from common.contract.account import CredentialIssued, CredentialWithdrawn
from common.contract.body import Body
from common.contract.topics import AUTH_CREDENTIALS, Topic
from common.security.credentials import AccessToken, AccessTokens
from common.security.sealing import seal_for
from common.streams import StateKey
from tiktok.client import TikTok
from tiktok.models import Video
from tiktok.results import CallResult, Done, NotSent, Refused, Unknown

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PRIVATE = X25519PrivateKey.generate()
TOKENS = AccessTokens(service="analytics", private_key=PRIVATE, clock=lambda: NOW)
KEY = StateKey("acc_1", "shop/post-1")
COLLECT = Collect(tenant="shop", video_ids=("7",), age=60, due=NOW)
SEEN = Video(id="7", create_time=1, share_url="https://x/7", view_count=5, like_count=4, comment_count=3, share_count=2)


@dataclass
class Answers:
    result: CallResult[tuple[Video, ...]]
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    async def query_videos(self, token: str, ids: Sequence[str]) -> CallResult[tuple[Video, ...]]:
        self.asked.append((token, tuple(ids)))
        return self.result


@dataclass
class OneRecord:
    record: Body | None

    def get(self, topic: Topic, account_id: str) -> Body | None:
        assert (topic, account_id) == (AUTH_CREDENTIALS, "acc_1")
        return self.record


def issued(version: int = 3, *, life: float = 3600, context: str | None = None) -> CredentialIssued:
    sealed = seal_for(PRIVATE.public_key(), b"act.secret", context or f"acc_1|access_token|{version}")
    return CredentialIssued(
        account_id="acc_1",
        version=version,
        scopes=("video.list",),
        expires_at=NOW + timedelta(seconds=life),
        sealed={"analytics": sealed},
    )


def effects_over(answers: Answers) -> AnalyticsEffects:
    return AnalyticsEffects(tiktok=answers, tokens=TOKENS, clock=lambda: NOW)


def refused(code: str) -> Refused:
    return Refused(status=400, code=code, message="", log_id="log")


RESULTS: list[tuple[CallResult[tuple[Video, ...]], facts.Fact]] = [
    (
        Done((SEEN,)),
        facts.Collected(
            age=60,
            at=NOW,
            videos=(SEEN,),
        ),
    ),
    (Done(()), facts.NotVisible(age=60, at=NOW)),
    (NotSent("refused"), facts.RetryableFailure(age=60, at=NOW, reason="refused")),
    (Unknown("reset"), facts.RetryableFailure(age=60, at=NOW, reason="reset")),
    (refused("access_token_invalid"), facts.CredentialRejected(version=3, code="access_token_invalid", at=NOW)),
    (refused("scope_not_authorized"), facts.NoCredential(version=3)),
    (refused("rate_limit_exceeded"), facts.RetryableFailure(age=60, at=NOW, reason="rate_limit_exceeded")),
    (refused("invalid_params"), facts.CollectionRefused(age=60, at=NOW, code="invalid_params")),
]


@pytest.mark.parametrize(("result", "fact"), RESULTS, ids=[str(number) for number in range(len(RESULTS))])
async def test_perform_returns_every_answer_as_fact(result: CallResult[tuple[Video, ...]], fact: facts.Fact) -> None:
    answers = Answers(result)
    assert await effects_over(answers).perform(KEY, COLLECT, OneRecord(issued())) == fact
    assert answers.asked == [("act.secret", ("7",))]


@pytest.mark.parametrize(
    ("record", "version"),
    [
        (None, -1),
        (issued(4, life=29), 4),
        (CredentialWithdrawn(account_id="acc_1", version=5, reason="disconnected"), 5),
        (CredentialIssued(account_id="acc_1", version=6, scopes=(), expires_at=NOW + timedelta(days=1), sealed={}), 6),
        (issued(7, context="acc_2|access_token|7"), 7),
        (msgspec.structs.replace(issued(8), tenant="rival"), 8),
    ],
    ids=[
        "nothing yet",
        "about to end",
        "withdrawn",
        "not for us",
        "moved from another account",
        "another tenant's by now",
    ],
)
async def test_perform_without_usable_token_calls_nothing(record: Body | None, version: int) -> None:
    answers = Answers(Done((SEEN,)))
    assert await effects_over(answers).perform(KEY, COLLECT, OneRecord(record)) == facts.NoCredential(version=version)
    assert answers.asked == []


async def test_perform_leaves_out_videos_not_asked_for() -> None:
    answers = Answers(Done((replace(SEEN, id="8"),)))
    assert await effects_over(answers).perform(KEY, COLLECT, OneRecord(issued())) == facts.NotVisible(age=60, at=NOW)


ANSWER = msgspec.json.encode(
    {"data": {"videos": [asdict(SEEN)]}, "error": {"code": "ok", "message": "", "log_id": "l"}}
)


async def test_lost_answer_is_retryable_and_next_call_succeeds() -> None:
    connections = itertools.count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if next(connections) > 0:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, httpx.AsyncClient(trust_env=False) as http:
        effects = AnalyticsEffects(tiktok=TikTok(http, url, "key", "secret"), tokens=TOKENS, clock=lambda: NOW)
        first = await effects.perform(KEY, COLLECT, OneRecord(issued()))
        second = await effects.perform(KEY, COLLECT, OneRecord(issued()))
    assert isinstance(first, facts.RetryableFailure)
    assert "act.secret" not in first.reason
    assert second == RESULTS[0][1]


def test_token_is_not_shown() -> None:
    assert "act.secret" not in repr(AccessToken(text="act.secret", version=3))
