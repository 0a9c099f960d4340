"""The running half of the public face: workers, whole views, and reading a partition's states from outside.

It stands apart from `common.streams` because it loads structlog and the metrics, which pure modules must not.
"""

from common.streams.engine.changelog import Changelog, StateRecord
from common.streams.engine.restore import read_to_end
from common.streams.engine.whole_view import WholeView
from common.streams.engine.worker import Worker, run_worker

__all__ = ["Changelog", "StateRecord", "WholeView", "Worker", "read_to_end", "run_worker"]
