"""The stream runtime's public face: what pure functions, effects and edges need. It loads no client.

A service imports from here and, to run something, from `common.streams.runtime`. Only the modules that build Kafka's
parts (`wiring.py`, one-off commands) import `common.streams.log`; none imports `common.streams.engine`.
"""

from common.streams.api import (
    Admission,
    Background,
    Decision,
    Due,
    EffectHandler,
    EffectRequest,
    EntityGroup,
    ForeignRecord,
    KeyedFact,
    Processor,
    ReadOnlyView,
    StateKey,
    Views,
    Wait,
)
from common.streams.log.port import Log, LogUnavailable, Membership, Reader, Record, TopicPartition

__all__ = [
    "Admission",
    "Background",
    "Decision",
    "Due",
    "EffectHandler",
    "EffectRequest",
    "EntityGroup",
    "ForeignRecord",
    "KeyedFact",
    "Log",
    "LogUnavailable",
    "Membership",
    "Processor",
    "ReadOnlyView",
    "Reader",
    "Record",
    "StateKey",
    "TopicPartition",
    "Views",
    "Wait",
]
