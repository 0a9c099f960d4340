"""Restores a task: its states, how far its inputs are read, and its views."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from common.clock import UtcDatetime
from common.contract.body import Body
from common.contract.topics import Topic
from common.streams.engine.changelog import Changelog, Position
from common.streams.engine.decoding import decode_view_record
from common.streams.engine.state_store import StateStore
from common.streams.engine.yielding import Yielder
from common.streams.log.port import Reader, Record, TopicPartition

S = TypeVar("S")
POLL_SECONDS = 0.03
"""Short: if a partition ends in control records, its end is reached without another record."""
FIRST_OFFSET = 0
"""Where an input is read from that the service has no position for: the earliest record that Kafka still keeps.

A new input of a running service therefore brings its whole past, as facts. Nothing is lost by that. If it began at the
end, records that are written between two deployments would be lost. `decide` must judge each fact by what it carries,
not by when it arrives, as it must for facts that come twice or late.
"""


class TaskViews:
    """The views of one partition, as far as they are read."""

    def __init__(self) -> None:
        self._bodies: dict[str, dict[str, Body]] = {}

    def get(self, topic: Topic, account_id: str) -> Body | None:
        """Return the newest record of the account on that view, or None."""
        return self._bodies.get(topic.name, {}).get(account_id)

    def apply(self, record: Record) -> str:
        """Take in a view's record and return its account. Raises `UnreadableRecord`."""
        account_id, body = decode_view_record(record)
        bodies = self._bodies.setdefault(record.topic_partition.topic, {})
        if body is None:
            bodies.pop(account_id, None)
        else:
            bodies[account_id] = body
        return account_id


@dataclass(slots=True, kw_only=True)
class Restored(Generic[S]):
    """What a task has in memory when it starts to serve.

    `offsets` are the next offsets of the inputs by topic, `positions` those of all partitions that are read from now
    on, views included, and `at` is the newest time that was used for a decision.
    """

    store: StateStore[S] = field(default_factory=StateStore)
    views: TaskViews = field(default_factory=TaskViews)
    offsets: dict[str, int] = field(default_factory=dict)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    at: UtcDatetime | None = None


async def restore(
    *,
    reader: Reader,
    changelog: Changelog[S],
    views: Sequence[Topic],
    inputs: Sequence[Topic],
    progress: Callable[[], None],
) -> Restored[S]:
    """Read the states and the views to their ends.

    An input without a position is read from its earliest record (`FIRST_OFFSET`). Raises `LogUnavailable` if the log
    cannot be read, and `UnreadableRecord` for a record that this version cannot decode.
    """
    restored: Restored[S] = Restored()
    view_partitions = changelog.input_partitions(tuple(views))
    await read_to_end(
        reader, {changelog.topic_partition: 0}, lambda record: _apply(restored, changelog, record), progress
    )
    await read_to_end(reader, dict.fromkeys(view_partitions, 0), restored.views.apply, progress)
    # Where reading the views ended: serving goes on from there, and misses no change of a view.
    restored.positions = {partition: await reader.position(partition) for partition in view_partitions}
    for partition in changelog.input_partitions(tuple(inputs)):
        restored.positions[partition] = restored.offsets.get(partition.topic, FIRST_OFFSET)
    return restored


async def read_to_end(
    reader: Reader,
    positions: Mapping[TopicPartition, int],
    take: Callable[[Record], object],
    progress: Callable[[], None],
) -> None:
    """Assign these partitions and read to their ends of now. Raises `LogUnavailable`, and what `take` raises."""
    if not positions:
        return
    yielder = Yielder(progress)
    reader.assign(positions)
    ends = await reader.ends()
    # By position: the last offsets may be control records, which are never returned by `fetch`.
    while [partition for partition, end in ends.items() if await reader.position(partition) < end]:
        for record in await reader.fetch(POLL_SECONDS):
            take(record)
            await yielder.tick(1)
        progress()


def _apply(restored: Restored[S], changelog: Changelog[S], record: Record) -> None:
    match changelog.read(record):
        case Position(offsets=offsets, at=at):
            # The newest position record wins. Compaction may have left older ones.
            restored.offsets = dict(offsets)
            restored.at = at
        case entry:
            restored.store.put(entry.key, entry.state, entry.trace)
