"""API keys: generating and parsing them, and authenticating the requests of an edge.

A key is `pb_<key id>_<secret>`. Only the secret's hash is stored, so a key can be shown only once, when it is made.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from typing_extensions import override

from common.clock import Clock
from common.contract.tenant import ApiKeyIssued, ApiKeyRevoked, Scope
from common.http.errors import Problem
from common.http.openapi import API_KEY
from common.http.problems import Code
from common.http.rate_limits import RateLimits
from common.http.response_headers import set_response_header
from common.metrics import API_KEY_REFUSALS
from common.service.tracing import RandomBytes
from common.streams import ReadOnlyView

_ID_LENGTH: Final = 12
"""Characters of a key id, in base32."""
_ID_BYTES: Final = 8
"""The fewest whole bytes that give 12 characters of base32."""
_SECRET_BYTES: Final = 32
"""256 bits: far beyond guessing, even with the hash in hand."""
# The last character of 32 bytes in base64url carries four bits, so it is one of sixteen.
_KEY: Final = re.compile(r"pb_(?P<id>[a-z2-7]{12})_(?P<secret>[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])")
# The limit of 128 keeps a hostile header from costing time. A key has 59 characters.
_BEARER: Final = re.compile(r"bearer +(?P<text>\S{1,128})", re.IGNORECASE)
# As long as a real hash, so that the comparison takes as long.
_HASH_OF_NOTHING: Final = "0" * 64

# Without `auto_error`, because FastAPI would answer with its own text and not count the refusal.
_SCHEME: Final = HTTPBearer(
    scheme_name=API_KEY, bearerFormat="pb_<key id>_<secret>", description="An API key of a tenant.", auto_error=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made. `text` may only be shown to the caller who asked for it, and never logged."""

    key_id: str
    text: str = field(repr=False)
    secret_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedKey:
    """The key of a request, its secret already hashed."""

    key_id: str
    secret_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller of a request: the tenant that the key belongs to, and what the key may do."""

    tenant: str
    key_id: str
    scopes: frozenset[Scope]


def generate_key(random_bytes: RandomBytes) -> NewKey:
    """Make a new key."""
    # 8 bytes give 13 characters. The first 12 hold 60 bits, enough that ids do not collide.
    key_id = base64.b32encode(random_bytes(_ID_BYTES)).decode().lower()[:_ID_LENGTH]
    secret = base64.urlsafe_b64encode(random_bytes(_SECRET_BYTES)).decode().rstrip("=")
    return NewKey(key_id=key_id, text=f"pb_{key_id}_{secret}", secret_hash=_hash(secret))


def parse_key(text: str) -> ParsedKey | None:
    """Parse a key. Returns None for any text that is not one."""
    found = _KEY.fullmatch(text)
    return None if found is None else ParsedKey(key_id=found["id"], secret_hash=_hash(found["secret"]))


class ApiKeyAuth:
    """Authenticates requests by their API keys and limits how often each key may call.

    Each process counts for itself: with three processes a key may get through up to three times as often.
    """

    def __init__(self, keys: ReadOnlyView, *, clock: Clock, monotonic: Callable[[], float]) -> None:
        """`keys` is the view `auth.api_keys`; `monotonic` returns seconds, for the rate limits."""
        self._keys = keys
        self._clock = clock
        self._monotonic = monotonic
        self._limits = RateLimits()

    def require(self, scope: Scope) -> Callable[..., Coroutine[Any, Any, Caller]]:
        """Return the dependency of a route that needs this scope. It returns the `Caller` or raises a `Problem`.

        Every response to an authenticated caller, also an error, has the header `RateLimit`.
        """
        documented = Security(_SCHEME, scopes=[scope])

        async def caller(
            request: Request, _documented: Annotated[HTTPAuthorizationCredentials | None, documented]
        ) -> Caller:
            found = self._authenticate(request)
            if scope not in found.scopes:
                detail = f"This API key does not have the scope `{scope}`. Use a key that has it."
                raise _refused(Code.SCOPE_MISSING, detail, scope=scope)
            return found

        return caller

    def _authenticate(self, request: Request) -> Caller:
        """Return the caller of the request, and count the request once against its key."""
        known = getattr(request.state, "caller", None)
        if isinstance(known, Caller):
            return known  # a request counts once, even if several dependencies need its caller
        # Until the view is complete, a valid key would look unknown.
        if not self._keys.ready:
            raise _refused(Code.NOT_READY)
        key = self._valid_key(_parsed_key(request), request)
        self._take_request(key, request)
        caller = Caller(tenant=key.tenant, key_id=key.key_id, scopes=frozenset(key.scopes))
        request.state.caller = caller
        return caller

    def _valid_key(self, presented: ParsedKey | None, request: Request) -> ApiKeyIssued:
        """Return the key if it may be used now. Raises a 401 that reveals nothing without the secret."""
        if presented is None:
            raise _unauthorized(request, Code.API_KEY_MISSING)
        known = self._keys.get(presented.key_id)
        match known:
            case ApiKeyIssued(secret_hash=expected) | ApiKeyRevoked(secret_hash=expected):
                pass
            case _:
                # Compared too, so that the time of a response does not reveal which key ids exist.
                expected = _HASH_OF_NOTHING
        right = hmac.compare_digest(expected.encode(), presented.secret_hash.encode())
        # A caller learns that a key has expired or was revoked only with its secret.
        match known:
            case ApiKeyIssued(expires_at=end) if right and end is not None and end <= self._clock():
                raise _unauthorized(request, Code.API_KEY_EXPIRED)
            case ApiKeyIssued() if right:
                return known
            case ApiKeyRevoked() if right:
                raise _unauthorized(request, Code.API_KEY_REVOKED)
            case _:
                raise _unauthorized(request, Code.API_KEY_UNKNOWN)

    def _take_request(self, key: ApiKeyIssued, request: Request) -> None:
        """Count the request. Raises a 429 with `Retry-After` in seconds when the minute is used up."""
        allowance = self._limits.take(key.key_id, per_minute=key.requests_per_minute, now=self._monotonic())
        # Before the check, so that a refused request gets the header too.
        set_response_header(request.scope, allowance.headers)
        if not allowance.granted:
            set_response_header(request.scope, {"Retry-After": str(allowance.reset_seconds)})
            detail = (
                f"This API key may send {allowance.limit} requests per minute. "
                f"Send the request again in {allowance.reset_seconds} s."
            )
            raise _refused(Code.RATE_LIMITED, detail, limit=allowance.limit)


class AuthenticateBeforeBody(APIRoute):
    """A route that checks the API key before it parses the body.

    FastAPI parses the body first. Without this class, anybody could make the process parse bodies, and a caller
    without a key would get an error about the body. Use it as `APIRouter(route_class=AuthenticateBeforeBody)`. It runs
    every async dependency of the route that depends on a bearer scheme.
    """

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that authenticates first."""
        handle_parsed = super().get_route_handler()
        authenticators = [
            dependency.call
            for dependency in self.dependant.dependencies
            if dependency.call and any(isinstance(inner.call, HTTPBearer) for inner in dependency.dependencies)
        ]

        async def handle(request: Request) -> Response:
            """Authenticate, then let FastAPI parse the body and call the route."""
            for authenticate in authenticators:
                # The route calls it again later, and then gets the caller that is kept in the request.
                await authenticate(request, None)
            return await handle_parsed(request)

        return handle


def _parsed_key(request: Request) -> ParsedKey | None:
    """Return the key of the only `Authorization` header, None if that is not a key of ours."""
    match request.headers.getlist("authorization"):
        case [header]:
            found = _BEARER.fullmatch(header)
            return None if found is None else parse_key(found["text"])
        case _:
            return None  # no header, or several that may contradict each other


def _hash(secret: str) -> str:
    """Return the SHA-256 of the secret in hex: the only form in which it is stored."""
    # A fast hash is enough: 32 random bytes cannot be guessed, so a slow one would only cost time.
    return hashlib.sha256(secret.encode()).hexdigest()


def _unauthorized(request: Request, code: Code) -> Problem:
    """Return a 401. Its challenge names the scheme of our keys."""
    # RFC 9110 demands a challenge with every 401.
    set_response_header(request.scope, {"WWW-Authenticate": "Bearer"})
    return _refused(code)


def _refused(code: Code, detail: str | None = None, **members: object) -> Problem:
    """Count the refusal and return its problem."""
    API_KEY_REFUSALS.labels(code).inc()
    return Problem(code, detail, members=members)
