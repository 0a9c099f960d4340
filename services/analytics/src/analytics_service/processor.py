"""The collector as the runtime sees it: its topics, its states and its pure functions."""

from collections.abc import Sequence

from analytics_service import decisions, service
from analytics_service.admission import admit
from analytics_service.effects import Collect
from analytics_service.facts import Fact
from analytics_service.plans import next_effect
from analytics_service.states import Video, tenant_of
from analytics_service.translate import on_view_change, translate
from common.clock import UtcDatetime
from common.contract.topics import AUTH_CREDENTIALS, POST_EVENTS
from common.streams import Decision, Due, Processor, StateKey


class CollectorProcessor(Processor[Video, Fact, Collect]):
    """Collects the statistics of each published video at fixed ages.

    The schedule is a setting, so there is one instance for each worker and not one for the module.
    """

    service = service.NAME
    inputs = (POST_EVENTS,)
    views = (AUTH_CREDENTIALS,)
    state_type = Video
    translate = staticmethod(translate)
    next_effect = staticmethod(next_effect)
    admit = staticmethod(admit)
    on_view_change = staticmethod(on_view_change)
    # One tenant with thousands of posts must not delay those of another.
    fairness_key = staticmethod(tenant_of)

    def __init__(self, ages: Sequence[int]) -> None:
        """Take the ages in seconds, rising."""
        self._ages = tuple(ages)

    def decide(self, key: StateKey, state: Video | None, fact: Fact | Due, now: UtcDatetime) -> Decision[Video]:
        """Decide by the schedule of this installation."""
        return decisions.decide(self._ages, key, state, fact, now)
