"""Looking who a person is and revoking a grant: every way a call may end, and the sandbox."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service import effects, facts, states
from auth_service.effect_handler import AuthEffectHandler
from auth_service.tokens.token_pairs import Recipients, TokenPair, seal_tokens
from builders.account_states import KEY, NOW, pair_of_life
from common.contract.account import AccountDisconnected, CredentialWithdrawn
from fakes.auth_worker import VAULT
from fakes.views import EmptyViews
from harness.auth_api import AuthApi
from tiktok.models import TokenResponse, UserInfo
from tiktok.results import CallResult, Done, NotSent, Refused, Unknown
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext

APP = effects.AppRef(tenant="acme", client_key=None)
RECIPIENTS = Recipients({"uploader": X25519PrivateKey.generate().public_key()})
PERSON = UserInfo(open_id="-000open", display_name="Demo", username="demo", avatar_url="https://a.example/a.jpeg")
SCOPES = ("user.info.basic",)


def refused(code: str, status: int = 400) -> Refused:
    return Refused(status=status, code=code, message="secret words of TikTok", log_id="")


@dataclass
class Saying:
    """A TikTok with scripted answers that records its calls."""

    person: CallResult[UserInfo] = field(default_factory=lambda: Done(PERSON))
    revocation: CallResult[None] = field(default_factory=lambda: Done(None))
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def refresh(self, refresh_token: str) -> CallResult[TokenResponse]:
        raise AssertionError

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]:
        self.asked.append(("user_info", token, *scopes))
        return self.person

    async def revoke(self, access_token: str) -> CallResult[None]:
        self.asked.append(("revoke", access_token))
        return self.revocation


class Offering:
    """One app, or the reason why there is none."""

    def __init__(self, client: Saying | facts.FailureClass) -> None:
        self.client = client
        self.asked: list[effects.AppRef] = []

    def of(self, app: effects.AppRef) -> Saying | facts.FailureClass:
        self.asked.append(app)
        return self.client


def pair(version: int = 3, *, sealed_as: int | None = None) -> states.SealedTokenPair:
    tokens = TokenPair(access_token="act.now", refresh_token="rft.now")
    sealed = seal_tokens(
        VAULT, tokens, account_id=KEY.partition_key, version=version if sealed_as is None else sealed_as
    )
    found = pair_of_life(version, NOW, timedelta(hours=2))
    return type(found)(
        version=version,
        sealed=sealed,
        granted_at=found.granted_at,
        access_expires_at=found.access_expires_at,
        refresh_expires_at=found.refresh_expires_at,
    )


def effects_of(clients: Offering) -> AuthEffectHandler:
    return AuthEffectHandler(vault=VAULT, recipients=RECIPIENTS, clients=clients, clock=lambda: NOW)


async def looking(client: Saying | facts.FailureClass, of: states.SealedTokenPair | None = None) -> facts.Fact:
    effect = effects.FetchProfile(app=APP, pair=of or pair(), scopes=SCOPES)
    return await effects_of(Offering(client)).perform(KEY, effect, EmptyViews())


async def revoking(client: Saying | facts.FailureClass, of: states.SealedTokenPair | None = None) -> facts.Fact:
    effect = effects.Revoke(app=APP, pair=of or pair(), attempt=2)
    return await effects_of(Offering(client)).perform(KEY, effect, EmptyViews())


async def test_profile_fetch_returns_the_person() -> None:
    tiktok = Saying()
    assert await looking(tiktok) == facts.ProfileFetched(
        version=3, display_name="Demo", username="demo", avatar_url="https://a.example/a.jpeg"
    )
    assert tiktok.asked == [("user_info", "act.now", "user.info.basic")]


@pytest.mark.parametrize(
    "answer",
    [
        NotSent("no connection"),
        Unknown("ReadTimeout"),
        refused("rate_limit_exceeded", 429),
        refused("scope_not_authorized", 401),
        refused("a_code_of_tomorrow"),
    ],
)
async def test_a_look_that_does_not_tell_changes_nothing(answer: CallResult[UserInfo]) -> None:
    assert await looking(Saying(person=answer)) == facts.ProfileFetchFailed(version=3)


async def test_a_look_finds_out_that_the_access_token_is_dead() -> None:
    assert await looking(Saying(person=refused("access_token_invalid", 401))) == facts.AccessTokenRejected(version=3)


@pytest.mark.parametrize("trouble", [facts.FailureClass.TRANSIENT, facts.FailureClass.MISCONFIGURED])
async def test_missing_app_makes_no_call(trouble: facts.FailureClass) -> None:
    assert await looking(trouble) == facts.ProfileFetchFailed(version=3)
    assert await revoking(trouble) == facts.RevokeUnsettled(
        version=3, attempt=2, reason="the TikTok app of the account is not known here", failure=trouble
    )
    refresh = effects.Refresh(app=APP, pair=pair(), attempt=4)
    assert await effects_of(Offering(trouble)).perform(KEY, refresh, EmptyViews()) == facts.RefreshUnsettled(
        version=3, attempt=4, reason="the TikTok app of the account is not known here", failure=trouble
    )


async def test_pair_of_other_version_fails_without_a_call() -> None:
    moved = pair(4, sealed_as=3)
    tiktok = Saying()
    assert await looking(tiktok, moved) == facts.ProfileFetchFailed(version=4)
    assert await revoking(tiktok, moved) == facts.RevokeUnsettled(
        version=4, attempt=2, reason="the token pair cannot be opened", failure=facts.FailureClass.MISCONFIGURED
    )
    assert tiktok.asked == []


async def test_the_app_is_that_of_the_account() -> None:
    clients = Offering(Saying())
    own = effects.AppRef(tenant="acme", client_key="aw-own")
    await effects_of(clients).perform(KEY, effects.Revoke(app=own, pair=pair(), attempt=1), EmptyViews())
    await effects_of(clients).perform(KEY, effects.FetchProfile(app=own, pair=pair(), scopes=SCOPES), EmptyViews())
    assert clients.asked == [own, own]


async def test_revoking_is_by_the_access_token() -> None:
    tiktok = Saying()
    assert await revoking(tiktok) == facts.Revoked(version=3)
    assert tiktok.asked == [("revoke", "act.now")]


async def test_no_grant_is_nothing_to_revoke() -> None:
    assert await revoking(Saying(revocation=refused("invalid_grant"))) == facts.Revoked(version=3)


@pytest.mark.parametrize(
    ("answer", "reason", "trouble"),
    [
        (NotSent("no connection"), "TikTok could not be reached", facts.FailureClass.TRANSIENT),
        (Unknown("ReadTimeout"), "TikTok's answer was lost", facts.FailureClass.TRANSIENT),
        (
            refused("rate_limit_exceeded", 429),
            "TikTok counts too many calls: rate_limit_exceeded",
            facts.FailureClass.RATE_LIMITED,
        ),
        (
            refused("temporarily_unavailable"),
            "TikTok cannot do it now: temporarily_unavailable",
            facts.FailureClass.TRANSIENT,
        ),
        (refused("invalid_client", 401), "TikTok refused: invalid_client", facts.FailureClass.MISCONFIGURED),
        (refused("invalid_request"), "TikTok refused: invalid_request", facts.FailureClass.MISCONFIGURED),
    ],
)
async def test_a_revocation_that_does_not_settle_is_asked_for_again(
    answer: CallResult[None], reason: str, trouble: facts.FailureClass
) -> None:
    fact = await revoking(Saying(revocation=answer))
    assert fact == facts.RevokeUnsettled(version=3, attempt=2, reason=reason, failure=trouble)


@pytest.mark.parametrize("code", ["access_token_invalid", "invalid_request", "invalid_client"])
async def test_unknown_token_is_not_a_malformed_request(code: str) -> None:
    tiktok = Saying(revocation=refused(code), person=refused("access_token_invalid", 401))
    assert await revoking(tiktok) == facts.AccessTokenRejected(version=3)


@pytest.mark.parametrize("person", [Done(PERSON), Unknown("HTTP 503"), refused("scope_not_authorized", 401)])
async def test_a_token_that_lives_is_not_taken_for_dead(person: CallResult[UserInfo]) -> None:
    fact = await revoking(Saying(revocation=refused("invalid_request"), person=person))
    assert isinstance(fact, facts.RevokeUnsettled)


# -- against the sandbox


class Losing(httpx.AsyncBaseTransport):
    """Delivers every request, and loses the answers of an address while switched on."""

    def __init__(self, shell: AppContext) -> None:
        self._inner = httpx.ASGITransport(build_app(shell))
        self.losing: str = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if self.losing and request.url.path == self.losing:
            await response.aclose()
            message = "connection reset"
            raise httpx.ReadError(message, request=request)
        return response


@pytest.fixture
async def losing(shell: AppContext, auth_api: AuthApi) -> AsyncIterator[Losing]:
    transport = Losing(shell)
    auth_api.sandbox._transport = transport
    yield transport
    await transport.aclose()


def endings(auth_api: AuthApi) -> Sequence[AccountDisconnected]:
    return [event for event in auth_api.worker.published if isinstance(event, AccountDisconnected)]


async def test_lost_answer_to_a_revocation_is_retried(auth_api: AuthApi, losing: Losing) -> None:
    account_id = await auth_api.connect()
    losing.losing = "/v2/oauth/revoke/"
    answer = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["status"]) == (202, "disconnecting")
    losing.losing = ""
    for seconds in (2, 4):
        auth_api.now += timedelta(seconds=seconds)
        await auth_api.worker.on_due(account_id)
    assert [(gone.cause, gone.revoked) for gone in endings(auth_api)] == [("requested", True)]
    assert (await auth_api.backend.get(f"/v1/accounts/{account_id}")).status_code == 404


async def test_account_removed_at_tiktok_can_be_disconnected(auth_api: AuthApi, shell: AppContext) -> None:
    account_id = await auth_api.connect()
    open_id = shell.tables.creators.get_or_create("demo").open_id
    answer = await auth_api.sandbox.post(f"/_sandbox/creators/{open_id}/disconnect", json={})
    assert answer.status_code < 300
    answer = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["status"]) == (202, "disconnecting")
    auth_api.now += timedelta(seconds=2)
    await auth_api.worker.on_due(account_id)
    assert [(gone.cause, gone.revoked) for gone in endings(auth_api)] == [("requested", True)]


async def test_ended_access_token_is_renewed_to_revoke(auth_api: AuthApi, shell: AppContext) -> None:
    account_id = await auth_api.connect()
    auth_api.now += timedelta(hours=2)
    answer = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")
    assert [gone.revoked for gone in endings(auth_api)] == [True]
    assert not [*shell.tables.grants.access.items(), *shell.tables.grants.refresh.items()]
    withdrawn = auth_api.credentials.bodies[account_id]
    assert isinstance(withdrawn, CredentialWithdrawn)
    assert withdrawn.version == 2
