"""A record is decoded even if its time is impossible."""

import pytest

from common.streams import Record, TopicPartition
from common.streams.engine.inputs import InputReader, QueuedFact
from fakes.counting_processor import (
    CountingProcessor,
)
from harness.stream_task import request_json


@pytest.mark.parametrize("time_ms", [-(2**62), 2**62])
def test_decode_event_ignores_an_impossible_time(time_ms: int) -> None:
    topic_partition = TopicPartition("post.requests", 0)
    record = Record(topic_partition=topic_partition, offset=0, key=b"acc", value=request_json("a"), time_ms=time_ms)
    step = InputReader(CountingProcessor(), 0, lambda _account_id: 0).read(record)
    assert isinstance(step, QueuedFact)
