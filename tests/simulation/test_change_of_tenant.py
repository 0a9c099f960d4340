"""An account moves to another tenant, and both use the same post id: each has its own post, under faults too."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from msgspec.structs import replace

from common.contract.body import Body
from common.contract.post import PostEvent, PostPublished, PostRequestConflict, PostRequested
from harness import virtual_time
from harness.simulated_processes import adopt_tasks
from simulation.simulation_run import (
    SimulationRun,
    check_invariants,
    events_of,
    request,
    running_processes,
    wait_for_verdicts,
)

SEEDS = range(12)


def request_by(tenant: str, run: SimulationRun) -> PostRequested:
    """Request the same post id for a tenant, with a caption of its own."""
    return replace(request(0, run), tenant=tenant, caption=f"by {tenant}")


async def run_both_tenants(seed: int, *, scheduled: bool) -> tuple[SimulationRun, Sequence[PostRequested]]:
    """Move the account when the former tenant's post is published, or still scheduled."""
    adopt_tasks(asyncio.get_running_loop())
    run = SimulationRun(seed)
    former, latter = request_by("former", run), request_by("latter", run)
    if scheduled:
        former = replace(former, publish_at=virtual_time.clock() + timedelta(hours=3))
    run.connect("former")
    async with running_processes(run):
        run.write(former)
        await (asyncio.sleep(5) if scheduled else wait_for_verdicts(run, 1))
        run.connect("latter")
        run.write(latter)
        run.write(latter)
        await wait_for_verdicts(run, 2)
    return run, (former, latter)


def published(request: PostRequested, events: Sequence[Body]) -> bool:
    return any(isinstance(event, PostPublished) for event in events_of(request, events))


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_same_post_id_of_two_tenants_makes_two_posts(seed: int, *, scheduled: bool) -> None:
    run, (former, latter) = virtual_time.run(run_both_tenants(seed, scheduled=scheduled))
    check_invariants(seed, run, (former, latter))
    events = run.events()
    assert not [event for event in events if isinstance(event, PostRequestConflict)]
    assert {event.tenant for event in events if isinstance(event, PostEvent)} == {"former", "latter"}
    if not run.source.disappears:
        assert published(latter, events)
        assert published(former, events) != scheduled
