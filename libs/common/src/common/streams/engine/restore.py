"""Reading a task's memory back: its states, how far its inputs are read, and its views."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from common.clock import UtcDatetime
from common.contract.body import Body
from common.contract.topics import Topic
from common.streams.engine.changelog import Changelog, Position
from common.streams.engine.inputs import read_view
from common.streams.engine.state_store import StateStore
from common.streams.engine.yielding import Yielder
from common.streams.log.port import Reader, Record, TopicPartition

S = TypeVar("S")
PATIENCE_SECONDS = 0.03
"""Short: where control records are the last of a partition, the end is reached without another record coming."""


class TaskViews:
    """The views of one partition, as far as they are read."""

    def __init__(self) -> None:
        self._bodies: dict[str, dict[str, Body]] = {}

    def get(self, topic: Topic, account_id: str) -> Body | None:
        """Return the newest record of the account on that view."""
        return self._bodies.get(topic.name, {}).get(account_id)

    def apply(self, record: Record) -> str:
        """Take in a view's record and return whose it is. Raises `UnreadableRecord`."""
        account_id, body = read_view(record)
        bodies = self._bodies.setdefault(record.topic_partition.topic, {})
        if body is None:
            bodies.pop(account_id, None)
        else:
            bodies[account_id] = body
        return account_id


@dataclass(slots=True, kw_only=True)
class Restored(Generic[S]):
    """What a task knows when its gate opens."""

    store: StateStore[S] = field(default_factory=StateStore)
    views: TaskViews = field(default_factory=TaskViews)
    offsets: dict[str, int] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    at: UtcDatetime | None = None


async def restore(
    *,
    reader: Reader,
    journal: Changelog[S],
    views: Sequence[Topic],
    inputs: Sequence[Topic],
    progress: Callable[[], None],
) -> Restored[S]:
    """Read state and views to their end, and say in `positions` where reading goes on.

    Raises `LogUnavailable` when the log cannot be read, `UnreadableRecord` for a record this version does not know.
    """
    restored: Restored[S] = Restored()
    view_slices = journal.input_partitions(tuple(views))
    await read_to_end(reader, {journal.topic_partition: 0}, lambda record: _take(restored, journal, record), progress)
    await read_to_end(reader, dict.fromkeys(view_slices, 0), restored.views.apply, progress)
    restored.positions = {slice_: await reader.position(slice_) for slice_ in view_slices}
    for slice_ in journal.input_partitions(tuple(inputs)):
        restored.positions[slice_] = restored.offsets.get(slice_.topic, 0)
    return restored


async def read_to_end(
    reader: Reader,
    positions: Mapping[TopicPartition, int],
    take: Callable[[Record], object],
    progress: Callable[[], None],
) -> None:
    """Assign these slices and read to where they end now. Raises `LogUnavailable`, and what `take` raises."""
    if not positions:
        return
    turns = Yielder(progress)
    reader.assign(positions)
    ends = await reader.ends()
    while [slice_ for slice_, end in ends.items() if await reader.position(slice_) < end]:
        for record in await reader.fetch(PATIENCE_SECONDS):
            take(record)
            await turns.tick(1)
        progress()


def _take(restored: Restored[S], journal: Changelog[S], record: Record) -> None:
    match journal.read(record):
        case Position(offsets=offsets, at=at):
            restored.offsets = dict(offsets)
            restored.at = at
        case entry:
            restored.store.put(entry.key, entry.state, entry.trace)
