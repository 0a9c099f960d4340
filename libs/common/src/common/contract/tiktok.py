"""What TikTok told our webhook, once its signature was checked."""

from typing import ClassVar, TypeAlias

import msgspec

from common.contract.body import AccountBody, Time
from common.contract.topics import TIKTOK_WEBHOOKS, Topic

Scalar: TypeAlias = str | int | float | bool | None


class TikTokNotified(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok told us `event` about a person of ours. It may be told more than once, and in any order.

    `event` is TikTok's word, of tomorrow too. `content` is what came with it, one level deep: ids are strings, and a
    list or an object is its JSON text. `occurred_at` is TikTok's time, to the second.
    """

    ce_type: ClassVar[str] = "tiktok.notified"
    topic: ClassVar[Topic] = TIKTOK_WEBHOOKS

    client_key: str
    open_id: str
    event: str
    content: dict[str, Scalar] = msgspec.field(default_factory=dict)
    occurred_at: Time
    received_at: Time
