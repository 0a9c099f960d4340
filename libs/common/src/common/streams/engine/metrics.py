"""What the runtime counts. Labels are services, never ids."""

from prometheus_client import Counter, Gauge

TRANSITIONS = Counter("streams_transitions_total", "States changed and committed.", ["service"])
REOPENINGS = Counter(
    "streams_reopenings_total", "Times a task dropped its producer and read its log again.", ["service"]
)
DEAD_LETTERS = Counter(
    "streams_dead_letters_total", "Records from outside that were put aside, and why.", ["service", "why"]
)
OPEN_PARTITIONS = Gauge("streams_open_partitions", "Partitions whose task is open and serving.", ["service"])
