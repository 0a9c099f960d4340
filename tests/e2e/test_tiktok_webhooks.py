"""What TikTok tells the app's webhook reaches the topic, and nobody else's word does."""

import msgspec

from harness.product import Product
from harness.topic_tail import Event, TopicTail

TOLD_WITHIN = 60.0


async def test_a_person_who_leaves_at_tiktok_is_told_on_the_topic(product: Product) -> None:
    account = await product.connect("leaver")
    envelope = {
        "client_key": "sbawpostbusdemo00",
        "event": "of.somebody.else",
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
        told = await topic.until_type("tiktok.notified", within=TOLD_WITHIN)
        await topic.to_the_end(within=TOLD_WITHIN)
    assert {event.body["event"] for event in topic.seen} == {"authorization.removed"}
    assert told.body["open_id"] == account.open_id
    assert told.body["content"] == {"reason": 1}
    assert told.headers["ce_subject"] == account.account_id
