"""A task is restored from its state topic; an input without a position is read from its earliest record."""

from collections.abc import Mapping

from common.contract.topics import POST_EVENTS, POST_REQUESTS, Topic
from common.streams import StateKey, TopicPartition
from common.streams.engine.changelog import Changelog
from common.streams.engine.restore import Restored, restore
from common.streams.log.memory import MemoryLog, MemoryStore
from fakes.counting_processor import Counting, CountingProcessor, RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json, serve_for, task_over

KEY = StateKey("acc", "post")


def changelog() -> Changelog[Counting]:
    return Changelog(service="uploader", partition=0, state_type=Counting)


async def restored_from(store: MemoryStore, *inputs: Topic) -> Restored[Counting]:
    reader = await MemoryLog(store).reader()
    return await restore(reader=reader, changelog=changelog(), views=(), inputs=inputs, progress=lambda: None)


def store_with(offsets: Mapping[str, int]) -> MemoryStore:
    store = MemoryStore(partitions=1, clock=virtual_time.clock)
    store.append(changelog().put(KEY, Counting(asked=1), None))
    store.append(changelog().put(KEY, Counting(asked=2), None))
    store.append(changelog().put_position(offsets, virtual_time.clock()))
    return store


def test_restore_keeps_the_newest_state_and_position() -> None:
    async def main() -> None:
        restored = await restored_from(store_with({"post.requests": 7}), POST_REQUESTS)
        assert list(restored.store.all()) == [(KEY, Counting(asked=2))]
        assert restored.positions == {TopicPartition("post.requests", 0): 7}
        assert restored.at == virtual_time.clock()

    virtual_time.run(main())


def test_restore_reads_a_new_input_from_its_beginning() -> None:
    async def main() -> None:
        restored = await restored_from(store_with({"post.requests": 7}), POST_REQUESTS, POST_EVENTS)
        assert restored.positions == {TopicPartition("post.requests", 0): 7, TopicPartition("post.events", 0): 0}

    virtual_time.run(main())


def test_restore_new_input_brings_its_past_as_facts_once() -> None:
    """A running service whose next version reads one more topic, which others have written to for long."""

    class WithoutRequests(CountingProcessor):
        inputs = (POST_EVENTS,)

    class WithRequests(CountingProcessor):
        inputs = (POST_EVENTS, POST_REQUESTS)

    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, request_json("old"))
        await serve_for(task_over(MemoryLog(store), effects, processor=WithoutRequests()), 1)
        assert effects.acts == []
        for _ in range(2):
            await serve_for(task_over(MemoryLog(store), effects, processor=WithRequests()), 1)
        assert effects.acts == events_in(store) == [("old", 1)]

    virtual_time.run(main())
