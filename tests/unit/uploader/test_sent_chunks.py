"""What a process knows of its own sends, and the end of an upload URL within a chunk."""

from datetime import timedelta

import pytest

from builders.uploader_states import NOW
from uploader_service import sent_chunks
from uploader_service.errors import UploadUrlExpired
from uploader_service.sent_chunks import ChunkBody, SentChunks


def test_unknown_attempt_is_not_opened_here() -> None:
    sends = SentChunks()
    sends.record_send("p1")
    sends.record_aborted_before_first_byte("p1")
    assert not sends.opened_here("p1")
    assert not sends.nothing_sent("p1")


def test_nothing_is_sent_until_a_send_is_recorded() -> None:
    sends = SentChunks()
    sends.record_opened("p1")
    assert (sends.opened_here("p1"), sends.nothing_sent("p1")) == (True, True)
    sends.record_send("p1")
    assert not sends.nothing_sent("p1")


def test_aborted_send_is_taken_back_once() -> None:
    sends = SentChunks()
    sends.record_opened("p1")
    sends.record_send("p1")
    sends.record_send("p1")
    sends.record_aborted_before_first_byte("p1")
    assert not sends.nothing_sent("p1")
    sends.record_aborted_before_first_byte("p1")
    assert sends.nothing_sent("p1")


def test_complete_attempt_is_forgotten() -> None:
    sends = SentChunks()
    sends.record_opened("p1")
    sends.forget("p1")
    sends.forget("p1")
    assert not sends.opened_here("p1")


def test_oldest_attempt_is_forgotten_above_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_chunks, "MAX_ATTEMPTS_KEPT", 2)
    sends = SentChunks()
    for publish_id in ("p1", "p2", "p3"):
        sends.record_opened(publish_id)
    assert [sends.opened_here(publish_id) for publish_id in ("p1", "p2", "p3")] == [False, True, True]


def test_body_ends_at_the_first_piece_after_the_urls_end() -> None:
    end = NOW + timedelta(seconds=1)
    times = iter([NOW, end])
    body = ChunkBody(source=iter([b"a", b"b"]), until=end, clock=lambda: next(times))
    started_before = body.started
    assert next(body) == b"a"
    assert (started_before, body.started) == (False, True)
    with pytest.raises(UploadUrlExpired):
        next(body)


def test_body_without_limit_is_passed_on_whole() -> None:
    body = ChunkBody(source=iter([b"a", b"b"]), until=None, clock=lambda: NOW)
    assert b"".join(body) == b"ab"
