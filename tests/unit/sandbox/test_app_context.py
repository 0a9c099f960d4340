"""The running application: waiting, closing, the list of calls."""

import asyncio

from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock


def context_at(clock: Clock) -> AppContext:
    return AppContext(Settings(), base_url="http://tiktok.example", clock=clock)


async def test_wait_ends_when_the_clock_reaches_the_time(clock: Clock) -> None:
    waiting = asyncio.create_task(context_at(clock).wait_until(clock.now() + 60))
    await asyncio.sleep(0)

    clock.advance(60)

    await asyncio.wait_for(waiting, 10)


async def test_wait_ends_when_the_application_closes(clock: Clock) -> None:
    clock.change_pace(manual=True)
    context = context_at(clock)
    waiting = asyncio.create_task(context.wait_until(clock.now() + 60))
    await asyncio.sleep(0)

    await context.close()

    await asyncio.wait_for(waiting, 10)


async def test_recorded_calls_have_rising_numbers_and_notify(clock: Clock) -> None:
    context, notified = context_at(clock), []
    context.on_change.append(lambda: notified.append(context.call_count))

    context.record_call({"status": 200})
    context.record_call({"status": 404})

    assert [each["number"] for each in context.calls] == [1, 2]
    assert notified == [1, 2]
