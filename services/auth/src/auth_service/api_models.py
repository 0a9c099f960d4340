"""What product backends send to auth's API, and what it answers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from common.contract.account import Risk

DEFAULT_SCOPES = ("user.info.basic", "video.publish", "video.upload", "video.list")

ScopeName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z.]+$")]


class ConnectRequest(BaseModel):
    """What to ask the person for, and where to send them in the end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scopes: Annotated[tuple[ScopeName, ...], Field(min_length=1, max_length=16)] = DEFAULT_SCOPES
    return_to: str = Field(
        default="",
        max_length=2_048,
        description="Your own page that the person goes on to: one of the tenant's `return_urls`, letter by letter.",
    )


class ConnectAnswer(BaseModel):
    """Where to send the person's browser; good for an hour."""

    authorization_url: str


class AccountStatus(StrEnum):
    """How an account is."""

    CONNECTED = "connected"
    CONNECTING = "connecting"
    EXPIRED = "access_expired"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"
    DISCONNECTING = "disconnecting"


class AccountAnswer(BaseModel):
    """An account as its tenant may see it. `version` counts its credentials; `risk` is what threatens them."""

    account_id: str
    tenant: str
    open_id: str
    display_name: str
    username: str
    avatar_url: str
    status: AccountStatus
    risk: Risk | None = None
    scopes: tuple[str, ...] = ()
    connected_at: datetime | None = None
    version: int | None = None
    access_expires_at: datetime | None = None
    reason: str | None = None


class AccountsAnswer(BaseModel):
    """A tenant's accounts, by id. Where more follow, `next` is not null: ask again with it as `after`."""

    accounts: list[AccountAnswer]
    next: str | None


class DisconnectAnswer(BaseModel):
    """`disconnected`: forgotten, and that is durable. `disconnecting`: the wish is durable, and not fulfilled yet."""

    account_id: str
    status: str
