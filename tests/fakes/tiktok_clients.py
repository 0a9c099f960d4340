"""One TikTok client for every account, whichever app it was connected through."""

from auth_service import effects
from auth_service.effect_handler import Client


class SingleClient:
    """Every account is of one app."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def of(self, app: effects.AppRef) -> Client:
        return self._client
