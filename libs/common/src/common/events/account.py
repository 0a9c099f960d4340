"""Events about accounts, the commands auth obeys, and the views it keeps for the others."""

import base64
import hashlib
from typing import ClassVar

from common.events.body import Body, Time
from common.events.topics import ACCOUNT_EVENTS, AUTH_ACCOUNTS, AUTH_COMMANDS, AUTH_CREDENTIALS, Topic


def account_id_of(client_key: str, open_id: str) -> str:
    """Derive an account's id from TikTok's app and user, so that reconnecting finds the same account."""
    digest = hashlib.sha256(f"{client_key}\0{open_id}".encode()).digest()
    return "acc_" + base64.b32encode(digest[:15]).decode().lower()


class AccountConnected(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A person connected a TikTok account for a tenant."""

    ce_type: ClassVar[str] = "account.connected"
    topic: ClassVar[Topic] = ACCOUNT_EVENTS

    tenant: str
    open_id: str
    scopes: tuple[str, ...]
    display_name: str = ""
    at: Time


class AccountAtRisk(Body, frozen=True, kw_only=True, omit_defaults=True):
    """Refreshing keeps failing; posting goes on until `access_expires_at`."""

    ce_type: ClassVar[str] = "account.at_risk"
    topic: ClassVar[Topic] = ACCOUNT_EVENTS

    tenant: str
    reason: str
    access_expires_at: Time
    at: Time


class AccountReauthorizationRequired(Body, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok refuses the refresh token: the person has to connect again."""

    ce_type: ClassVar[str] = "account.reauthorization_required"
    topic: ClassVar[Topic] = ACCOUNT_EVENTS

    tenant: str
    code: str
    message: str
    at: Time


class ConnectRequested(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A person consented; `sealed_grant` holds the token pair, readable by auth alone."""

    ce_type: ClassVar[str] = "auth.connect_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    tenant: str
    open_id: str
    scopes: tuple[str, ...]
    display_name: str = ""
    sealed_grant: str
    granted_at: Time
    access_expires_at: Time
    refresh_expires_at: Time


class TokenRejected(Body, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok refused the access token of this version to a service."""

    ce_type: ClassVar[str] = "auth.token_rejected"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    version: int
    code: str
    service: str
    at: Time


class GrantSalvaged(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A worker that lost its partition passes on the pair TikTok gave it for `version`."""

    ce_type: ClassVar[str] = "auth.grant_salvaged"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    version: int
    sealed_grant: str
    scopes: tuple[str, ...]
    granted_at: Time
    access_expires_at: Time
    refresh_expires_at: Time


class CredentialIssued(Body, frozen=True, kw_only=True, omit_defaults=True):
    """View: an account's access token, sealed to each service's public key. Versions never restart."""

    ce_type: ClassVar[str] = "credential.issued"
    topic: ClassVar[Topic] = AUTH_CREDENTIALS

    version: int
    scopes: tuple[str, ...]
    expires_at: Time
    sealed: dict[str, str]


class CredentialWithdrawn(Body, frozen=True, kw_only=True, omit_defaults=True):
    """View: the account has no usable access token."""

    ce_type: ClassVar[str] = "credential.withdrawn"
    topic: ClassVar[Topic] = AUTH_CREDENTIALS

    version: int
    reason: str


class AccountDescribed(Body, frozen=True, kw_only=True, omit_defaults=True):
    """View: which tenant and which TikTok user an account is."""

    ce_type: ClassVar[str] = "account.described"
    topic: ClassVar[Topic] = AUTH_ACCOUNTS

    tenant: str
    open_id: str
    display_name: str = ""
