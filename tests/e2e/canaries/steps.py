"""Everything that is run before the search, in order. A new step is a function of a scene, and a line here."""

from collections.abc import Awaitable, Callable

from e2e.canaries import accounts, posts, rotation, trouble
from e2e.canaries.scene import Scene

Step = Callable[[Scene], Awaitable[None]]

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
    trouble.wrong_places,
    trouble.dead_letters,
    trouble.misconfigured,
    rotation.keys_rotated,
    trouble.crashed,
)
