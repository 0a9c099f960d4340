"""No route lets a tenant see or change another tenant's things. New routes are tried automatically."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import httpx
import pytest

from harness.openapi_requests import KEY, OPERATOR, TIKTOK, Filled, Operation, fill, operations
from harness.product import AGES, NUMBERS_WITHIN, Account, Clip, Product, Request, open_product, without_volatile
from harness.waiting import eventually
from stack.api_keys import SCOPES
from stack.local import Stack
from stack.polling import run_in_own_loop
from stack.services import CLIENT_KEY

EDGES = ("auth", "publisher", "analytics")
OPEN = {
    *(f"{service} GET {path}" for service in EDGES for path in ("/healthz", "/readyz", "/metrics")),
    *(f"auth GET {path}" for path in ("/v1/oauth/start", "/v1/oauth/callback")),
}
"""Routes without credentials. Think before adding one: every caller may use it."""
REFUSED = {OPERATOR: "admin_secret_wrong", TIKTOK: "webhook_signature_wrong"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The identifiers of a tenant's things."""

    tenant: str
    account_id: str
    post_id: str
    key_id: str
    open_id: str
    return_url: str


UNKNOWN = Ids(
    tenant="unknown-tenant",
    account_id="acc_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    post_id="unknown-post",
    key_id="aaaaaaaaaaaa",
    open_id="-000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    return_url="https://unknown-tenant.example/back",
)
VALUES: dict[str, Callable[[Ids], Any]] = {
    "tenant": lambda ids: ids.tenant,
    "account_id": lambda ids: ids.account_id,
    "post_id": lambda ids: ids.post_id,
    "key_id": lambda ids: ids.key_id,
    "user_openid": lambda ids: ids.open_id,
    "return_to": lambda ids: ids.return_url,
    "return_urls": lambda ids: [ids.return_url],
    # These values identify nothing.
    **dict.fromkeys(("connect_token", "state", "code", "error", "error_type"), lambda _: "nonsense"),
    **dict.fromkeys(("name", "caption", "client_key", "client_secret"), lambda _: "taken-over"),
    **dict.fromkeys(("allow_comment", "allow_duet", "allow_stitch"), lambda _: True),
    **dict.fromkeys(("brand_content", "brand_organic", "is_aigc"), lambda _: False),
    **dict.fromkeys(("cover_timestamp_ms", "publish_at", "not_after", "expires_at"), lambda _: None),
    "url": lambda _: "https://media.example/taken-over.mp4",
    "privacy_level": lambda _: "SELF_ONLY",
    "ConnectRequest.scopes": lambda _: ["user.info.basic"],
    "KeyInput.scopes": lambda _: list(SCOPES),
    "pkce": lambda _: "none",
    "requests_per_minute": lambda _: 1,
    "limit": lambda _: 100,
    "since": lambda _: "2020-01-01T00:00:00Z",
    "traceparent": lambda _: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "POST /v1/webhooks/tiktok.client_key": lambda _: CLIENT_KEY,
    "event": lambda _: "authorization.removed",
    "create_time": lambda _: 1_800_000_000,
    "content": lambda _: "{}",
    "GET /v1/accounts after": lambda _: "",
    "GET /v1/posts/{post_id}/metrics after": lambda _: "eyJhdCI6IjIwMjAtMDEtMDFUMDA6MDA6MDBaIiwiaWQiOiJ4In0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A tenant with a connected account, a post with its numbers, and an API key. `traces` give it away."""

    ids: Ids
    headers: dict[str, str]
    traces: frozenset[str]


@pytest.fixture(scope="module")
def sides(stack: Stack, short_clip: Clip) -> tuple[Side, Side]:
    """Us, and them."""
    return run_in_own_loop(lambda: _settle(stack, short_clip))


async def _settle(stack: Stack, clip: Clip) -> tuple[Side, Side]:
    async with open_product(stack) as product:
        accounts = [await product.connect(f"{name}-isolated") for name in ("us", "them")]
        requests = [product.request(account, clip) for account in accounts]
        await product.request_posts(*requests)
        us, them = [await _side(product, account, request) for account, request in zip(accounts, requests, strict=True)]
        return us, them


async def _side(product: Product, account: Account, request: Request) -> Side:
    key = await product.key_of(account.tenant)
    ids = Ids(
        tenant=account.tenant,
        account_id=account.account_id,
        post_id=request["post_id"],
        key_id=key["Authorization"].split("_")[1],
        open_id=account.open_id,
        return_url=f"https://{account.tenant}.example/back",
    )
    described = {"name": account.tenant, "return_urls": [ids.return_url]}
    (await product.administer("PUT", f"/{ids.tenant}", described)).raise_for_status()

    async def settled() -> bool:
        series = (await product.call("analytics", f"/v1/posts/{ids.post_id}/metrics", key)).json()
        return len(series.get("metrics", ())) == AGES

    await eventually(settled, what=f"all numbers of {ids.post_id}", within=NUMBERS_WITHIN)
    shown = (await product.call("auth", f"/v1/accounts/{ids.account_id}", key)).json()
    post = (await product.call("analytics", f"/v1/posts/{ids.post_id}", key)).json()
    names = {shown[name] for name in ("open_id", "display_name", "username", "avatar_url") if shown.get(name)}
    videos = {video["video_id"] for video in post["videos"]}
    publishes = {event["details"]["publish_id"] for event in post["timeline"] if "publish_id" in event["details"]}
    assert names
    assert videos
    assert publishes
    return Side(
        ids=ids,
        headers=key,
        traces=frozenset({*asdict(ids).values(), *names, *videos, *publishes, request["caption"]}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Both tenants, and every route there is."""

    product: Product
    us: Side
    them: Side
    routes: tuple[Operation, ...]

    def tries(self, ids: Ids, *asks_for: str) -> Iterator[tuple[Operation, Filled]]:
        """Every route with these credentials, once with all fields and once with the required ones only."""
        for route in self.routes:
            if route.asks_for == {*asks_for}:
                yield route, fill(route, lambda name: VALUES[name](ids))
                yield route, fill(route, lambda name: VALUES[name](ids), optional=False)

    async def ask(self, route: Operation, filled: Filled, headers: dict[str, str]) -> httpx.Response:
        return await self.product.call(
            route.service,
            filled.path,
            {**filled.headers, **headers},
            method=route.method,
            params=filled.query,
            json=filled.body,
        )

    async def belongings(self, side: Side) -> dict[str, Any]:
        """All that a tenant and its operator can see of it, without the fields that change with time."""
        found = {}
        for service, path in (
            ("auth", "/v1/accounts"),
            ("auth", f"/v1/accounts/{side.ids.account_id}"),
            ("analytics", f"/v1/posts/{side.ids.post_id}"),
            ("analytics", f"/v1/posts/{side.ids.post_id}/metrics"),
        ):
            found[path] = without_volatile(
                (await self.product.call(service, path, side.headers)).raise_for_status().json()
            )
        for path in (f"/{side.ids.tenant}", f"/{side.ids.tenant}/keys"):
            found[path] = (await self.product.administer("GET", path)).raise_for_status().json()
        return found

    def leaks(self, answer: httpx.Response) -> set[str]:
        """The other tenant's data in an answer that the request itself did not contain."""
        text = f"{answer.text}\n{answer.headers}"
        for sent in asdict(self.them.ids).values():
            if sent in f"{answer.request.url}{answer.request.content.decode()}":
                text = text.replace(sent, "")
        return {trace for trace in self.them.traces if trace in text}


@pytest.fixture
async def trial(product: Product, sides: tuple[Side, Side]) -> AsyncIterator[Trial]:
    """All routes. At the end, nothing of the other tenant has changed."""
    routes = [
        route
        for service in EDGES
        for route in operations(service, (await product.call(service, "/openapi.json", {})).raise_for_status().json())
    ]
    us, them = sides
    trial = Trial(product=product, us=us, them=them, routes=tuple(routes))
    before = await trial.belongings(them)
    yield trial
    assert await trial.belongings(them) == before


async def test_every_route_needs_one_credential_or_is_listed_as_open(trial: Trial) -> None:
    kinds = {f"{route.service} {route.name}": route.asks_for for route in trial.routes}
    assert {name for name, kind in kinds.items() if not kind} == OPEN
    assert {kind for kind in kinds.values() if kind} == {frozenset({KEY}), frozenset({OPERATOR}), frozenset({TIKTOK})}
    scopes = [route.scopes for route in trial.routes if route.scopes is not None]
    assert {scope for (scope,) in scopes} == set(SCOPES)


async def test_every_field_of_every_route_has_a_test_value(trial: Trial) -> None:
    missing_values: list[str] = []
    for route in trial.routes:
        try:
            fill(route, lambda name: VALUES[name](trial.them.ids))
        except KeyError as missing:
            missing_values.append(f"{route.name}: {missing}")
    assert missing_values == []


async def test_tenant_sees_its_own_things(trial: Trial) -> None:
    seen: set[str] = set()
    for path, shown in (await trial.belongings(trial.them)).items():
        traces = {trace for trace in trial.them.traces if trace in str(shown)}
        assert traces, path
        seen |= traces
    assert seen == trial.them.traces


async def test_another_tenants_things_look_like_unknown_ones(trial: Trial) -> None:
    faults: list[str] = []
    compared = 0
    unknowns = trial.tries(UNKNOWN, KEY)
    for (route, theirs), (_, unknown) in zip(trial.tries(trial.them.ids, KEY), unknowns, strict=True):
        answer = await trial.ask(route, theirs, trial.us.headers)
        faults += [f"{route.name} leaks {trace}" for trace in trial.leaks(answer)]
        if theirs == unknown:
            continue  # names nothing of theirs
        compared += 1
        other = await trial.ask(route, unknown, trial.us.headers)
        found, expected = (
            (answer.status_code, _as_unknown(answer.text, trial.them.ids)),
            (other.status_code, other.text),
        )
        if found != expected:
            faults.append(f"{route.name}: {found} instead of {expected} as for an unknown id")
        if answer.is_success:
            faults.append(f"{route.name}: it was done")
    assert faults == []
    assert compared >= 8


def _as_unknown(text: str, ids: Ids) -> str:
    for name, value in asdict(ids).items():
        text = text.replace(value, getattr(UNKNOWN, name))
    return text


async def test_request_without_a_key_is_refused_without_leaks(trial: Trial) -> None:
    for route, theirs in trial.tries(trial.them.ids, KEY):
        for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Bearer pb_{trial.them.ids.key_id}_"}):
            answer = await trial.ask(route, theirs, headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "api_key_missing"), route.name
            assert trial.leaks(answer) == set()


async def test_another_tenants_key_id_with_our_secret_is_refused(trial: Trial) -> None:
    ours = trial.us.headers["Authorization"].rpartition(f"pb_{trial.us.ids.key_id}_")[2]
    forged = {"Authorization": f"Bearer pb_{trial.them.ids.key_id}_{ours}"}
    for route, theirs in trial.tries(trial.them.ids, KEY):
        answer = await trial.ask(route, theirs, forged)
        assert (answer.status_code, answer.json()["code"]) == (401, "api_key_unknown"), route.name


async def test_key_without_the_scope_is_refused(trial: Trial) -> None:
    for ids in (trial.them.ids, trial.us.ids):
        for route, filled in trial.tries(ids, KEY):
            (needed,) = route.scopes or ()
            lacking = await trial.product.key_of(trial.us.ids.tenant, *(scope for scope in SCOPES if scope != needed))
            answer = await trial.ask(route, filled, lacking)
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), route.name
            assert answer.json()["scope"] == needed


@pytest.mark.parametrize("kind", [OPERATOR, TIKTOK])
async def test_api_key_is_refused_on_operator_and_tiktok_routes(trial: Trial, kind: str) -> None:
    tries = list(trial.tries(trial.them.ids, kind))
    assert tries
    for route, theirs in tries:
        for headers in ({}, trial.us.headers, trial.them.headers):
            answer = await trial.ask(route, theirs, headers)
            assert (answer.status_code, answer.json()["code"]) == (401, REFUSED[kind]), route.name
            assert trial.leaks(answer) == set()


async def test_open_routes_leak_nothing(trial: Trial) -> None:
    for route, filled in trial.tries(trial.them.ids):
        for headers in ({}, trial.us.headers):
            assert trial.leaks(await trial.ask(route, filled, headers)) == set(), route.name
