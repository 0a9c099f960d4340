"""The audit log: who did what, and to what."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from common.contract.body import Body, Time
from common.contract.topics import AUDIT_EVENTS, Topic


class Action(StrEnum):
    """The action."""

    TENANT_CREATED = "tenant.created"
    TENANT_CHANGED = "tenant.changed"
    APP_SET = "app.set"
    APP_REMOVED = "app.removed"
    KEY_ISSUED = "key.issued"
    KEY_REVOKED = "key.revoked"
    ACCOUNT_CONNECTED = "account.connected"
    ACCOUNT_CONNECT_REFUSED = "account.connect_refused"
    ACCOUNT_DISCONNECTED = "account.disconnected"


class AuditRecorded(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An action on `target`: an account, a tenant, an API key or an app.

    `by` is `operator` (the admin API), `key:<key id>`, `tiktok`, or empty if the caller is unknown. `about` is the
    account or tenant that keys the record: records about it keep their order.
    """

    ce_type: ClassVar[str] = "audit.recorded"
    topic: ClassVar[Topic] = AUDIT_EVENTS
    # Not by `target`: an API key and its tenant would land on different partitions.
    keyed_by: ClassVar[str] = "about"

    about: str
    tenant: str
    action: Action
    target: str
    by: str
    at: Time
    details: dict[str, str] = msgspec.field(default_factory=dict)
