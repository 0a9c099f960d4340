"""The collector, as the runtime takes it."""

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from analytics_service.decisions import decide, on_view_change, translate
from analytics_service.lanes import admit
from analytics_service.plans import next_effect
from analytics_service.video import Collect, Fact, Finished, Parked, Video
from common.contract.topics import AUTH_CREDENTIALS, POST_EVENTS
from common.streams.api import Processor

CollectorMachine: TypeAlias = Processor[Video, Fact, Collect]


def collector(ages: Sequence[int]) -> CollectorMachine:
    """Build the machine that collects at these ages, in seconds, rising."""
    return Processor(
        service="analytics",
        inputs=(POST_EVENTS,),
        views=(AUTH_CREDENTIALS,),
        state_type=Video,
        translate=translate,
        decide=partial(decide, tuple(ages)),
        next_effect=next_effect,
        admit=admit,
        on_view_change=on_view_change,
        fairness_key=tenant_of,
    )


def tenant_of(state: Video) -> str:
    """Say whose post it is."""
    match state:
        case Parked(collecting=collecting):
            return collecting.tenant
        case Finished(tenant=tenant):
            return tenant
        case _:
            return state.tenant
