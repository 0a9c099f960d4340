"""Notifications that TikTok sent to our webhook, with a valid signature."""

from typing import ClassVar, TypeAlias

import msgspec

from common.contract.body import AccountBody, Time
from common.contract.topics import TIKTOK_WEBHOOKS, Topic

Scalar: TypeAlias = str | int | float | bool | None


class TikTokNotified(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok's webhook reported `event` about a connected account. It may come twice and in any order.

    `event` is TikTok's name, also one that is new to us. `content` is the webhook's content, one level deep: ids are
    strings, a list or an object is its JSON text. `occurred_at` is TikTok's time, to the second.
    """

    ce_type: ClassVar[str] = "tiktok.notified"
    topic: ClassVar[Topic] = TIKTOK_WEBHOOKS

    client_key: str
    open_id: str
    event: str
    content: dict[str, Scalar] = msgspec.field(default_factory=dict)
    # Both times are kept: a notification may arrive long after the event.
    occurred_at: Time
    received_at: Time
