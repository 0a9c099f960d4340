"""Run one partition's task over a log in memory: write requests, let it serve, read its events."""

import asyncio
import json
from random import Random

from common.clock import Clock
from common.contract.codec import decode
from common.streams.api import Machine
from common.streams.engine.fair_limiter import Slots
from common.streams.engine.moments import Moments
from common.streams.engine.task import Surroundings, Task
from common.streams.engine.yielding import STRETCH
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import Outgoing, Slice
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
        store.append(Outgoing(slice=Slice("post.requests", 0), key=b"acc", value=value))


def task_over(
    log: MemoryLog,
    effects: RecordingEffects,
    seed: int = 1,
    *,
    clock: Clock = virtual_time.clock,
    moment: Moments = virtual_time.moment,
    machine: Machine[Counting, Fact, Act] = PROCESSOR,
    stretch: int = STRETCH,
) -> Task[Counting, Fact, Act]:
    async def nothing_to_salvage(body: object) -> None:
        raise AssertionError(body)

    return Task(
        Surroundings(
            machine=machine,
            effects=effects,
            log=log,
            clock=clock,
            moment=moment,
            random=Random(seed),
            slots=Slots(4),
            salvage=nothing_to_salvage,
            stretch=stretch,
        ),
        0,
    )


def events_in(store: MemoryStore) -> list[tuple[str, int]]:
    found = []
    for record in store.records.get(Slice("post.events", 0), []):
        body = decode(topic="post.events", value=record.value or b"", headers=record.headers).body
        found.append((body.subject, getattr(body, "revision", 0)))
    return found


async def serve_for(task: Task[Counting, Fact, Act], seconds: float) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(task.run(stop))
    await asyncio.sleep(seconds)
    stop.set()
    await running
