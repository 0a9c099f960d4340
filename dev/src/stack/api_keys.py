"""Tenants and their API keys, made as an operator makes them: through auth's admin API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from stack.errors import KeyRefused
from stack.waiting import until

SCOPES: Final = ("posts:write", "analytics:read", "accounts:manage")
REQUESTS_PER_MINUTE: Final = 60_000
"""Far more than a test that asks again and again; what a key of a customer's may do is for its operator to say."""
ANSWER_WITHIN: Final = 20.0
KNOWN_WITHIN: Final = 30.0
# One address of each edge that needs a key: what it answers to one that it knows matters to nobody.
_PROBES: Final = {
    "auth": ("GET", "/v1/accounts"),
    "publisher": ("POST", "/v1/posts"),
    "analytics": ("GET", "/v1/posts/none"),
}


class Operator:
    """Whoever holds the bootstrap secret of a stack's auth. `urls` names the edges that have to know a new key."""

    def __init__(self, urls: Mapping[str, str], bootstrap_secret: str) -> None:
        self._urls = urls
        self._secret = bootstrap_secret

    def issue(self, tenant: str, scopes: tuple[str, ...] = SCOPES) -> str:
        """Make the tenant, unless it is there, and an API key for it; return once every edge takes the key.

        Raises:
            KeyRefused: auth does not do it.
            NotReady: an edge does not get to know the key.
        """
        tenants = f"{self._urls['auth']}/v1/admin/tenants"
        operator = _bearer(self._secret)
        with httpx.Client(timeout=ANSWER_WITHIN, trust_env=False, headers=operator) as http:
            if http.get(f"{tenants}/{tenant}").status_code == httpx.codes.NOT_FOUND:
                _demand(http.put(f"{tenants}/{tenant}", json={"name": tenant}), tenant)
            wanted = {"name": "stack", "scopes": scopes, "requests_per_minute": REQUESTS_PER_MINUTE}
            key = str(_demand(http.post(f"{tenants}/{tenant}/keys", json=wanted), tenant).json()["key"])
        until(lambda: self.is_good(key), name=f"the API key of {tenant}", timeout=KNOWN_WITHIN)
        return key

    def is_good(self, key: str) -> bool:
        """Say whether every edge knows the key."""
        with httpx.Client(timeout=ANSWER_WITHIN, trust_env=False, headers=_bearer(key)) as http:
            answers = [
                http.request(method, self._urls[name] + path)
                for name, (method, path) in _PROBES.items()
                if name in self._urls
            ]
        unknown = {httpx.codes.UNAUTHORIZED, httpx.codes.SERVICE_UNAVAILABLE}
        return not any(answer.status_code in unknown for answer in answers)

    def keep(self, path: Path, tenant: str) -> None:
        """Have a good API key of the tenant in a file that only its owner reads; one that is there and good stays."""
        if path.exists() and self.is_good(path.read_text().strip()):
            return
        path.touch(mode=0o600)
        path.write_text(self.issue(tenant) + "\n")


def _bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def _demand(answer: httpx.Response, tenant: str) -> httpx.Response:
    if not answer.is_success:
        raise KeyRefused(tenant, answer.status_code, answer.text)
    return answer
