"""A request for an account that is not connected waits a minute for it, reports the delay, and fails."""

from harness.product import Product, Request

MINUTE_AND_MARGIN = 100.0


async def test_post_for_an_unknown_account_fails_after_a_minute(
    product: Product, request_for_unknown_account: Request
) -> None:
    async with product.events_of(request_for_unknown_account) as events:
        failed = await events.until_type("post.failed", within=MINUTE_AND_MARGIN)
    assert events.types() == ["post.accepted", "post.delayed", "post.failed"]
    assert events.seen[1].body["reason"] == "account_unknown_yet"
    assert (
        events.seen[1].body["message"]
        == "account_id: No account acc_unknown is connected yet. Connect it before `until`."
    )
    assert failed.body["reason"] == "unknown_account"
    assert (
        failed.body["message"]
        == "account_id: No account acc_unknown is connected. Connect it, then use another post_id."
    )
