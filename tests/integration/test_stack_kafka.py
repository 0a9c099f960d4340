"""The broker of the stack: its data survives a stop and a kill, and it never survives its parent."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stack.kafka import Broker
from stack.polling import wait_until

TOPIC = "kept"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "kafka")
    broker.start()
    yield broker
    broker.stop()


async def write(bootstrap_servers: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all") as producer:
        for value in values:
            await producer.send_and_wait(TOPIC, value, partition=0)


async def read(bootstrap_servers: str, count: int) -> list[bytes | None]:
    async with AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(30):
            return [(await consumer.getone()).value for _ in range(count)]


async def create(bootstrap_servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name=TOPIC, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def test_data_survives_kill_and_stop(broker: Broker) -> None:
    await create(broker.bootstrap_servers)
    await write(broker.bootstrap_servers, b"before the kill")
    assert broker.process is not None
    broker.process.kill9()
    await asyncio.to_thread(broker.start)
    await write(broker.bootstrap_servers, b"before the stop")
    await asyncio.to_thread(broker.stop)
    await asyncio.to_thread(broker.start)
    assert await read(broker.bootstrap_servers, 2) == [b"before the kill", b"before the stop"]


def test_killed_parent_leaves_no_broker(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from stack.kafka import Broker\n"
        "broker = Broker(Path(sys.argv[1])); broker.start(); print(broker.process.pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "kafka")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        jvm = psutil.Process(int(parent.stdout.readline()))
        assert jvm.is_running()
        parent.send_signal(signal.SIGKILL)
    wait_until(
        lambda: not jvm.is_running() or jvm.status() == psutil.STATUS_ZOMBIE, name="the broker's end", timeout=10
    )


async def test_shared_broker_gives_every_test_its_topics(kafka: str, make_topic: Callable[..., Awaitable[str]]) -> None:
    names = {await make_topic(partitions=3), await make_topic(compacted=True)}
    assert len(names) == 2
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        assert names <= set(await admin.list_topics())
    finally:
        await admin.close()
