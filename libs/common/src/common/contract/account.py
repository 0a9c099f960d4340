"""Events about accounts, the commands to auth, and the views that auth publishes."""

import base64
import hashlib
from enum import StrEnum
from typing import ClassVar

from common.contract.body import AccountBody, Time
from common.contract.topics import ACCOUNT_EVENTS, AUTH_ACCOUNTS, AUTH_COMMANDS, AUTH_CREDENTIALS, Topic


def account_id_of(client_key: str, open_id: str) -> str:
    """Derive an account's id from TikTok's app and user, so that connecting again finds the same account."""
    # Without a separator, different pairs could join to the same text.
    digest = hashlib.sha256(f"{client_key}\0{open_id}".encode()).digest()
    # 15 bytes are exactly 24 characters of base32, so there is no padding.
    return "acc_" + base64.b32encode(digest[:15]).decode().lower()


class Risk(StrEnum):
    """What puts an account's connection at risk."""

    REFRESH_FAILING = "refresh_failing"
    REFRESH_REFUSED = "refresh_refused"
    REFRESH_TOKEN_ENDING = "refresh_token_ending"  # noqa: S105 -- a risk's name, not a secret


class DisconnectCause(StrEnum):
    """Why an account is no longer connected."""

    REQUESTED = "requested"
    REMOVED_AT_TIKTOK = "removed_at_tiktok"


class AccountConnected(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """A person connected a TikTok account for a tenant."""

    ce_type: ClassVar[str] = "account.connected"
    topic: ClassVar[Topic] = ACCOUNT_EVENTS

    tenant: str
    open_id: str
    scopes: tuple[str, ...]
    display_name: str = ""
    username: str = ""
    avatar_url: str = ""
    at: Time


class AccountConnectRefused(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """A person consented for `tenant`, but the account belongs to another tenant and stays there."""

    ce_type: ClassVar[str] = "account.connect_refused"
    topic: ClassVar[Topic] = ACCOUNT_EVENTS

    tenant: str
    code: str
    at: Time


class AccountDisconnected(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """The account's tokens and profile are deleted. `revoked`: TikTok confirmed that the grant is gone, too."""

    ce_type: ClassVar[str] = "account.disconnected"
    topic: ClassVar[Topic] = ACCOUNT_EVENTS

    tenant: str
    cause: DisconnectCause
    revoked: bool
    at: Time


class AccountAtRisk(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """The connection may end unless the person consents again. Posting works until `access_expires_at`.

    `risk` is the cause for programs, `reason` for people.
    """

    ce_type: ClassVar[str] = "account.at_risk"
    topic: ClassVar[Topic] = ACCOUNT_EVENTS

    tenant: str
    reason: str
    risk: Risk = Risk.REFRESH_FAILING
    access_expires_at: Time
    refresh_expires_at: Time | None = None
    at: Time


class AccountReauthorizationRequired(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok refused the refresh token. The person has to connect the account again."""

    ce_type: ClassVar[str] = "account.reauthorization_required"
    topic: ClassVar[Topic] = ACCOUNT_EVENTS

    tenant: str
    code: str
    message: str
    at: Time


class ConnectRequested(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """A person consented. `sealed_tokens` is the token pair, which only auth can open. `by` asked for the consent.

    `client_key` names the tenant's own TikTok app that the person consented to; null is the installation's app.
    """

    ce_type: ClassVar[str] = "auth.connect_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    tenant: str
    open_id: str
    client_key: str | None = None
    by: str = ""
    scopes: tuple[str, ...]
    display_name: str = ""
    username: str = ""
    avatar_url: str = ""
    # Sealed, because Kafka keeps the record for days after auth has used it.
    sealed_tokens: str
    granted_at: Time
    access_expires_at: Time
    refresh_expires_at: Time


class DisconnectRequested(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """Disconnect the account, at its tenant's request."""

    ce_type: ClassVar[str] = "auth.disconnect_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    tenant: str
    by: str
    at: Time


class TokenPairResealed(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """A token pair, sealed under another key. It replaces the sealed text whose SHA-256 (hex) is `replaces`."""

    ce_type: ClassVar[str] = "auth.token_pair_resealed"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    replaces: str
    sealed: str


class TokenRejected(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok refused the access token of this version to a service."""

    ce_type: ClassVar[str] = "auth.token_rejected"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    version: int
    code: str
    service: str
    at: Time


class TokenPairHandedOff(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """The token pair that TikTok issued for `version` to a worker that has lost its partition since.

    The old pair is dead already, so the partition's next owner needs this one.
    """

    ce_type: ClassVar[str] = "auth.token_pair_handed_off"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    version: int
    sealed_tokens: str
    scopes: tuple[str, ...]
    granted_at: Time
    access_expires_at: Time
    refresh_expires_at: Time


class CredentialIssued(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """View: an account's access token, sealed to each service's public key. Versions never restart.

    `tenant` is the one that the person consented for. Only its posts may use the token.
    """

    ce_type: ClassVar[str] = "credential.issued"
    topic: ClassVar[Topic] = AUTH_CREDENTIALS

    tenant: str = ""
    version: int
    scopes: tuple[str, ...]
    expires_at: Time
    # By service: a service that is broken into opens no copy but its own.
    sealed: dict[str, str]

    def serves(self, tenant: str) -> bool:
        """Whether the token may be used for this tenant. Credentials of older releases name no tenant."""
        # An empty tenant is a credential without one; refusing it would stop posts of those accounts.
        return self.tenant in {"", tenant}


class CredentialWithdrawn(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """View: the account has no usable access token."""

    ce_type: ClassVar[str] = "credential.withdrawn"
    topic: ClassVar[Topic] = AUTH_CREDENTIALS

    version: int
    reason: str


class AccountDescribed(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """View: the tenant and the TikTok user of an account. `client_key` as in `auth.connect_requested`."""

    ce_type: ClassVar[str] = "account.described"
    topic: ClassVar[Topic] = AUTH_ACCOUNTS

    tenant: str
    open_id: str
    client_key: str | None = None
    display_name: str = ""
    username: str = ""
    avatar_url: str = ""
    scopes: tuple[str, ...] = ()
    consented_at: Time | None = None
    risk: Risk | None = None


class AccountForgotten(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """View: the account is disconnected, and its data is deleted."""

    ce_type: ClassVar[str] = "account.forgotten"
    topic: ClassVar[Topic] = AUTH_ACCOUNTS
