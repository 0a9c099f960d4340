"""One TikTok client for every account, whichever app it was connected through."""

from auth_service.account import AppOf
from auth_service.effects import Client


class SingleClient:
    """Every account is of one app."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def of(self, app: AppOf) -> Client:
        return self._client
