"""The collector, as the runtime takes it."""

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias

from analytics_service.decisions import decide, interpret, notice
from analytics_service.lanes import admit
from analytics_service.plans import todo
from analytics_service.video import Collect, Fact, Finished, Parked, Video
from common.contract.state_keys import named_in_full
from common.contract.topics import AUTH_CREDENTIALS, POST_EVENTS
from common.streams.api import Machine

CollectorMachine: TypeAlias = Machine[Video, Fact, Collect]


def collector(ages: Sequence[int]) -> CollectorMachine:
    """Build the machine that collects at these ages, in seconds, rising."""
    return Machine(
        service="analytics",
        inputs=(POST_EVENTS,),
        views=(AUTH_CREDENTIALS,),
        state_type=Video,
        interpret=interpret,
        decide=partial(decide, tuple(ages)),
        todo=todo,
        admit=admit,
        notice=notice,
        tenant=tenant_of,
        rename=named_in_full(tenant_of),
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
