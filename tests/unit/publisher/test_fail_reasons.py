"""The one table of TikTok's reasons: complete, and final wherever trying again cannot help."""

import pytest

from publisher_service.fail_reasons import FAIL_REASONS, lookup, unresolved_message

DOCUMENTED = {
    "file_format_check_failed": False,
    "duration_check_failed": False,
    "frame_rate_check_failed": False,
    "picture_size_check_failed": False,
    "internal": True,
    "video_pull_failed": True,
    "photo_pull_failed": True,
    "publish_cancelled": False,
    "auth_removed": False,
    "spam_risk_too_many_posts": True,
    "spam_risk_user_banned_from_posting": False,
    "spam_risk_text": False,
    "spam_risk": False,
}


def test_table_holds_the_documented_reasons_only() -> None:
    assert {reason: entry.retryable for reason, entry in FAIL_REASONS.items()} == DOCUMENTED


@pytest.mark.parametrize("reason", ["", "INTERNAL", "spam_risk_too_many", "brand_new_reason"])
def test_undocumented_reason_is_final(reason: str) -> None:
    assert not lookup(reason).retryable


@pytest.mark.parametrize("message", [*(entry.message for entry in FAIL_REASONS.values()), lookup("new").message])
def test_every_message_is_a_sentence(message: str) -> None:
    assert message.endswith(".")
    assert "_" not in message
    assert len(message) > 30


def test_unresolved_message_depends_on_refusal() -> None:
    assert unresolved_message(refused=True) != unresolved_message(refused=False)
