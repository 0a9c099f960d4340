"""The runtime beside a bare aiokafka loop: transitions per CPU-second, and latency at 100 events a second.

Both write the same records (a state, an event and a position) to a real Kafka in the same run, turn by turn.
The bare loop only writes: it decodes nothing, decides nothing and reads nothing back.
"""

import asyncio
import gc
import json
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import TypeVar

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from common.clock import UtcDatetime, read_system_clocks, system_clock
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.contract.post import PostProgressed, PostRequested, PrivacyLevel, Source
from common.contract.topics import POST_EVENTS, POST_REQUESTS
from common.streams import Decision, Due, KeyedFact, Processor, StateKey, Views
from common.streams.engine.changelog import Changelog
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.metrics import TRANSITIONS
from common.streams.engine.session import MAX_FACTS
from common.streams.engine.task import Task, TaskDependencies
from common.streams.engine.transaction import event_writer
from common.streams.engine.worker import COLLECTOR_THRESHOLDS
from common.streams.log.kafka import KafkaLog
from common.streams.log.port import OutgoingRecord
from common.streams.log.topics import ensure_topics
from stack.kafka import Broker

ROUNDS = 5
PARTITIONS = 48
TRANSITIONS_AT = {1: 300, 10: 3_000, 100: 30_000}
RATE = 100
SECONDS = 10.0
NOW = system_clock()
Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer)


class Seen(msgspec.Struct, frozen=True, kw_only=True, tag="seen"):
    """A state about as large as a real one."""

    request: PostRequested
    times: int


def request(account_id: str, number: int) -> PostRequested:
    return PostRequested(
        account_id=account_id,
        post_id=f"post-{number}",
        tenant="bench",
        source=Source(url="https://media.example/video.mp4"),
        privacy_level=PrivacyLevel.SELF_ONLY,
        caption="as long as captions usually are, with a #tag or two",
    )


def progressed(key: StateKey, times: int, now: UtcDatetime) -> PostProgressed:
    return PostProgressed(
        account_id=key.partition_key,
        post_id=key.entity_id,
        tenant="bench",
        revision=times,
        at=now,
        bytes_sent=1,
        bytes_total=2,
    )


def translate_request(envelope: Envelope[Body]) -> KeyedFact[PostRequested] | None:
    body = envelope.body
    return KeyedFact(StateKey(body.account_id, body.post_id), body) if isinstance(body, PostRequested) else None


def decide(key: StateKey, state: Seen | None, fact: PostRequested | Due, now: UtcDatetime) -> Decision[Seen]:
    if isinstance(fact, Due):
        return Decision(state=state)
    times = 1 if state is None else state.times + 1
    return Decision(state=Seen(request=fact, times=times), events=(progressed(key, times, now),))


class BenchProcessor(Processor[Seen, PostRequested, None]):
    """Counts the requests of each post and emits one event for each."""

    service = "uploader"
    inputs = (POST_REQUESTS,)
    state_type = Seen
    translate = staticmethod(translate_request)
    decide = staticmethod(decide)

    def next_effect(self, _key: StateKey, _state: Seen, _now: UtcDatetime) -> None:
        """Want nothing."""

    def fairness_key(self, _state: Seen) -> str:
        """Return the one tenant of all posts."""
        return "bench"


PROCESSOR = BenchProcessor()


class NoEffects:
    """There are no effects in this benchmark."""

    async def perform(self, key: StateKey, effect: None, views: Views) -> PostRequested:
        """Never called."""
        raise NotImplementedError


async def refuse_hand_off(body: Body) -> None:
    raise AssertionError(body)


class BenchCluster:
    """One Kafka, and a fresh partition for every measurement."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.log = KafkaLog(bootstrap_servers=servers, partitions=PARTITIONS, group="uploader")
        self._next = iter(range(PARTITIONS))

    def fresh(self) -> tuple[int, str]:
        """Return an unused partition and an account that belongs to it."""
        number = next(self._next)
        accounts = (f"acc_{n}" for n in range(100_000))
        return number, next(account for account in accounts if self.log.partition_of(account) == number)

    def task(self, partition: int, max_facts: int = MAX_FACTS) -> Task[Seen, PostRequested, None]:
        """Return a task over that partition."""
        return Task(
            TaskDependencies(
                processor=PROCESSOR,
                effects=NoEffects(),
                log=self.log,
                clock=system_clock,
                read_clocks=read_system_clocks,
                random=Random(1),
                limiter=FairLimiter(1),
                hand_off=refuse_hand_off,
                max_facts=max_facts,
            ),
            partition,
        )


@asynccontextmanager
async def started(client: Client) -> AsyncIterator[Client]:
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def serving(subject: Task[Seen, PostRequested, None]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(subject.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def wait_until(condition: Callable[[], bool], *, step: float = 0.01) -> None:
    """Poll the condition, for two minutes at most."""
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(step)


def passed(moment: float) -> bool:
    """Whether this moment of `perf_counter` is over."""
    return time.perf_counter() >= moment


def transitions() -> float:
    """How many states this process has committed."""
    (metric,) = TRANSITIONS.labels("uploader").collect()
    return float(metric.samples[0].value)


def bare_producer(cluster: BenchCluster, name: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=cluster.servers, transactional_id=name, retry_backoff_ms=10, max_batch_size=900_000
    )


async def send_request(producer: AIOKafkaProducer, account_id: str, partition: int, number: int) -> None:
    body = request(account_id, number)
    value, headers = encode(Envelope(id=str(number), source="bench", time=NOW, traceparent=None, body=body))
    await producer.send(POST_REQUESTS.name, value=value, key=account_id.encode(), headers=headers, partition=partition)


async def runtime_rate(cluster: BenchCluster, per_transaction: int, count: int) -> float:
    """Transitions per CPU-second of a task that finds its requests in Kafka; opening it is counted too."""
    partition, account_id = cluster.fresh()
    async with started(AIOKafkaProducer(bootstrap_servers=cluster.servers, linger_ms=5)) as producer:
        for number in range(count):
            await send_request(producer, account_id, partition, number)
    goal, cpu = transitions() + count, time.process_time()
    async with serving(cluster.task(partition, per_transaction)):
        await wait_until(lambda: transitions() >= goal)
        cpu = time.process_time() - cpu
    return count / cpu


def transaction(account_id: str, partition: int, numbers: Sequence[int]) -> list[OutgoingRecord]:
    """What the runtime writes for these requests."""
    changelog: Changelog[Seen] = Changelog(service="uploader", partition=partition, state_type=Seen)
    write = event_writer(service="uploader", partition=partition, epoch_id="0" * 24, now=lambda: NOW)
    keys = [StateKey(account_id, f"post-{number}") for number in numbers]
    states = [Seen(request=request(account_id, number), times=1) for number in numbers]
    return [
        *(changelog.put(key, state, None) for key, state in zip(keys, states, strict=True)),
        *(write(progressed(key, 1, NOW), None) for key in keys),
        changelog.put_position({POST_REQUESTS.name: numbers[-1] + 1}, NOW),
    ]


async def bare_transaction(producer: AIOKafkaProducer, records: Sequence[OutgoingRecord]) -> None:
    async with producer.transaction():
        sent = [
            await producer.send(
                record.topic_partition.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                partition=record.topic_partition.partition,
            )
            for record in records
        ]
        await asyncio.gather(*sent)


async def bare_rate(cluster: BenchCluster, per_transaction: int, count: int) -> float:
    """Transitions per CPU-second of a loop that writes records made in advance."""
    partition, account_id = cluster.fresh()
    batches = [
        transaction(account_id, partition, range(first, first + per_transaction))
        for first in range(0, count, per_transaction)
    ]
    async with started(bare_producer(cluster, f"bare-{partition}")) as producer:
        cpu = time.process_time()
        for records in batches:
            await bare_transaction(producer, records)
        cpu = time.process_time() - cpu
    return count / cpu


async def measure_rates(cluster: BenchCluster) -> None:
    for per_transaction, count in TRANSITIONS_AT.items():
        ours, bare = [], []
        for _ in range(ROUNDS):
            ours.append(await runtime_rate(cluster, per_transaction, count))
            bare.append(await bare_rate(cluster, per_transaction, count))
        report(
            f"stream_{per_transaction}",
            median(a / b for a, b in zip(ours, bare, strict=True)),
            runtime_per_cpu_second=round(median(ours)),
            bare_per_cpu_second=round(median(bare)),
        )


async def latencies(cluster: BenchCluster, partition: int, account_id: str) -> list[float]:
    """Seconds from produce to a committed reader, at an even 100 events a second."""
    produced_at: dict[str, float] = {}
    found: list[float] = []
    count = int(RATE * SECONDS)
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.servers, isolation_level="read_committed")
    async with started(consumer), started(AIOKafkaProducer(bootstrap_servers=cluster.servers)) as producer:
        consumer.assign([TopicPartition(POST_EVENTS.name, partition)])
        await consumer.seek_to_end()

        async def produce() -> None:
            begin = time.perf_counter()
            for number in range(count):
                await wait_until(partial(passed, begin + number / RATE), step=0.001)
                produced_at[f"post-{number}"] = time.perf_counter()
                await send_request(producer, account_id, partition, number)

        producing = asyncio.create_task(produce())
        while len(found) < count:
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                now = time.perf_counter()
                found += [now - produced_at[dict(record.headers)["ce_subject"].decode()] for record in batch]
        await producing
    return found


async def runtime_latencies(cluster: BenchCluster) -> list[float]:
    partition, account_id = cluster.fresh()
    subject = cluster.task(partition)
    async with serving(subject):
        await wait_until(lambda: subject.opened)
        return await latencies(cluster, partition, account_id)


async def bare_latencies(cluster: BenchCluster) -> list[float]:
    partition, account_id = cluster.fresh()
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.servers, isolation_level="read_committed")
    async with started(consumer), started(bare_producer(cluster, f"bare-{partition}")) as producer:
        consumer.assign([TopicPartition(POST_REQUESTS.name, partition)])
        await consumer.seek_to_beginning()

        async def pass_on() -> None:
            while True:
                for batch in (await consumer.getmany(timeout_ms=1000)).values():
                    numbers = [int(dict(record.headers)["ce_id"]) for record in batch]
                    await bare_transaction(producer, transaction(account_id, partition, numbers))

        passing = asyncio.create_task(pass_on())
        try:
            return await latencies(cluster, partition, account_id)
        finally:
            passing.cancel()
            await asyncio.wait((passing,))


async def measure_latency(cluster: BenchCluster) -> None:
    rounds = [(await runtime_latencies(cluster), await bare_latencies(cluster)) for _ in range(3)]
    ours = [seconds for round_, _ in rounds for seconds in round_]
    bare = [seconds for _, round_ in rounds for seconds in round_]
    report(
        "stream_latency",
        median(median(a) / median(b) for a, b in rounds),
        runtime_p50_ms=milliseconds(median(ours)),
        runtime_p99_ms=milliseconds(quantiles(ours, n=100)[98]),
        bare_p50_ms=milliseconds(median(bare)),
        bare_p99_ms=milliseconds(quantiles(bare, n=100)[98]),
    )


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def report(bench: str, ratio: float, **figures: float) -> None:
    print(json.dumps({"bench": bench, "ratio": round(ratio, 3), **figures}), flush=True)


async def measure(servers: str) -> None:
    await ensure_topics(servers, partitions=PARTITIONS, replication_factor=1)
    cluster = BenchCluster(servers)
    await measure_rates(cluster)
    await measure_latency(cluster)


def main() -> None:
    gc.set_threshold(*COLLECTOR_THRESHOLDS)  # as in a worker's process
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder))
        broker.start()
        try:
            asyncio.run(measure(broker.bootstrap_servers))
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
