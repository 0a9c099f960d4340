"""An account changes its tenant, and both tenants use one post id: each has its own post, in rough worlds too."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from common.contract.body import Body
from common.contract.post import PostEvent, PostPublished, PostRequestConflict, PostRequested
from harness import virtual_time
from harness.simulated_processes import adopt_tasks
from simulation.simulation_run import Universe, check, inhabited, of, request, settled

SEEDS = range(12)


def asked_by(tenant: str, universe: Universe) -> PostRequested:
    """Both ask for the same id, and nearly the same."""
    return replace(request(0, universe), tenant=tenant, caption=f"by {tenant}")


async def lives(seed: int, *, scheduled: bool) -> tuple[Universe, Sequence[PostRequested]]:
    """The former tenant's post is out, or still waits, when the account becomes the latter's."""
    adopt_tasks(asyncio.get_running_loop())
    universe = Universe(seed)
    former, latter = asked_by("former", universe), asked_by("latter", universe)
    if scheduled:
        former = replace(former, publish_at=virtual_time.clock() + timedelta(hours=3))
    universe.connect("former")
    async with inhabited(universe):
        universe.write(former)
        await (asyncio.sleep(5) if scheduled else settled(universe, 1))
        universe.connect("latter")
        universe.write(latter)
        universe.write(latter)
        await settled(universe, 2)
    return universe, (former, latter)


def published(request: PostRequested, events: Sequence[Body]) -> bool:
    return any(isinstance(event, PostPublished) for event in of(request, events))


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_tenant_has_a_post_of_its_own(seed: int, *, scheduled: bool) -> None:
    universe, (former, latter) = virtual_time.run(lives(seed, scheduled=scheduled))
    check(seed, universe, (former, latter))
    events = universe.events()
    assert not [event for event in events if isinstance(event, PostRequestConflict)]
    assert {event.tenant for event in events if isinstance(event, PostEvent)} == {"former", "latter"}
    if not universe.files.goes_away:
        assert published(latter, events)
        assert published(former, events) != scheduled
