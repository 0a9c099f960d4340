"""Creates tenants and API keys as an operator does: through auth's admin API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from stack.errors import ApiKeyNotCreated
from stack.polling import wait_until

SCOPES: Final = ("posts:write", "analytics:read", "accounts:manage")
REQUESTS_PER_MINUTE: Final = 60_000
"""Far more than a test that polls needs. For a customer's key the operator chooses the limit."""
ANSWER_TIMEOUT: Final = 20.0
ACCEPTED_TIMEOUT: Final = 30.0
# One request per edge that needs a key. Any answer but 401 and 503 shows that the edge knows the key.
_PROBES: Final = {
    "auth": ("GET", "/v1/accounts"),
    "publisher": ("POST", "/v1/posts"),
    "analytics": ("GET", "/v1/posts/none"),
}


class Operator:
    """An operator of a stack, who has auth's bootstrap secret.

    `urls` are the edges that have to know a new key, by service name.
    """

    def __init__(self, urls: Mapping[str, str], bootstrap_secret: str) -> None:
        self._urls = urls
        self._secret = bootstrap_secret

    def create_key(self, tenant: str, scopes: tuple[str, ...] = SCOPES) -> str:
        """Create an API key, and its tenant if missing; return once every edge accepts it.

        An edge learns of a key from Kafka, a moment after auth has answered.

        Raises:
            ApiKeyNotCreated: auth refused.
            NotReady: an edge did not accept the key in time.
        """
        tenants = f"{self._urls['auth']}/v1/admin/tenants"
        operator = _bearer(self._secret)
        with httpx.Client(timeout=ANSWER_TIMEOUT, trust_env=False, headers=operator) as http:
            if http.get(f"{tenants}/{tenant}").status_code == httpx.codes.NOT_FOUND:
                _require_success(http.put(f"{tenants}/{tenant}", json={"name": tenant}), tenant)
            requested = {"name": "stack", "scopes": scopes, "requests_per_minute": REQUESTS_PER_MINUTE}
            key = str(_require_success(http.post(f"{tenants}/{tenant}/keys", json=requested), tenant).json()["key"])
        wait_until(lambda: self.is_accepted(key), name=f"the API key of {tenant}", timeout=ACCEPTED_TIMEOUT)
        return key

    def is_accepted(self, key: str) -> bool:
        """Return whether every edge accepts the key."""
        with httpx.Client(timeout=ANSWER_TIMEOUT, trust_env=False, headers=_bearer(key)) as http:
            answers = [
                http.request(method, self._urls[name] + path)
                for name, (method, path) in _PROBES.items()
                if name in self._urls
            ]
        # 503: the edge has not read the keys yet.
        unknown = {httpx.codes.UNAUTHORIZED, httpx.codes.SERVICE_UNAVAILABLE}
        return not any(answer.status_code in unknown for answer in answers)

    def write_key(self, path: Path, tenant: str) -> None:
        """Write an API key of the tenant to a file; keep one that still works.

        Only the file's owner can read it.
        """
        if path.exists() and self.is_accepted(path.read_text().strip()):
            return
        path.touch(mode=0o600)
        path.write_text(self.create_key(tenant) + "\n")


def _bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def _require_success(answer: httpx.Response, tenant: str) -> httpx.Response:
    if not answer.is_success:
        raise ApiKeyNotCreated(tenant, answer.status_code, answer.text)
    return answer
