"""A fake of TikTok's token endpoint. It remembers every pair, whether it was used, and which calls failed."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from harness.simulated_processes import SimulatedProcess
from tiktok.models import TokenResponse, UserInfo
from tiktok.results import CallResult, Done, NotSent, Refused, Unknown

ACCESS_SECONDS = 60
REFRESH_SECONDS = 180 * 86_400
CONNECT_SECONDS = 10.0
"""The client gives up a connection after this time, so that a paused process does not send an old request."""


class Rotation(StrEnum):
    """When a refresh token ends: when its successor is made, or when the successor is first used."""

    STRICT = "strict"
    UNTIL_USED = "until_used"


@dataclass(slots=True)
class Issued:
    """One pair that TikTok made: the `serial`-th of its account."""

    account_id: str
    serial: int
    expires_at: float
    used: bool = False

    @property
    def access_token(self) -> str:
        return f"act.{self.account_id}.{self.serial}"

    @property
    def refresh_token(self) -> str:
        return f"rft.{self.account_id}.{self.serial}"


@dataclass(slots=True)
class FailureRates:
    """Rates of failed calls, each as a share of all calls."""

    unsent: float = 0.01
    lost_before: float = 0.01
    lost_after: float = 0.01
    counted: float = 0.005
    broken: float = 0.005

    def stop(self) -> None:
        """End all failures."""
        self.unsent = self.lost_before = self.lost_after = self.counted = self.broken = 0.0


@dataclass(slots=True)
class TokenEndpoint:
    """TikTok's state, which every client shares.

    `issued` is the newest pair of each account, `committed` the serial of its newest pair in our log, `ends` when each
    access token is over.
    """

    rotation: Rotation
    random: Random
    failure_rates: FailureRates
    issued: dict[str, Issued] = field(default_factory=dict)
    committed: dict[str, int] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def consent(self, account_id: str) -> Issued:
        """Make an account's first pair."""
        return self._make(account_id, 1)

    def use(self, access_token: str) -> bool:
        """Use an access token as a service would; return whether it was valid."""
        _, account_id, serial = access_token.split(".")
        newest = self.issued[account_id]
        if newest.serial == int(serial):
            newest.used = True
        return self._now() < self.ends[access_token]

    def refresh(self, refresh_token: str) -> Issued | None:
        """Refresh; None if TikTok refuses."""
        _, account_id, text = refresh_token.split(".")
        newest, serial = self.issued[account_id], int(text)
        if serial == newest.serial:
            newest.used = True
            self.seen["rotated"] += 1
            return self._make(account_id, serial + 1)
        if serial == newest.serial - 1 and self.rotation is Rotation.UNTIL_USED and not newest.used:
            self.seen["repeated"] += 1
            return newest
        self.seen["refused"] += 1
        return None

    def note_reuse(self, refresh_token: str) -> None:
        """Count a refresh with an outdated token: the pair that followed it is already in the log."""
        _, account_id, serial = refresh_token.split(".")
        self.seen["reused"] += self.committed.get(account_id, 1) > int(serial)

    def _make(self, account_id: str, serial: int) -> Issued:
        made = Issued(account_id, serial, self._now() + ACCESS_SECONDS)
        self.issued[account_id] = made
        self.ends[made.access_token] = made.expires_at
        return made

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class TokenEndpointClient:
    """One process's client. A call takes time, may end at every point, and may lose its answer."""

    def __init__(self, endpoint: TokenEndpoint, process: SimulatedProcess) -> None:
        self._endpoint = endpoint
        self._process = process

    async def refresh(self, refresh_token: str) -> CallResult[TokenResponse]:
        """Exchange a refresh token."""
        loop, trouble = asyncio.get_running_loop(), self._endpoint.failure_rates
        seen, dice = self._endpoint.seen, self._endpoint.random.random()
        asked_at = loop.time()
        self._endpoint.note_reuse(refresh_token)
        await self._process.step("connect to TikTok")
        seen["asked"] += 1
        if loop.time() - asked_at > CONNECT_SECONDS:
            seen["connected too late"] += 1
            return NotSent("ConnectTimeout")
        for share, name, answer in self._before(trouble):
            if dice < share:
                seen[name] += 1
                return answer
            dice -= share
        made = self._endpoint.refresh(refresh_token)
        lost = dice < trouble.lost_after
        await self._process.step("receive TikTok's answer")
        if lost:
            seen["lost after"] += 1
            return Unknown("ReadError")
        if made is None:
            return Refused(status=400, code="invalid_grant", message="Refresh token is invalid or expired.", log_id="")
        return Done(
            TokenResponse(
                open_id=f"-{made.account_id}",
                scopes=("video.publish",),
                access_token=made.access_token,
                refresh_token=made.refresh_token,
                expires_in=max(int(made.expires_at - loop.time()), 0),
                refresh_expires_in=REFRESH_SECONDS,
            )
        )

    @staticmethod
    def _before(trouble: FailureRates) -> Sequence[tuple[float, str, CallResult[TokenResponse]]]:
        """The failures before TikTok acts, each with its rate and name."""
        return (
            (trouble.unsent, "not sent", NotSent("ConnectError")),
            (trouble.lost_before, "lost before", Unknown("ReadTimeout")),
            (trouble.counted, "429", Refused(status=429, code="rate_limit_exceeded", message="", log_id="")),
            (trouble.broken, "5xx", Unknown("HTTP 503")),
        )

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]:
        """Never called: the scope for the name was not granted."""
        raise NotImplementedError

    async def revoke(self, access_token: str) -> CallResult[None]:
        """Never called: no account is disconnected here."""
        raise NotImplementedError
