"""Labels come from fixed lists, even for events that are unknown."""

from publisher_service import metrics
from tiktok.webhooks import Event


def test_documented_event_is_its_own_label() -> None:
    assert [metrics.label_of(str(event)) for event in Event] == [str(event) for event in Event]


def test_undocumented_event_has_one_label() -> None:
    assert metrics.label_of("video.brand_new") == metrics.label_of("") == metrics.OTHER
