"""Numbers of waiting webhooks."""

from tiktok_sandbox.model.pending_webhooks import PendingWebhook, PendingWebhooks

NOTICE = PendingWebhook(due_at=100.9, client_key="k", event="an.event", open_id="-000", content={"reason": 1})


def test_new_numbers_follow_the_restored_ones() -> None:
    notices = PendingWebhooks()
    notices.put("7", NOTICE)
    notices.schedule(NOTICE)

    assert list(notices.rows) == ["7", "8"]
    assert notices.next_due() == NOTICE.due_at
    assert notices.pop_due(101) == [NOTICE, NOTICE]
    assert (notices.rows, notices.next_due()) == ({}, None)
