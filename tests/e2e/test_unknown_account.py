"""A request for an account that nobody connected waits a minute for it, says so, and ends."""

from harness.product import Product, Request

MINUTE_AND_MARGIN = 100.0


async def test_an_account_that_nobody_connected_ends_the_post(product: Product, asked_for_nobody: Request) -> None:
    async with product.events_of(asked_for_nobody) as events:
        failed = await events.until_type("post.failed", within=MINUTE_AND_MARGIN)
    assert events.types() == ["post.accepted", "post.delayed", "post.failed"]
    assert events.seen[1].body["reason"] == "account_unknown_yet"
    assert events.seen[1].body["message"] == "account_id: acc_of_nobody is not known yet"
    assert failed.body["reason"] == "unknown_account"
    assert failed.body["message"] == "account_id: no account acc_of_nobody is connected"
