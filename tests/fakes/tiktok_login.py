"""Fakes of TikTok's login: the exchange of a code and the user's profile."""

from typing import Protocol

from tiktok.client import TikTok
from tiktok.models import Grant, UserInfo
from tiktok.outcomes import Done, Outcome, Unknown


class FixedExchange:
    """A TikTok that always gives one answer to an exchange."""

    def __init__(self, answer: Outcome[Grant]) -> None:
        self.answer = answer

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> Outcome[Grant]:
        return self.answer

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> Outcome[UserInfo]:
        return Unknown("HTTP 503")


class LoginClient(Protocol):
    """What TikTok does for a person who came back."""

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> Outcome[Grant]: ...

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> Outcome[UserInfo]: ...


class ProfileUnavailable:
    """TikTok while its user info is down."""

    def __init__(self, tiktok: TikTok) -> None:
        self.exchange_code = tiktok.exchange_code

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> Outcome[UserInfo]:
        return Unknown("HTTP 503")


class AlwaysGranting(TikTok):
    """TikTok, where every code is good for a grant of the same person; unless it is down."""

    down = False
    person = ""

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> Outcome[Grant]:
        if self.down:
            return Unknown("HTTP 503")
        return Done(
            Grant(
                open_id=self.person,
                scopes=("video.publish",),
                access_token="a",
                refresh_token="r",
                expires_in=86_400,
                refresh_expires_in=86_400_000,
            )
        )
