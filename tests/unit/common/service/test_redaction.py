"""What may be a secret is hidden where others' words are repeated, and what helps to find a mistake is not."""

import pytest

from common.contract.codec import MalformedEvent, UnknownEvent
from common.service.redaction import redact

TOKEN = "act.q8ZrT2mVw0XyKd4LbN7sHc9FgJ1pUaEe5RiOoCvB3lQjWtYx!4692.e1"
SECRETS = (
    TOKEN,
    "pb_k7m2qx4pabcd_dGhpcyBpcyBub3QgYSByZWFsIGtleSBhdCBhbGwhIQ",
    "3q2+7w/uKx8V1mT0yZbQ5sLrJ4cNfWgHpXaEiOdUvC4=",
    "eyJhbGciOiJIUzI1NiJ9",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_redact_hides_a_secret_anywhere_in_the_text(secret: str) -> None:
    hidden = redact(f"Invalid enum value '{secret}' - at `$.privacy_level`")
    assert secret not in hidden
    assert hidden.startswith("Invalid enum value '")
    assert hidden.endswith("' - at `$.privacy_level`")
    assert "[redacted]" in hidden


@pytest.mark.parametrize(
    "text",
    [
        "Expected `str` of length <= 2200 - at `$.caption`",
        "has to be an RFC 3339 time with an offset, such as 2027-01-31T18:00:00+01:00",
        "'PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'FOLLOWER_OF_CREATOR' or 'SELF_ONLY'",
        "https://media.example/videos/2026/november/my-holidays-on-the-lake.mp4",
        "acc_o74goy7xa6d7jrqze3hjdk7f",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "Donaudampfschifffahrtsgesellschaftskapitaen",
    ],
)
def test_redact_keeps_names_ids_and_times(text: str) -> None:
    assert redact(text) == text


def test_event_errors_repeat_no_secret() -> None:
    refused = MalformedEvent(ce_type="post.requested", fault=f"Object contains unknown field `{TOKEN}`")
    assert str(refused) == "post.requested: Object contains unknown field `act.[redacted]!4692.e1`"
    unknown = UnknownEvent(topic="post.requests", ce_type=TOKEN)
    assert str(unknown) == "`act.[redacted]!4692.e1` is not an event type of topic `post.requests`"
