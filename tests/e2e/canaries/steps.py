"""The steps before the search, in order. A new step is a function that takes the run, and a line here."""

from collections.abc import Awaitable, Callable

from e2e.canaries import accounts, misuse, posts, rotation
from e2e.canaries.canary_run import CanaryRun

Step = Callable[[CanaryRun], Awaitable[None]]

STEPS: tuple[Step, ...] = (
    accounts.connected,
    accounts.declined,
    accounts.replayed,
    accounts.expired,
    accounts.wrong_code,
    accounts.key_revoked,
    accounts.own_app,
    accounts.disconnected,
    posts.published,
    posts.chunk_refused,
    posts.killed_amid_an_upload,
    posts.source_bad,
    posts.rejected_token,
    accounts.refreshed,
    misuse.wrong_places,
    misuse.dead_letters,
    misuse.misconfigured,
    rotation.keys_rotated,
    misuse.crashed,
)
