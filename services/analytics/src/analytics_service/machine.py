"""The collector, as the runtime takes it."""

from collections.abc import Sequence

from analytics_service.decisions import decide, on_view_change, translate
from analytics_service.lanes import admit
from analytics_service.plans import next_effect
from analytics_service.video import Collect, Fact, Finished, Parked, Video
from common.clock import UtcDatetime
from common.contract.topics import AUTH_CREDENTIALS, POST_EVENTS
from common.streams import Decision, Due, Processor, StateKey


def tenant_of(state: Video) -> str:
    """Say whose post it is."""
    match state:
        case Parked(collecting=collecting):
            return collecting.tenant
        case Finished(tenant=tenant):
            return tenant
        case _:
            return state.tenant


class CollectorProcessor(Processor[Video, Fact, Collect]):
    """Collects a video's numbers at fixed ages after it was published."""

    service = "analytics"
    inputs = (POST_EVENTS,)
    views = (AUTH_CREDENTIALS,)
    state_type = Video
    translate = staticmethod(translate)
    next_effect = staticmethod(next_effect)
    admit = staticmethod(admit)
    on_view_change = staticmethod(on_view_change)
    fairness_key = staticmethod(tenant_of)

    def __init__(self, ages: Sequence[int]) -> None:
        """Collect at these ages, in seconds, rising."""
        self._ages = tuple(ages)

    def decide(self, key: StateKey, state: Video | None, fact: Fact | Due, now: UtcDatetime) -> Decision[Video]:
        """Decide with the ages of this installation."""
        return decide(self._ages, key, state, fact, now)
