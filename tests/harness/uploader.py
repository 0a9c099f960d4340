"""A TikTok and a source in memory behind the uploader's ports, and the uploader driven by hand."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from builders.credentials import PRIVATE_KEY
from builders.uploader_states import KEY, NOW, REQUEST
from common.contract.body import Body
from common.streams import Due, Wait
from fakes.views import CredentialViews
from uploader_service.decisions import decide
from uploader_service.effect_handler import UploaderEffects
from uploader_service.facts import AccountKnown, Fact, Requested
from uploader_service.plans import next_effect
from uploader_service.states import Finished, HandedOver, Post


def effects_over(tiktok: Any, sources: Any, threads: ThreadPoolExecutor, **changes: Any) -> UploaderEffects:
    parts: dict[str, Any] = {
        "tiktok": tiktok,
        "chunks": tiktok,
        "sources": sources,
        "private_key": PRIVATE_KEY,
        "threads": threads,
        "clock": lambda: NOW,
    }
    return UploaderEffects(**parts | changes)


async def run_until_handed_over(
    effects: UploaderEffects, state: Post | None = None, *, crash_at: int = -1
) -> tuple[Post, list[Body]]:
    """Play the runtime until the post leaves the uploader; at step `crash_at` a result is lost with its process."""
    now, events = NOW, list[Body]()
    facts: list[Fact | Due] = [] if state else [Requested(request=REQUEST, recorded_at=now), AccountKnown("t1")]
    for number in range(200):
        if not facts:
            assert state is not None
            requested = next_effect(KEY, state, now)
            if isinstance(requested, Wait):
                now = max(now, requested.until)
                facts.append(Due())
            else:
                fact = await effects.perform(KEY, requested, CredentialViews())
                facts += [] if number == crash_at else [fact]
            continue
        decision = decide(KEY, state, facts.pop(0), now)
        events += decision.events
        state = decision.state
        if isinstance(state, HandedOver | Finished):
            return state, events
    message = f"the post never left: {state}"
    raise AssertionError(message)
