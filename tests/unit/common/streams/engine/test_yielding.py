"""A yielder yields after a fixed number of items."""

from common.streams.engine.yielding import Yielder
from harness import virtual_time


def test_yielder_reports_progress_at_each_yield() -> None:
    async def main() -> None:
        beats: list[str] = []
        turns = Yielder(lambda: beats.append("beat"), 3)
        for steps in (1, 1, 1, 2, 5):
            await turns.tick(steps)
        assert len(beats) == 2

    virtual_time.run(main())
