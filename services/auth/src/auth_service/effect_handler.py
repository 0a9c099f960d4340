"""Carries an account's effects out: seals its pair to the services, and calls TikTok.

A result carries sealed texts only. Facts are stored and may be read again, so no secret may be in one.
"""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import structlog

from auth_service import effects, facts, metrics, states
from auth_service.errors import TokenPairUnreadable
from auth_service.tokens.token_pairs import Recipients, TokenPair, open_tokens, seal_pair, seal_tokens
from common.clock import UtcDatetime
from common.security.sealing import CannotOpen, Vault
from common.streams import StateKey, Views
from tiktok import results
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.models import TokenResponse, UserInfo

_log = structlog.get_logger()

NO_APP: Final = "the TikTok app of the account is not known here"
CANNOT_OPEN: Final = "the token pair cannot be opened"


class Client(Protocol):
    """TikTok's API as one app may call it."""

    async def refresh(self, refresh_token: str) -> results.CallResult[TokenResponse]:
        """Exchange a refresh token for a new pair. TikTok may refuse the old token afterwards."""

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> results.CallResult[UserInfo]:
        """Return the profile of the token's person, as far as the scopes allow."""

    async def revoke(self, access_token: str) -> results.CallResult[None]:
        """End the grant that the token belongs to."""


class Clients(Protocol):
    """TikTok's API for each app."""

    def of(self, app: effects.AppRef) -> Client | facts.FailureClass:
        """Return the client of an app, or why it cannot be used now."""


class AuthEffectHandler:
    """Carries out the effects of `plans.next_effect`. Every result is a fact; no failed call raises."""

    def __init__(
        self, *, vault: Vault, recipients: Recipients, clients: Clients, clock: Callable[[], UtcDatetime]
    ) -> None:
        """Take the vault, the services that tokens are sealed to, and TikTok's clients by app."""
        self._vault = vault
        self._recipients = recipients
        self._clients = clients
        self._clock = clock

    async def perform(self, key: StateKey, effect: effects.Effect, views: Views) -> facts.Result:
        """Carry out the effect and return its result."""
        del views
        match effect:
            case effects.Issue():
                return self._issue(key.partition_key, effect)
            case effects.Refresh():
                return await self._refresh(key.partition_key, effect)
            case effects.FetchProfile():
                return await self._fetch_profile(key.partition_key, effect)
            case effects.Revoke():
                return await self._revoke(key.partition_key, effect)

    def _issue(self, account_id: str, effect: effects.Issue) -> facts.Issued | facts.IssueFailed:
        """Open the token pair and seal the access token for each service."""
        tokens = self._open(account_id, effect.pair)
        if tokens is None:
            return facts.IssueFailed(version=effect.version)
        # Sealed again, because the version is part of what the text is bound to.
        sealed = seal_tokens(self._vault, tokens, account_id=account_id, version=effect.version)
        pair = msgspec.structs.replace(effect.pair, version=effect.version, sealed=sealed)
        return self._issued(account_id, pair, tokens.access_token)

    async def _refresh(self, account_id: str, effect: effects.Refresh) -> facts.Result:
        """Refresh once. The call is never repeated here: TikTok rotates tokens."""
        tokens, client = self._open(account_id, effect.pair), self._clients.of(effect.app)
        if tokens is None:
            return _unsettled(effect, CANNOT_OPEN, facts.FailureClass.MISCONFIGURED)
        # The tenants' view may not be read yet, or the tenant's app was removed.
        if isinstance(client, facts.FailureClass):
            return _unsettled(effect, NO_APP, client)
        # Before the call: lifetimes counted from then end too early rather than too late.
        requested_at = self._clock()
        fact = self._settle(account_id, effect, await client.refresh(tokens.refresh_token), requested_at)
        result = metrics.REFRESH_RESULTS[type(fact)]
        metrics.REFRESHES.labels(result).inc()
        _log.info("refresh_ended", account_id=account_id, version=effect.pair.version, result=result, **_why(fact))
        return fact

    async def _fetch_profile(self, account_id: str, effect: effects.FetchProfile) -> facts.Result:
        """Fetch name and picture with the access token."""
        tokens, client = self._open(account_id, effect.pair), self._clients.of(effect.app)
        version = effect.pair.version
        if tokens is None or isinstance(client, facts.FailureClass):
            return facts.ProfileFetchFailed(version=version)
        match await client.user_info(tokens.access_token, effect.scopes):
            case results.Done(value=person):
                return facts.ProfileFetched(
                    version=version,
                    display_name=person.display_name,
                    username=person.username,
                    avatar_url=person.avatar_url,
                )
            case results.Refused() as refused if retry_advice(refused) is RetryAdvice.TOKEN_REJECTED:
                # Worth more than the profile: the account has to be refreshed.
                return facts.AccessTokenRejected(version=version)
            case results.Refused() | results.NotSent() | results.Unknown():
                return facts.ProfileFetchFailed(version=version)

    async def _revoke(
        self, account_id: str, effect: effects.Revoke
    ) -> facts.Revoked | facts.RevokeUnsettled | facts.AccessTokenRejected:
        """Ask TikTok once to revoke the grant."""
        tokens, client = self._open(account_id, effect.pair), self._clients.of(effect.app)
        if tokens is None:
            return _not_revoked(effect, CANNOT_OPEN, facts.FailureClass.MISCONFIGURED)
        if isinstance(client, facts.FailureClass):
            return _not_revoked(effect, NO_APP, client)
        fact = _settle_revocation(effect, await client.revoke(tokens.access_token))
        if isinstance(fact, facts.RevokeUnsettled) and fact.failure is facts.FailureClass.MISCONFIGURED:
            # TikTok also answers "malformed" if the token belongs to no grant. A profile fetch distinguishes the two.
            match await client.user_info(tokens.access_token, ()):
                case results.Refused() as refused if retry_advice(refused) is RetryAdvice.TOKEN_REJECTED:
                    fact = facts.AccessTokenRejected(version=effect.pair.version)
                case _:
                    pass
        settled = isinstance(fact, facts.Revoked)
        metrics.REVOCATIONS.labels("done" if settled else "unsettled").inc()
        _log.info("revocation_ended", account_id=account_id, settled=settled, **_why(fact))
        return fact

    def _open(self, account_id: str, pair: states.SealedTokenPair) -> TokenPair | None:
        """Open a sealed token pair; None if no configured key opens it."""
        try:
            return open_tokens(self._vault, pair, account_id=account_id)
        except (CannotOpen, TokenPairUnreadable) as error:
            # Not an exception: the effect would be repeated for ever, and the account would have no state for it.
            metrics.UNREADABLE_ITEMS.inc()
            _log.error("token_pair_unreadable", account_id=account_id, version=pair.version, reason=str(error))
            return None

    def _settle(
        self,
        account_id: str,
        effect: effects.Refresh,
        answer: results.CallResult[TokenResponse],
        requested_at: UtcDatetime,
    ) -> facts.RefreshDone | facts.RefreshRefused | facts.RefreshUnsettled:
        """Turn TikTok's answer to a refresh into a fact."""
        match answer:
            case results.Done(value=response):
                return self._done(account_id, effect, response, requested_at)
            case results.Refused(code=code, message=message) if retry_advice(answer) is RetryAdvice.RECONSENT:
                return facts.RefreshRefused(version=effect.pair.version, code=code, message=message)
            case results.Refused() | results.NotSent() | results.Unknown():
                return _unsettled(effect, *_failure(answer))

    def _done(
        self, account_id: str, effect: effects.Refresh, response: TokenResponse, requested_at: UtcDatetime
    ) -> facts.RefreshDone:
        """Seal the new token pair under the next version."""
        # The version is bound into the seal, so an old text cannot be put in the new one's place.
        version = effect.pair.version + 1
        pair = seal_pair(self._vault, response, account_id=account_id, version=version, requested_at=requested_at)
        return facts.RefreshDone(
            version=effect.pair.version,
            scopes=response.scopes,
            issued=self._issued(account_id, pair, response.access_token),
        )

    def _issued(self, account_id: str, pair: states.SealedTokenPair, access_token: str) -> facts.Issued:
        """Seal the access token for each service."""
        return facts.Issued(
            pair=pair,
            recipients=self._recipients.fingerprint,
            sealed=self._recipients.seal(access_token, account_id=account_id, version=pair.version),
        )


def _unsettled(effect: effects.Refresh, reason: str, failure: facts.FailureClass) -> facts.RefreshUnsettled:
    return facts.RefreshUnsettled(version=effect.pair.version, attempt=effect.attempt, reason=reason, failure=failure)


def _not_revoked(effect: effects.Revoke, reason: str, failure: facts.FailureClass) -> facts.RevokeUnsettled:
    return facts.RevokeUnsettled(version=effect.pair.version, attempt=effect.attempt, reason=reason, failure=failure)


def _settle_revocation(
    effect: effects.Revoke, answer: results.CallResult[None]
) -> facts.Revoked | facts.RevokeUnsettled | facts.AccessTokenRejected:
    """Turn TikTok's answer to a revocation into a fact."""
    match answer:
        case results.Done():
            return facts.Revoked(version=effect.pair.version)
        # TikTok has no such grant any more: the aim is reached.
        case results.Refused() if retry_advice(answer) is RetryAdvice.RECONSENT:
            return facts.Revoked(version=effect.pair.version)
        case results.Refused() if retry_advice(answer) is RetryAdvice.TOKEN_REJECTED:
            # The token may have ended while the grant is still there, so this does not count as revoked.
            return facts.AccessTokenRejected(version=effect.pair.version)
        case results.Refused() | results.NotSent() | results.Unknown():
            return _not_revoked(effect, *_failure(answer))


def _failure(answer: results.Refused | results.NotSent | results.Unknown) -> tuple[str, facts.FailureClass]:
    """Return why a call did not settle: a text for operators, and the class that the next pause depends on."""
    match answer:
        case results.Refused(code=code) if retry_advice(answer) is RetryAdvice.RATE_LIMITED:
            return f"TikTok counts too many calls: {code}", facts.FailureClass.RATE_LIMITED
        case results.Refused(code=code) if retry_advice(answer) is RetryAdvice.TRANSIENT:
            return f"TikTok cannot do it now: {code}", facts.FailureClass.TRANSIENT
        case results.Refused(code=code):
            return f"TikTok refused: {code}", facts.FailureClass.MISCONFIGURED
        case results.NotSent():
            return "TikTok could not be reached", facts.FailureClass.TRANSIENT
        case results.Unknown():
            return "TikTok's answer was lost", facts.FailureClass.TRANSIENT


def _why(
    fact: facts.RefreshResult | facts.Revoked | facts.RevokeUnsettled | facts.AccessTokenRejected,
) -> dict[str, str]:
    """Return the log fields that explain a result."""
    match fact:
        case facts.RefreshDone() | facts.Revoked():
            return {}
        case facts.RefreshRefused(code=code):
            return {"reason": code}
        case facts.RefreshUnsettled(reason=reason) | facts.RevokeUnsettled(reason=reason):
            return {"reason": reason}
        case facts.AccessTokenRejected():
            return {"reason": "TikTok does not take the access token"}
