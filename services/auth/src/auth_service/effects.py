"""Carries out what an account wants: seals its pair to the services, or has TikTok refresh it."""

from collections.abc import Callable
from typing import Protocol

import structlog

from auth_service import metrics
from auth_service.account import (
    Effect,
    Issue,
    Issued,
    IssueFailed,
    Outcome,
    Pair,
    Refresh,
    RefreshDone,
    RefreshRefused,
    RefreshUnsettled,
)
from auth_service.errors import GrantUnreadable
from auth_service.grants import Recipients, Tokens, open_tokens, pair_of, seal_tokens, tokens_of
from common.instants import Instant
from common.sealing import CannotOpen, Vault
from common.streams.machine import Key, Views
from tiktok import outcomes
from tiktok.errors import Remedy, remedy_of
from tiktok.models import Grant

_log = structlog.get_logger()


class Refresher(Protocol):
    """What TikTok does for a refresh."""

    async def refresh(self, refresh_token: str) -> outcomes.Outcome[Grant]:
        """Exchange a refresh token for a new pair; the old one is dead afterwards."""


class AuthEffects:
    """Every outcome carries sealed strings only, so that what follows needs no key."""

    def __init__(
        self, *, vault: Vault, recipients: Recipients, tiktok: Refresher, clock: Callable[[], Instant]
    ) -> None:
        """Take what opens pairs, whom tokens are sealed to, and who refreshes."""
        self._vault = vault
        self._recipients = recipients
        self._tiktok = tiktok
        self._clock = clock

    async def perform(self, key: Key, effect: Effect, views: Views) -> Outcome:
        """Do it and say what came of it."""
        del views
        match effect:
            case Issue():
                return self._issue(key.lane, effect)
            case Refresh():
                return await self._refresh(key.lane, effect)

    def _issue(self, account_id: str, effect: Issue) -> Issued | IssueFailed:
        try:
            tokens = open_tokens(self._vault, effect.pair, account_id=account_id)
        except (CannotOpen, GrantUnreadable) as error:
            metrics.UNREADABLE_PAIRS.inc()
            _log.error("pair_unreadable", account_id=account_id, version=effect.pair.version, reason=str(error))
            return IssueFailed(version=effect.version)
        pair = Pair(
            version=effect.version,
            sealed=seal_tokens(self._vault, tokens, account_id=account_id, version=effect.version),
            granted_at=effect.pair.granted_at,
            access_expires_at=effect.pair.access_expires_at,
            refresh_expires_at=effect.pair.refresh_expires_at,
        )
        return self._issued(account_id, pair, tokens)

    async def _refresh(self, account_id: str, effect: Refresh) -> Outcome:
        try:
            tokens = open_tokens(self._vault, effect.pair, account_id=account_id)
        except (CannotOpen, GrantUnreadable) as error:
            metrics.UNREADABLE_PAIRS.inc()
            _log.error("pair_unreadable", account_id=account_id, version=effect.pair.version, reason=str(error))
            return _unsettled(effect, "the pair cannot be opened")
        fact = self._settle(account_id, effect, await self._tiktok.refresh(tokens.refresh_token))
        result = metrics.REFRESH_RESULTS[type(fact)]
        metrics.REFRESHES.labels(result).inc()
        _log.info("refresh_ended", account_id=account_id, version=effect.pair.version, result=result, **_why(fact))
        return fact

    def _settle(
        self, account_id: str, effect: Refresh, answer: outcomes.Outcome[Grant]
    ) -> RefreshDone | RefreshRefused | RefreshUnsettled:
        match answer:
            case outcomes.Done(value=grant):
                return self._done(account_id, effect, grant)
            case outcomes.Refused(code=code, message=message) if remedy_of(answer) is Remedy.RECONSENT:
                return RefreshRefused(version=effect.pair.version, code=code, message=message)
            case outcomes.Refused(code=code):
                return _unsettled(effect, f"TikTok refused to refresh: {code}")
            case outcomes.NotSent():
                return _unsettled(effect, "TikTok could not be reached")
            case outcomes.Unknown():
                return _unsettled(effect, "TikTok's answer to the refresh was lost")

    def _done(self, account_id: str, effect: Refresh, grant: Grant) -> RefreshDone:
        tokens, version = tokens_of(grant), effect.pair.version + 1
        sealed = seal_tokens(self._vault, tokens, account_id=account_id, version=version)
        pair = pair_of(grant, sealed=sealed, version=version, now=self._clock())
        return RefreshDone(
            version=effect.pair.version,
            scopes=grant.scopes,
            issued=self._issued(account_id, pair, tokens),
        )

    def _issued(self, account_id: str, pair: Pair, tokens: Tokens) -> Issued:
        return Issued(
            pair=pair,
            recipients=self._recipients.fingerprint,
            sealed=self._recipients.seal(tokens.access_token, account_id=account_id, version=pair.version),
        )


def _unsettled(effect: Refresh, reason: str) -> RefreshUnsettled:
    return RefreshUnsettled(version=effect.pair.version, attempt=effect.attempt, reason=reason)


def _why(fact: RefreshDone | RefreshRefused | RefreshUnsettled) -> dict[str, str]:
    match fact:
        case RefreshDone():
            return {}
        case RefreshRefused(code=code):
            return {"reason": code}
        case RefreshUnsettled(reason=reason):
            return {"reason": reason}
