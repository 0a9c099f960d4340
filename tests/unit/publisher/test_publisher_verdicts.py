"""The one table of TikTok's reasons: complete, and final wherever trying again cannot help."""

import pytest

from publisher_service.fail_reasons import RULINGS, no_verdict, ruling

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


def test_the_table_holds_what_is_documented_and_nothing_else() -> None:
    assert {reason: entry.again for reason, entry in RULINGS.items()} == DOCUMENTED


@pytest.mark.parametrize("reason", ["", "INTERNAL", "spam_risk_too_many", "brand_new_reason"])
def test_what_nobody_documented_is_final(reason: str) -> None:
    assert not ruling(reason).again


@pytest.mark.parametrize("message", [*(entry.message for entry in RULINGS.values()), ruling("new").message])
def test_people_are_told_in_a_sentence(message: str) -> None:
    assert message.endswith(".")
    assert "_" not in message
    assert len(message) > 30


def test_an_unresolved_post_is_explained_by_what_happened() -> None:
    assert no_verdict(refused=True) != no_verdict(refused=False)
