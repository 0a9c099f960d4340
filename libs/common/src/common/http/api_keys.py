"""API keys: their text, and the gate at an edge that lets a request in by its key and says for which tenant.

A key is `pb_<key id>_<secret>`. Only the secret's hash is kept, so a key is shown once, when it is made.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Protocol

from fastapi import Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from typing_extensions import override

from common.clock import Clock
from common.contract.body import Body
from common.contract.tenant import ApiKeyIssued, ApiKeyRevoked, Scope
from common.http.errors import Problem
from common.http.openapi import API_KEY
from common.http.problems import Code
from common.http.rate_limits import RateLimits
from common.http.response_headers import set_response_header
from common.metrics import API_KEY_REFUSALS
from common.service.tracing import RandomBytes

_ID_LENGTH: Final = 12
_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32
# The last character of 32 bytes in base64url carries four bits, so it is one of sixteen.
_KEY: Final = re.compile(r"pb_(?P<id>[a-z2-7]{12})_(?P<secret>[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])")
_BEARER: Final = re.compile(r"bearer +(?P<text>\S{1,128})", re.IGNORECASE)
_HASH_OF_NOTHING: Final = "0" * 64

_SCHEME: Final = HTTPBearer(
    scheme_name=API_KEY, bearerFormat="pb_<key id>_<secret>", description="An API key of a tenant.", auto_error=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made. `text` is for whoever asked for it, and for nobody and nothing else."""

    key_id: str
    text: str = field(repr=False)
    secret_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedKey:
    """A key as a request brought it, its secret already hashed."""

    key_id: str
    secret_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the tenant that the key belongs to, and what the key may do."""

    tenant: str
    key_id: str
    scopes: frozenset[Scope]


class Keys(Protocol):
    """The newest record of each key, as far as it is known here."""

    @property
    def ready(self) -> bool:
        """Whether what is known is whole and recent."""

    def get(self, key_id: str, /) -> Body | None:
        """Return what is known of the key."""


def generate_key(random_bytes: RandomBytes) -> NewKey:
    """Make a key."""
    key_id = base64.b32encode(random_bytes(_ID_BYTES)).decode().lower()[:_ID_LENGTH]
    secret = base64.urlsafe_b64encode(random_bytes(_SECRET_BYTES)).decode().rstrip("=")
    return NewKey(key_id=key_id, text=f"pb_{key_id}_{secret}", secret_hash=_hash(secret))


def parse_key(text: str) -> ParsedKey | None:
    """Read a key. None where the text is not one, whatever it is."""
    found = _KEY.fullmatch(text)
    return None if found is None else ParsedKey(key_id=found["id"], secret_hash=_hash(found["secret"]))


class ApiKeyAuth:
    """Lets requests in by their keys. How often a key may ask is counted in this process alone."""

    def __init__(self, keys: Keys, *, clock: Clock, monotonic: Callable[[], float]) -> None:
        """`monotonic` gives seconds that never run backwards, for the rate limits."""
        self._keys = keys
        self._clock = clock
        self._monotonic = monotonic
        self._limits = RateLimits()

    def require(self, scope: Scope) -> Callable[..., Coroutine[Any, Any, Caller]]:
        """Make the dependency of a route that needs this scope: it gives the route its `Caller`, or raises a `Problem`.

        Every answer to who was let in, whatever comes of it, says in `RateLimit` what is left to the key.
        """
        documented = Security(_SCHEME, scopes=[scope])

        async def caller(
            request: Request, _documented: Annotated[HTTPAuthorizationCredentials | None, documented]
        ) -> Caller:
            found = self._recognise(request)
            if scope not in found.scopes:
                detail = f"This API key lacks the scope `{scope}`. Have one made that has it."
                raise _refused(Code.SCOPE_MISSING, detail, scope=scope)
            return found

        return caller

    def _recognise(self, request: Request) -> Caller:
        known = getattr(request.state, "caller", None)
        if isinstance(known, Caller):
            return known  # a request counts once, however many ask who sent it
        if not self._keys.ready:
            raise _refused(Code.NOT_READY)
        key = self._good(_parsed_key(request), request)
        self._count(key, request)
        caller = Caller(tenant=key.tenant, key_id=key.key_id, scopes=frozenset(key.scopes))
        request.state.caller = caller
        return caller

    def _good(self, presented: ParsedKey | None, request: Request) -> ApiKeyIssued:
        if presented is None:
            raise _unauthorized(request, Code.API_KEY_MISSING)
        known = self._keys.get(presented.key_id)
        match known:
            case ApiKeyIssued(secret_hash=expected) | ApiKeyRevoked(secret_hash=expected):
                pass
            case _:
                expected = _HASH_OF_NOTHING  # compared all the same: what takes as long tells nothing
        right = hmac.compare_digest(expected.encode(), presented.secret_hash.encode())
        match known:
            case ApiKeyIssued(expires_at=end) if right and end is not None and end <= self._clock():
                raise _unauthorized(request, Code.API_KEY_EXPIRED)
            case ApiKeyIssued() if right:
                return known
            case ApiKeyRevoked() if right:
                raise _unauthorized(request, Code.API_KEY_REVOKED)
            case _:
                raise _unauthorized(request, Code.API_KEY_UNKNOWN)

    def _count(self, key: ApiKeyIssued, request: Request) -> None:
        allowance = self._limits.take(key.key_id, per_minute=key.requests_per_minute, now=self._monotonic())
        set_response_header(request.scope, allowance.headers)
        if not allowance.granted:
            set_response_header(request.scope, {"Retry-After": str(allowance.seconds)})
            detail = f"This API key may ask {allowance.limit} times a minute. Ask again in {allowance.seconds} s."
            raise _refused(Code.RATE_LIMITED, detail, limit=allowance.limit)


class AuthenticateBeforeBody(APIRoute):
    """A route that looks at the key before it reads the body: a stranger's bytes are not parsed.

    Give it to the router: `APIRouter(route_class=KeyFirst)`. Without it an unreadable body is refused before the key
    is looked at. A key is whatever an async dependency on a bearer scheme demands.
    """

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the demands of this route before everything else."""
        answer = super().get_route_handler()
        demands = [
            dependency.call
            for dependency in self.dependant.dependencies
            if dependency.call and any(isinstance(inner.call, HTTPBearer) for inner in dependency.dependencies)
        ]

        async def handle(request: Request) -> Response:
            for demand in demands:
                await demand(request, None)
            return await answer(request)

        return handle


def _parsed_key(request: Request) -> ParsedKey | None:
    match request.headers.getlist("authorization"):
        case [header]:
            found = _BEARER.fullmatch(header)
            return None if found is None else parse_key(found["text"])
        case _:
            return None  # none, or several that may contradict each other


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _unauthorized(request: Request, code: Code) -> Problem:
    set_response_header(request.scope, {"WWW-Authenticate": "Bearer"})
    return _refused(code)


def _refused(code: Code, detail: str | None = None, **members: object) -> Problem:
    API_KEY_REFUSALS.labels(code).inc()
    return Problem(code, detail, members=members)
