"""Views in memory that a test fills."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from builders.credentials import credential
from builders.uploader_states import KEY
from common.contract.body import Body
from common.contract.topics import AUTH_CREDENTIALS, Topic


class FakeView:
    """A whole view that a test, or the worker, fills."""

    def __init__(self) -> None:
        self.bodies: dict[str, Body] = {}
        self.ready = True

    def get(self, key: str, /) -> Body | None:
        return self.bodies.get(key)

    def all(self) -> Iterable[tuple[str, Body]]:
        return list(self.bodies.items())

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Evaluate at once: this view never changes later."""
        return holds()


class EmptyViews:
    """The worker's task has none."""

    def get(self, topic: Topic, key: str) -> Body | None:
        return None


@dataclass(frozen=True)
class CredentialViews:
    """A view of one account's credential."""

    body: Body | None = field(default_factory=credential)

    def get(self, topic: Topic, account_id: str) -> Body | None:
        return self.body if (topic, account_id) == (AUTH_CREDENTIALS, KEY.partition_key) else None
