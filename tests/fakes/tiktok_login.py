"""Fakes of TikTok's login: the exchange of a code and the user's profile."""

from typing import Protocol

from tiktok.client import TikTok
from tiktok.models import TokenResponse, UserInfo
from tiktok.results import CallResult, Done, Unknown


class FixedExchange:
    """A TikTok that always gives one answer to an exchange."""

    def __init__(self, answer: CallResult[TokenResponse]) -> None:
        self.answer = answer

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> CallResult[TokenResponse]:
        return self.answer

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]:
        return Unknown("HTTP 503")


class LoginClient(Protocol):
    """What TikTok does for a person who came back."""

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> CallResult[TokenResponse]: ...

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]: ...


class ProfileUnavailable:
    """TikTok while its user info is down."""

    def __init__(self, tiktok: TikTok) -> None:
        self.exchange_code = tiktok.exchange_code

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> CallResult[UserInfo]:
        return Unknown("HTTP 503")


class AlwaysGranting(TikTok):
    """TikTok, where every code is good for a grant of the same person; unless it is down."""

    down = False
    person = ""

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> CallResult[TokenResponse]:
        if self.down:
            return Unknown("HTTP 503")
        return Done(
            TokenResponse(
                open_id=self.person,
                scopes=("video.publish",),
                access_token="a",
                refresh_token="r",
                expires_in=86_400,
                refresh_expires_in=86_400_000,
            )
        )
