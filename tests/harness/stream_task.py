"""Run one partition's task over a log in memory: write requests, let it serve, read its events."""

import asyncio
import json
from random import Random

from common.clock import Clock, ReadClocks
from common.contract.codec import decode
from common.streams import Processor, TopicPartition
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.task import Task, TaskDependencies
from common.streams.engine.yielding import YIELD_EVERY
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from fakes.counting_processor import (
    PROCESSOR,
    Act,
    Counting,
    Fact,
    RecordingEffects,
)
from harness import virtual_time


def request_json(post_id: str, account_id: str = "acc") -> bytes:
    body = {"post_id": post_id, "account_id": account_id, "tenant": "t"}
    return json.dumps(body | {"source": {"url": "https://x.example/a"}, "privacy_level": "SELF_ONLY"}).encode()


def append_requests(store: MemoryStore, *values: bytes) -> None:
    for value in values:
        store.append(OutgoingRecord(topic_partition=TopicPartition("post.requests", 0), key=b"acc", value=value))


def task_over(
    log: MemoryLog,
    effects: RecordingEffects,
    seed: int = 1,
    *,
    clock: Clock = virtual_time.clock,
    read_clocks: ReadClocks = virtual_time.moment,
    processor: Processor[Counting, Fact, Act] = PROCESSOR,
    yield_every: int = YIELD_EVERY,
) -> Task[Counting, Fact, Act]:
    async def refuse_hand_off(body: object) -> None:
        raise AssertionError(body)

    return Task(
        TaskDependencies(
            processor=processor,
            effects=effects,
            log=log,
            clock=clock,
            read_clocks=read_clocks,
            random=Random(seed),
            limiter=FairLimiter(4),
            hand_off=refuse_hand_off,
            yield_every=yield_every,
        ),
        0,
    )


def events_in(store: MemoryStore) -> list[tuple[str, int]]:
    found = []
    for record in store.records.get(TopicPartition("post.events", 0), []):
        body = decode(topic="post.events", value=record.value or b"", headers=record.headers).body
        found.append((body.subject, getattr(body, "revision", 0)))
    return found


async def serve_for(task: Task[Counting, Fact, Act], seconds: float) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(task.run(stop))
    await asyncio.sleep(seconds)
    stop.set()
    await running
