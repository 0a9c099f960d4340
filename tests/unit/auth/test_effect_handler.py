"""Issuing and refreshing against a stand-in that can lose answers, and against the sandbox."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service import facts, states
from auth_service.decisions import decide
from auth_service.effect_handler import AuthEffectHandler
from auth_service.effects import AppRef, Issue, Refresh
from auth_service.plans import next_effect
from auth_service.processor import AuthProcessor
from auth_service.tokens.token_pairs import Recipients, TokenPair, open_tokens, seal_tokens
from auth_service.translate import hand_off, translate
from common.contract.account import CredentialIssued, TokenPairHandedOff, TokenRejected
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.topics import Topic
from common.security.sealing import CannotOpen, Vault, open_sealed
from common.streams import Due, StateKey
from fakes.tiktok_clients import SingleClient
from tiktok.client import TikTok
from tiktok.models import TokenResponse, UserInfo
from tiktok.results import CallResult, Done, NotSent, Refused, Unknown
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.grants import AuthorizationRequest, issue_code
from tiktok_sandbox.model.settings import Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNT = "acc_1"
KEY = StateKey(ACCOUNT)
VAULT = Vault({"one": b"1" * 32})
UPLOADER = X25519PrivateKey.generate()
RECIPIENTS = Recipients({"uploader": UPLOADER.public_key()})
APP = AppRef(tenant="acme", client_key=None)
TOKENS = TokenPair(access_token="act.first", refresh_token="rft.first")
GRANT = TokenResponse(
    open_id="-000open",
    scopes=("video.publish",),
    access_token="act.second",
    refresh_token="rft.second",
    expires_in=7_200,
    refresh_expires_in=15_552_000,
)


class EmptyViews:
    def get(self, topic: Topic, account_id: str) -> Body | None:
        return None


class FakeTikTok:
    """Rotates like TikTok: a refresh token works once. `ends` may replace an answer after the work is done."""

    def __init__(self, *ends: Callable[[CallResult[TokenResponse]], CallResult[TokenResponse]]) -> None:
        self._ends = list(ends)
        self._alive = "rft.first"
        self.asked: list[str] = []
        self.revoked: list[str] = []
        self.revocations: list[CallResult[None]] = []

    async def refresh(self, refresh_token: str) -> CallResult[TokenResponse]:
        self.asked.append(refresh_token)
        answer: CallResult[TokenResponse] = Refused(
            status=400, code="invalid_grant", message="invalid or expired", log_id=""
        )
        if refresh_token == self._alive:
            self._alive = "rft.second"
            answer = Done(GRANT)
        return self._ends.pop(0)(answer) if self._ends else answer

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]:
        return Done(UserInfo(open_id="-000open", display_name="Demo", username="demo", avatar_url="https://a.example"))

    async def revoke(self, access_token: str) -> CallResult[None]:
        self.revoked.append(access_token)
        return self.revocations.pop(0) if self.revocations else Done(None)


def lost(_answer: CallResult[TokenResponse]) -> CallResult[TokenResponse]:
    return Unknown("ReadError")


def effects_with(tiktok: FakeTikTok | TikTok, vault: Vault = VAULT) -> AuthEffectHandler:
    return AuthEffectHandler(vault=vault, recipients=RECIPIENTS, clients=SingleClient(tiktok), clock=lambda: NOW)


def pair_of(tokens: TokenPair, version: int) -> states.SealedTokenPair:
    return states.SealedTokenPair(
        version=version,
        sealed=seal_tokens(VAULT, tokens, account_id=ACCOUNT, version=version),
        granted_at=NOW,
        access_expires_at=NOW + timedelta(hours=2),
        refresh_expires_at=NOW + timedelta(days=180),
    )


async def run(effects: AuthEffectHandler, state: states.Account) -> states.Account:
    """Do what the state wants, and take the outcome in."""
    effect = next_effect(KEY, state, NOW, recipients=RECIPIENTS.fingerprint)
    assert isinstance(effect, Issue | Refresh)
    after = decide(KEY, state, await effects.perform(KEY, effect, EmptyViews()), NOW).state
    assert after is not None
    return after


async def test_issue_seals_access_token_and_numbered_pair() -> None:
    fact = await effects_with(FakeTikTok()).perform(
        KEY, Issue(pair=pair_of(TOKENS, states.UNNUMBERED), version=7), EmptyViews()
    )
    assert isinstance(fact, facts.Issued)
    assert fact.recipients == RECIPIENTS.fingerprint
    assert open_sealed(UPLOADER, fact.sealed["uploader"], "acc_1|access_token|7") == b"act.first"
    assert open_tokens(VAULT, fact.pair, account_id=ACCOUNT) == TOKENS
    with pytest.raises(CannotOpen):
        open_tokens(VAULT, msgspec.structs.replace(fact.pair, version=8), account_id=ACCOUNT)
    with pytest.raises(CannotOpen):
        open_tokens(VAULT, fact.pair, account_id="acc_2")


async def test_a_pair_under_an_unknown_key_fails_and_says_so() -> None:
    effects = effects_with(FakeTikTok(), vault=Vault({"two": b"2" * 32}))
    assert await effects.perform(KEY, Issue(pair=pair_of(TOKENS, 0), version=1), EmptyViews()) == facts.IssueFailed(
        version=1
    )
    fact = await effects.perform(KEY, Refresh(app=APP, pair=pair_of(TOKENS, 1), attempt=1), EmptyViews())
    assert fact == facts.RefreshUnsettled(
        version=1, attempt=1, reason="the token pair cannot be opened", failure=facts.FailureClass.MISCONFIGURED
    )


async def test_a_pair_that_is_none_fails_without_being_quoted() -> None:
    sealed = VAULT.seal(b'{"access_token":5}', owner=ACCOUNT, field="token_pair", version=1)
    broken = msgspec.structs.replace(pair_of(TOKENS, 1), sealed=sealed)
    fact = await effects_with(FakeTikTok()).perform(KEY, Issue(pair=broken, version=2), EmptyViews())
    assert fact == facts.IssueFailed(version=2)


async def test_refresh_seals_the_new_pair_for_the_next_version() -> None:
    fact = await effects_with(FakeTikTok()).perform(
        KEY, Refresh(app=APP, pair=pair_of(TOKENS, 3), attempt=1), EmptyViews()
    )
    assert isinstance(fact, facts.RefreshDone)
    assert (fact.version, fact.issued.pair.version) == (3, 4)
    assert fact.issued.pair.access_expires_at == NOW + timedelta(seconds=7_200)
    assert open_tokens(VAULT, fact.issued.pair, account_id=ACCOUNT).refresh_token == "rft.second"
    assert open_sealed(UPLOADER, fact.issued.sealed["uploader"], "acc_1|access_token|4") == b"act.second"
    assert "second" not in repr(fact)


@pytest.mark.parametrize(
    ("answer", "reason", "trouble"),
    [
        (NotSent("no connection"), "TikTok could not be reached", facts.FailureClass.TRANSIENT),
        (Unknown("HTTP 503"), "TikTok's answer was lost", facts.FailureClass.TRANSIENT),
        (
            Refused(status=401, code="invalid_client", message="", log_id=""),
            "TikTok refused: invalid_client",
            facts.FailureClass.MISCONFIGURED,
        ),
        (
            Refused(status=429, code="rate_limit_exceeded", message="", log_id=""),
            "TikTok counts too many calls: rate_limit_exceeded",
            facts.FailureClass.RATE_LIMITED,
        ),
    ],
)
async def test_only_a_dead_grant_is_the_accounts_fault(
    answer: CallResult[TokenResponse], reason: str, trouble: facts.FailureClass
) -> None:
    effects = effects_with(FakeTikTok(lambda _: answer))
    fact = await effects.perform(KEY, Refresh(app=APP, pair=pair_of(TOKENS, 3), attempt=2), EmptyViews())
    assert fact == facts.RefreshUnsettled(version=3, attempt=2, reason=reason, failure=trouble)


async def test_old_token_is_refused_after_a_lost_answer() -> None:
    tiktok = FakeTikTok(lost)
    effects = effects_with(tiktok)
    first = await effects.perform(KEY, Refresh(app=APP, pair=pair_of(TOKENS, 3), attempt=1), EmptyViews())
    assert isinstance(first, facts.RefreshUnsettled)
    second = await effects.perform(KEY, Refresh(app=APP, pair=pair_of(TOKENS, 3), attempt=2), EmptyViews())
    assert isinstance(second, facts.RefreshRefused)
    assert (second.version, second.code) == (3, "invalid_grant")
    assert tiktok.asked == ["rft.first", "rft.first"]


# -- against the sandbox


class LosingTransport(httpx.AsyncBaseTransport):
    """Delivers every request, and loses the next `losing` answers."""

    def __init__(self, shell: AppContext) -> None:
        self._inner = httpx.ASGITransport(build_app(shell))
        self.losing = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if self.losing:
            self.losing -= 1
            await response.aclose()
            message = "connection reset"
            raise httpx.ReadError(message, request=request)
        return response


class Person:
    """A creator at the sandbox who has consented, and the client that talks about them."""

    def __init__(self, http: httpx.AsyncClient, shell: AppContext) -> None:
        app = shell.tables.settings.app
        self.redirect_uri = "http://127.0.0.1:8101/v1/oauth/callback"
        self.tiktok = TikTok(http, "https://sandbox.test", app.client_key, app.client_secret)
        request = AuthorizationRequest(
            client_key=app.client_key,
            redirect_uri=self.redirect_uri,
            scopes=("user.info.basic", "video.publish"),
            state="state",
            challenge="",
        )
        self.code = issue_code(
            shell.tables.grants,
            shell.ids,
            request,
            open_id=shell.tables.creators.get_or_create("demo").open_id,
            lifetimes=shell.tables.settings.lifetimes,
            now=shell.clock.now(),
        )

    async def consent(self) -> TokenPair:
        exchanged = await self.tiktok.exchange_code(self.code, self.redirect_uri, None)
        assert isinstance(exchanged, Done)
        return TokenPair(access_token=exchanged.value.access_token, refresh_token=exchanged.value.refresh_token)


async def connected(effects: AuthEffectHandler, tokens: TokenPair) -> states.Account:
    profile = states.Profile(tenant="acme", open_id="-000open", scopes=("video.publish",), consented_at=NOW)
    granted = facts.Consented(profile=profile, pair=pair_of(tokens, states.UNNUMBERED))
    state = decide(KEY, None, granted, NOW).state
    assert state is not None
    return await run(effects, state)


async def test_sandbox_refresh_rotates_and_goes_on() -> None:
    shell = AppContext(Settings(), base_url="https://sandbox.test")
    async with httpx.AsyncClient(transport=LosingTransport(shell)) as http:
        person = Person(http, shell)
        effects = effects_with(person.tiktok)
        state = await connected(effects, await person.consent())
        for version in (2, 3):
            state = await run(effects, decide(KEY, state, Due(), NOW + timedelta(hours=2)).state or state)
            assert isinstance(state, states.Connected)
            assert state.pair.version == version


async def test_lost_answer_warns_and_keeps_the_access_token() -> None:
    shell = AppContext(Settings(), base_url="https://sandbox.test")
    transport = LosingTransport(shell)
    async with httpx.AsyncClient(transport=transport) as http:
        person = Person(http, shell)
        effects = effects_with(person.tiktok)
        state = await connected(effects, await person.consent())
        transport.losing = 1
        kinds = []
        for _ in range(2):
            refreshing = decide(KEY, state, Due(), NOW + timedelta(minutes=119)).state
            assert refreshing is not None
            state = await run(effects, refreshing)
            kinds.append(type(state).__name__)
        assert kinds == ["RefreshBackoff", "RefreshTokenRefused"]


# -- translations


def envelope(body: Body) -> Envelope[Body]:
    return Envelope(id="1", source="test", time=None, traceparent=None, body=body)


def test_the_machine_reads_commands_and_lets_refreshes_finish() -> None:
    machine = AuthProcessor("keys")
    assert [topic.name for topic in machine.inputs] == ["auth.commands", "tiktok.webhooks"]
    assert machine.uninterruptible == (Refresh,)
    rejected = TokenRejected(account_id=ACCOUNT, version=3, code="access_token_invalid", service="uploader", at=NOW)
    assert machine.translate(envelope(rejected)) is not None
    issued = CredentialIssued(account_id=ACCOUNT, version=1, scopes=(), expires_at=NOW, sealed={})
    assert machine.translate(envelope(issued)) is None


async def test_lifetimes_count_from_the_request() -> None:
    times = iter((NOW, NOW + timedelta(seconds=40)))
    effects = AuthEffectHandler(
        vault=VAULT, recipients=RECIPIENTS, clients=SingleClient(FakeTikTok()), clock=lambda: next(times, NOW)
    )
    fact = await effects.perform(KEY, Refresh(app=APP, pair=pair_of(TOKENS, 3), attempt=1), EmptyViews())
    assert isinstance(fact, facts.RefreshDone)
    assert fact.issued.pair.access_expires_at == NOW + timedelta(seconds=7_200)


async def test_handed_off_refresh_is_the_pair_that_was_lost() -> None:
    done = await effects_with(FakeTikTok()).perform(
        KEY, Refresh(app=APP, pair=pair_of(TOKENS, 3), attempt=1), EmptyViews()
    )
    assert isinstance(done, facts.RefreshDone)
    body = hand_off(KEY, done)
    assert isinstance(body, TokenPairHandedOff)
    addressed = translate(envelope(body))
    assert addressed is not None
    assert addressed.key == KEY
    assert isinstance(addressed.fact, facts.HandedOff)
    assert addressed.fact.pair == done.issued.pair
    assert hand_off(KEY, facts.RefreshUnsettled(version=3, attempt=1, reason="")) is None
