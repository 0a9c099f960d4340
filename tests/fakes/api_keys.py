"""API keys for tests of an edge: what auth would have issued, and the header that a backend would send."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from common.contract.body import Body
from common.contract.tenant import ApiKeyIssued, Scope
from common.http.api_keys import ApiKeyAuth, generate_key

ISSUED_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class IssuedKeys:
    """A whole view of keys, the clocks of the authentication over it, and the keys themselves."""

    ready: bool = True
    now: datetime = field(default_factory=lambda: datetime(2026, 12, 1, tzinfo=UTC))
    seconds: float = 0.0
    records: dict[str, Body] = field(default_factory=dict)
    random: Random = field(default_factory=lambda: Random(7))

    def get(self, key_id: str, /) -> Body | None:
        return self.records.get(key_id)

    def all(self) -> Iterable[tuple[str, Body]]:
        return list(self.records.items())

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        return holds()

    def authentication(self) -> ApiKeyAuth:
        return ApiKeyAuth(self, clock=lambda: self.now, monotonic=lambda: self.seconds)

    def issue(
        self,
        tenant: str = "acme",
        scopes: Iterable[Scope] = tuple(Scope),
        *,
        per_minute: int = 600,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKeyIssued, str]:
        """Issue a key; return its record and its text."""
        new = generate_key(self.random.randbytes)
        issued = ApiKeyIssued(
            key_id=new.key_id,
            tenant=tenant,
            name="test",
            scopes=tuple(scopes),
            issued_at=ISSUED_AT,
            secret_hash=new.secret_hash,
            requests_per_minute=per_minute,
            expires_at=expires_at,
        )
        self.records[new.key_id] = issued
        return issued, new.text

    def header(self, tenant: str = "acme", *scopes: Scope) -> dict[str, str]:
        """Issue a key, and return it as a header; with every scope unless some are named."""
        return bearer(self.issue(tenant, scopes or tuple(Scope))[1])


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}
