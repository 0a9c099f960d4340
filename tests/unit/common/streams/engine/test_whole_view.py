"""A whole topic in memory: waiters are woken when it is read, also if it is empty."""

import asyncio

import pytest

from common.contract.codec import Envelope, encode
from common.contract.tenant import TenantDescribed
from common.contract.topics import AUTH_TENANTS
from common.streams import TopicPartition
from common.streams.engine.whole_view import WholeView
from common.streams.log.memory import MemoryLog, MemoryStore, NoFaults
from common.streams.log.port import OutgoingRecord
from harness import virtual_time


def describe(store: MemoryStore, tenant: str) -> None:
    now = virtual_time.clock()
    body = TenantDescribed(tenant=tenant, name=tenant, created_at=now, changed_at=now)
    value, headers = encode(Envelope(id="1", source="auth", time=None, traceparent=None, body=body))
    store.append(
        OutgoingRecord(
            topic_partition=TopicPartition(AUTH_TENANTS.name, 1), key=tenant.encode(), value=value, headers=headers
        )
    )


@pytest.mark.parametrize("tenants", [[], ["acme"], ["acme", "globex", "acme"]])
def test_whole_view_wakes_waiters_once_it_is_read(tenants: list[str]) -> None:
    async def main() -> None:
        store = MemoryStore(partitions=2, clock=virtual_time.clock)
        for tenant in tenants:
            describe(store, tenant)
        view, stop = WholeView(MemoryLog(store), AUTH_TENANTS, partitions=2), asyncio.Event()
        began = virtual_time.clock()
        async with asyncio.TaskGroup() as group:
            group.create_task(view.follow(stop))
            await view.read_to_end(stop)
            assert view.ready
            assert {key for key, _ in view.all()} == set(tenants)
            assert virtual_time.clock() == began, "the wait ends as soon as the view is read"
            stop.set()

    virtual_time.run(main())


def test_whole_view_stop_ends_the_wait() -> None:
    async def main() -> None:
        store = MemoryStore(partitions=2, clock=virtual_time.clock)
        view, stop = WholeView(MemoryLog(store), AUTH_TENANTS, partitions=2), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(view.read_to_end(stop))
            await asyncio.sleep(30)
            assert not waiting.done()
            stop.set()
        assert not view.ready

    virtual_time.run(main())


def test_whole_view_under_load_is_ready() -> None:
    """To ask where a topic ends takes longer here than it takes until there is more on it."""

    class Far(NoFaults):
        async def before(self, step: str) -> None:
            if step == "ends":
                await asyncio.sleep(0.01)

    async def main() -> None:
        store = MemoryStore(partitions=2, clock=virtual_time.clock)
        view, stop = WholeView(MemoryLog(store, Far()), AUTH_TENANTS, partitions=2), asyncio.Event()
        following = asyncio.create_task(view.follow(stop))
        for number in range(10_000):
            describe(store, f"tenant-{number % 20}")
            await asyncio.sleep(0.002)
            assert number < 100 or view.ready
        stop.set()
        await following

    virtual_time.run(main())
