"""An input record becomes a fact, a forwarded record or a dead letter; only our own can stop a partition."""

from dataclasses import replace

import pytest
import structlog

from common.contract.topics import POST_REQUESTS
from common.streams import Record, TopicPartition
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from fakes.counting_processor import (
    CRASHES_DECIDE,
    CRASHES_NEXT_EFFECT,
    CRASHES_TRANSLATE,
    CountingProcessor,
    RecordingEffects,
)
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json, serve_for, task_over


def reason_in(letter: Record) -> str:
    return (dict(letter.headers)["dlq_reason"] or b"").decode()


def test_inputs_undecodable_foreign_record_is_answered() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, b"not json", b'{"account_id": "acc", "post_id": "p"}', request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 3)
        letters = store.records[TopicPartition("uploader.dead_letters", 0)]
        assert [letter.value for letter in letters] == [b"not json", b'{"account_id": "acc", "post_id": "p"}']
        reasons = [reason_in(letter) for letter in letters]
        assert "JSON is malformed" in reasons[0]
        assert "tenant" in reasons[1]
        assert ("p", 100) in events_in(store)
        assert ("a", 1) in events_in(store)

    virtual_time.run(main())


def test_inputs_foreign_record_that_crashes_is_dead_lettered() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        crashing = [request_json(name) for name in (CRASHES_TRANSLATE, CRASHES_DECIDE, CRASHES_NEXT_EFFECT)]
        append_requests(store, *crashing, request_json("a"))
        with structlog.testing.capture_logs() as lines:
            await serve_for(task_over(MemoryLog(store), effects), 1)
        letters = store.records[TopicPartition("uploader.dead_letters", 0)]
        assert [letter.value for letter in letters] == crashing
        assert all("Error" in reason_in(letter) for letter in letters)
        errors = [line for line in lines if line["event"] == "foreign_record_crashed"]
        assert [(line["log_level"], line["offset"]) for line in errors] == [("error", 0), ("error", 1), ("error", 2)]
        assert events_in(store) == [("a", 1)]
        assert effects.acts == [("a", 1)]

    virtual_time.run(main())


def test_inputs_own_record_that_crashes_stops_the_partition() -> None:
    class OfOurOwn(CountingProcessor):
        inputs = (replace(POST_REQUESTS, from_outside=False),)

    async def main() -> None:
        store = MemoryStore(partitions=1, clock=virtual_time.clock)
        append_requests(store, request_json(CRASHES_DECIDE))
        with pytest.raises(ExceptionGroup) as crash:
            await serve_for(task_over(MemoryLog(store), RecordingEffects(), processor=OfOurOwn()), 1)
        assert crash.group_contains(OverflowError)

    virtual_time.run(main())


@pytest.mark.parametrize(
    "headers", [(("ce_type", None),), (("traceparent", None), ("ce_time", None)), (("traceparent", b"\xff"),)]
)
def test_inputs_broken_headers_stop_nothing(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        for value in (request_json("a"), b'{"account_id": "acc", "post_id": "p"}'):
            store.append(
                OutgoingRecord(
                    topic_partition=TopicPartition("post.requests", 0), key=None, value=value, headers=headers
                )
            )
        await serve_for(task_over(MemoryLog(store), effects), 1)
        await serve_for(task_over(MemoryLog(store), effects), 1)
        assert ("a", 1) in events_in(store)
        assert ("p", 100) in events_in(store)
        (letter,) = store.records[TopicPartition("uploader.dead_letters", 0)]
        assert tuple(letter.headers)[: len(headers)] == headers

    virtual_time.run(main())


def test_inputs_large_record_is_dead_lettered_in_part() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        huge = request_json("big").ljust(5_000_000)
        append_requests(store, huge, request_json("a"))
        beside = (("note", bytes(100_000)), ("kind", b"x"))
        store.append(
            OutgoingRecord(
                topic_partition=TopicPartition("post.requests", 0), key=bytes(500_000), value=b"no", headers=beside
            )
        )
        await serve_for(task_over(MemoryLog(store), effects), 1)
        first, second = store.records[TopicPartition("uploader.dead_letters", 0)]
        assert first.value == huge[: 512 * 1024]
        assert (first.key, dict(first.headers)["dlq_size"]) == (b"acc", b"5000000")
        assert "5000000 bytes. The limit is 524288 bytes." in reason_in(first)
        assert (second.key, second.value, set(dict(second.headers)) & {"note", "kind"}) == (None, b"no", set())
        assert events_in(store) == [("a", 1)]

    virtual_time.run(main())


def test_inputs_record_on_wrong_partition_is_forwarded() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=2, clock=virtual_time.clock), RecordingEffects()
        log = MemoryLog(store)
        account = next(f"acc{n}" for n in range(99) if log.partition_of(f"acc{n}") == 1)
        append_requests(store, request_json("a", account))
        await serve_for(task_over(log, effects), 1)
        assert [record.value for record in store.records[TopicPartition("post.requests", 1)]] == [
            request_json("a", account)
        ]
        assert effects.acts == []

    virtual_time.run(main())
