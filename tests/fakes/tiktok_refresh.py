"""Fakes of TikTok's token refresh."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from builders.consents import LIFE, tokens_of
from tiktok.models import TokenResponse, UserInfo
from tiktok.results import CallResult, Done, Refused, Unknown

ACCESS_SECONDS = 600


class RotatingTikTok:
    """Rotates the pair with each refresh. Answers by number in `lost` are lost; all of them take `seconds`.

    Profile calls always fail, after `profile_seconds`.
    """

    def __init__(self, *, lost: Sequence[int] = (), seconds: float = 0.1, profile_seconds: float = 0.1) -> None:
        self.alive = 1
        self.calls = 0
        self.revoked: list[str] = []
        self.called = asyncio.Event()
        self._lost = lost
        self._seconds = seconds
        self._look_seconds = profile_seconds
        self.profile_calls = 0

    async def refresh(self, refresh_token: str) -> CallResult[TokenResponse]:
        self.calls += 1
        self.called.set()
        call = self.calls
        await asyncio.sleep(self._seconds)
        if refresh_token != f"rft.{self.alive}":
            return Refused(status=400, code="invalid_grant", message="Refresh token is invalid or expired.", log_id="")
        self.alive += 1
        if call in self._lost:
            return Unknown("ReadTimeout")
        return Done(
            TokenResponse(
                open_id="-000open",
                scopes=(),
                access_token=f"act.{self.alive}",
                refresh_token=f"rft.{self.alive}",
                expires_in=ACCESS_SECONDS,
                refresh_expires_in=86_400,
            )
        )

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]:
        self.profile_calls += 1
        await asyncio.sleep(self._look_seconds)
        return Unknown("HTTP 503")

    async def revoke(self, access_token: str) -> CallResult[None]:
        self.revoked.append(access_token)
        return Done(None)


class OneUseRefreshTikTok:
    """A TikTok that accepts each refresh token once. New tokens are valid for `life`."""

    def __init__(self, *, life: timedelta = LIFE, seconds: float = 0.1) -> None:
        self.life = life
        self.seconds = seconds
        self.used: list[str] = []
        self.called = asyncio.Event()

    async def refresh(self, refresh_token: str) -> CallResult[TokenResponse]:
        assert refresh_token not in self.used
        self.used.append(refresh_token)
        self.called.set()
        await asyncio.sleep(self.seconds)
        _, account_id, generation = refresh_token.split(".")
        tokens = tokens_of(account_id, int(generation) + 1)
        return Done(
            TokenResponse(
                open_id=account_id,
                scopes=("video.publish",),
                access_token=tokens.access_token,
                refresh_token=tokens.refresh_token,
                expires_in=int(self.life.total_seconds()),
                refresh_expires_in=86_400,
            )
        )

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]:
        return Unknown("HTTP 503")

    async def revoke(self, access_token: str) -> CallResult[None]:
        return Done(None)
