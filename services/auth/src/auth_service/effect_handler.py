"""Carries out what an account wants: seals its pair to the services, or has TikTok refresh it."""

from collections.abc import Callable
from typing import Protocol

import structlog

from auth_service import effects, facts, metrics, states
from auth_service.errors import GrantUnreadable
from auth_service.tokens.token_pairs import Recipients, Tokens, open_tokens, pair_of, seal_tokens, tokens_of
from common.clock import UtcDatetime
from common.security.sealing import CannotOpen, Vault
from common.streams import StateKey, Views
from tiktok import results
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.models import TokenResponse, UserInfo

_log = structlog.get_logger()

NO_APP = "the TikTok app of the account is not known here"


class Client(Protocol):
    """What TikTok does for one app."""

    async def refresh(self, refresh_token: str) -> results.CallResult[TokenResponse]:
        """Exchange a refresh token for a new pair; the old one is dead afterwards."""

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> results.CallResult[UserInfo]:
        """Say whose token it is."""

    async def revoke(self, access_token: str) -> results.CallResult[None]:
        """Forget the grant."""


class Clients(Protocol):
    """TikTok, for each app."""

    def of(self, app: effects.AppOf) -> Client | facts.Trouble:
        """Return the client of an app, or why there is none now."""


class AuthEffects:
    """Every outcome carries sealed strings only, so that what follows needs no key."""

    def __init__(
        self, *, vault: Vault, recipients: Recipients, clients: Clients, clock: Callable[[], UtcDatetime]
    ) -> None:
        """Take what opens pairs, whom tokens are sealed to, and who speaks to TikTok."""
        self._vault = vault
        self._recipients = recipients
        self._clients = clients
        self._clock = clock

    async def perform(self, key: StateKey, effect: effects.Effect, views: Views) -> facts.Outcome:
        """Do it and say what came of it."""
        del views
        match effect:
            case effects.Issue():
                return self._issue(key.partition_key, effect)
            case effects.Refresh():
                return await self._refresh(key.partition_key, effect)
            case effects.Look():
                return await self._look(key.partition_key, effect)
            case effects.Revoke():
                return await self._revoke(key.partition_key, effect)

    def _issue(self, account_id: str, effect: effects.Issue) -> facts.Issued | facts.IssueFailed:
        tokens = self._open(account_id, effect.pair)
        if tokens is None:
            return facts.IssueFailed(version=effect.version)
        pair = states.Pair(
            version=effect.version,
            sealed=seal_tokens(self._vault, tokens, account_id=account_id, version=effect.version),
            granted_at=effect.pair.granted_at,
            access_expires_at=effect.pair.access_expires_at,
            refresh_expires_at=effect.pair.refresh_expires_at,
        )
        return self._issued(account_id, pair, tokens)

    async def _refresh(self, account_id: str, effect: effects.Refresh) -> facts.Outcome:
        tokens, client = self._open(account_id, effect.pair), self._clients.of(effect.app)
        if tokens is None:
            return _unsettled(effect, "the pair cannot be opened", facts.Trouble.MISCONFIGURED)
        if isinstance(client, facts.Trouble):
            return _unsettled(effect, NO_APP, client)
        asked_at = self._clock()
        fact = self._settle(account_id, effect, await client.refresh(tokens.refresh_token), asked_at)
        result = metrics.REFRESH_RESULTS[type(fact)]
        metrics.REFRESHES.labels(result).inc()
        _log.info("refresh_ended", account_id=account_id, version=effect.pair.version, result=result, **_why(fact))
        return fact

    async def _look(self, account_id: str, effect: effects.Look) -> facts.Outcome:
        tokens, client = self._open(account_id, effect.pair), self._clients.of(effect.app)
        version = effect.pair.version
        if tokens is None or isinstance(client, facts.Trouble):
            return facts.ProfileUnseen(version=version)
        match await client.user_info(tokens.access_token, effect.scopes):
            case results.Done(value=person):
                return facts.ProfileSeen(
                    version=version,
                    display_name=person.display_name,
                    username=person.username,
                    avatar_url=person.avatar_url,
                )
            case results.Refused() as refused if retry_advice(refused) is RetryAdvice.TOKEN_REJECTED:
                return facts.Rejected(version=version)
            case results.Refused() | results.NotSent() | results.Unknown():
                return facts.ProfileUnseen(version=version)

    async def _revoke(
        self, account_id: str, effect: effects.Revoke
    ) -> facts.Revoked | facts.RevokeUnsettled | facts.Rejected:
        tokens, client = self._open(account_id, effect.pair), self._clients.of(effect.app)
        if tokens is None:
            return _not_revoked(effect, "the pair cannot be opened", facts.Trouble.MISCONFIGURED)
        if isinstance(client, facts.Trouble):
            return _not_revoked(effect, NO_APP, client)
        fact = _settle_revocation(effect, await client.revoke(tokens.access_token))
        if isinstance(fact, facts.RevokeUnsettled) and fact.trouble is facts.Trouble.MISCONFIGURED:
            # TikTok calls a request malformed too if its token is of no grant any more.
            match await client.user_info(tokens.access_token, ()):
                case results.Refused() as refused if retry_advice(refused) is RetryAdvice.TOKEN_REJECTED:
                    fact = facts.Rejected(version=effect.pair.version)
                case _:
                    pass
        settled = isinstance(fact, facts.Revoked)
        metrics.REVOCATIONS.labels("done" if settled else "unsettled").inc()
        _log.info("revocation_ended", account_id=account_id, settled=settled, **_why(fact))
        return fact

    def _open(self, account_id: str, pair: states.Pair) -> Tokens | None:
        try:
            return open_tokens(self._vault, pair, account_id=account_id)
        except (CannotOpen, GrantUnreadable) as error:
            metrics.UNREADABLE_PAIRS.inc()
            _log.error("pair_unreadable", account_id=account_id, version=pair.version, reason=str(error))
            return None

    def _settle(
        self, account_id: str, effect: effects.Refresh, answer: results.CallResult[TokenResponse], asked_at: UtcDatetime
    ) -> facts.RefreshDone | facts.RefreshRefused | facts.RefreshUnsettled:
        match answer:
            case results.Done(value=grant):
                return self._done(account_id, effect, grant, asked_at)
            case results.Refused(code=code, message=message) if retry_advice(answer) is RetryAdvice.RECONSENT:
                return facts.RefreshRefused(version=effect.pair.version, code=code, message=message)
            case results.Refused() | results.NotSent() | results.Unknown():
                return _unsettled(effect, *_trouble(answer))

    def _done(
        self, account_id: str, effect: effects.Refresh, grant: TokenResponse, asked_at: UtcDatetime
    ) -> facts.RefreshDone:
        tokens, version = tokens_of(grant), effect.pair.version + 1
        sealed = seal_tokens(self._vault, tokens, account_id=account_id, version=version)
        pair = pair_of(grant, sealed=sealed, version=version, asked_at=asked_at)
        return facts.RefreshDone(
            version=effect.pair.version,
            scopes=grant.scopes,
            issued=self._issued(account_id, pair, tokens),
        )

    def _issued(self, account_id: str, pair: states.Pair, tokens: Tokens) -> facts.Issued:
        return facts.Issued(
            pair=pair,
            recipients=self._recipients.fingerprint,
            sealed=self._recipients.seal(tokens.access_token, account_id=account_id, version=pair.version),
        )


def _unsettled(effect: effects.Refresh, reason: str, trouble: facts.Trouble) -> facts.RefreshUnsettled:
    return facts.RefreshUnsettled(version=effect.pair.version, attempt=effect.attempt, reason=reason, trouble=trouble)


def _not_revoked(effect: effects.Revoke, reason: str, trouble: facts.Trouble) -> facts.RevokeUnsettled:
    return facts.RevokeUnsettled(version=effect.pair.version, attempt=effect.attempt, reason=reason, trouble=trouble)


def _settle_revocation(
    effect: effects.Revoke, answer: results.CallResult[None]
) -> facts.Revoked | facts.RevokeUnsettled | facts.Rejected:
    match answer:
        case results.Done():
            return facts.Revoked(version=effect.pair.version)
        case results.Refused() if retry_advice(answer) is RetryAdvice.RECONSENT:
            return facts.Revoked(version=effect.pair.version)
        case results.Refused() if retry_advice(answer) is RetryAdvice.TOKEN_REJECTED:
            # It may have ended alone, and the grant go on.
            return facts.Rejected(version=effect.pair.version)
        case results.Refused() | results.NotSent() | results.Unknown():
            return _not_revoked(effect, *_trouble(answer))


def _trouble(answer: results.Refused | results.NotSent | results.Unknown) -> tuple[str, facts.Trouble]:
    """Say why a call did not settle, for people and for the next attempt's time."""
    match answer:
        case results.Refused(code=code) if retry_advice(answer) is RetryAdvice.RATE_LIMITED:
            return f"TikTok counts too many calls: {code}", facts.Trouble.RATE_LIMITED
        case results.Refused(code=code) if retry_advice(answer) is RetryAdvice.TRANSIENT:
            return f"TikTok cannot do it now: {code}", facts.Trouble.TRANSIENT
        case results.Refused(code=code):
            return f"TikTok refused: {code}", facts.Trouble.MISCONFIGURED
        case results.NotSent():
            return "TikTok could not be reached", facts.Trouble.TRANSIENT
        case results.Unknown():
            return "TikTok's answer was lost", facts.Trouble.TRANSIENT


def _why(fact: facts.RefreshEnd | facts.Revoked | facts.RevokeUnsettled | facts.Rejected) -> dict[str, str]:
    match fact:
        case facts.RefreshDone() | facts.Revoked():
            return {}
        case facts.RefreshRefused(code=code):
            return {"reason": code}
        case facts.RefreshUnsettled(reason=reason) | facts.RevokeUnsettled(reason=reason):
            return {"reason": reason}
        case facts.Rejected():
            return {"reason": "TikTok does not take the access token"}
