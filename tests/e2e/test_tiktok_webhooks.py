"""Webhooks signed by TikTok reach the topic; others are refused."""

import msgspec

from harness.product import Product
from harness.topic_tail import Event, TopicTail

EVENT_WITHIN = 60.0


async def test_removal_at_tiktok_reaches_the_webhook_topic(product: Product) -> None:
    account = await product.connect("leaver")
    envelope = {
        "client_key": "sbawpostbusdemo00",
        "event": "not.from.tiktok",
        "create_time": 1_795_000_000,
        "user_openid": account.open_id,
        "content": "{}",
    }
    refused = await product.send_webhook(msgspec.json.encode(envelope), signature=f"t=1795000000,s={'0' * 64}")
    assert refused.status_code == 401
    await product.tiktok.disconnect(account.open_id)

    def of_the_account(event: Event) -> bool:
        return bool(event.body["account_id"] == account.account_id)

    async with TopicTail(product.stack.bootstrap_servers, "tiktok.webhooks", of_the_account) as topic:
        notified = await topic.until_type("tiktok.notified", within=EVENT_WITHIN)
        await topic.to_the_end(within=EVENT_WITHIN)
    assert {event.body["event"] for event in topic.seen} == {"authorization.removed"}
    assert notified.body["open_id"] == account.open_id
    assert notified.body["content"] == {"reason": 1}
    assert notified.headers["ce_subject"] == account.account_id
