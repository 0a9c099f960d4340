"""The runtime's metrics. Labels are services and reasons, never ids."""

from typing import Final

from prometheus_client import Counter, Gauge

TRANSITIONS: Final = Counter("streams_transitions_total", "States changed and committed.", ["service"])
REOPENINGS: Final = Counter(
    "streams_reopenings_total", "Times a task dropped its producer and read its partition again.", ["service"]
)
DEAD_LETTERS: Final = Counter(
    "streams_dead_letters_total", "Records from outside that became dead letters, by reason.", ["service", "reason"]
)
OPEN_PARTITIONS: Final = Gauge("streams_open_partitions", "Partitions whose task is open and serving.", ["service"])
