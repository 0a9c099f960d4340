"""The four services as child processes: variables, start, readiness."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.keys import TOKEN_READERS, Keys
from stack.polling import answers_ok, wait_until
from stack.ports import HOST
from stack.processes import Child

USUAL_PORTS: Final = {"auth": 8101, "uploader": 8102, "publisher": 8103, "analytics": 8104}
CLIENT_KEY: Final = "sbawpostbusdemo00"
READY_TIMEOUT: Final = 60.0
# What a process needs from the shell to run at all. Everything else is set below, so that a service never depends on
# a variable that happens to be set in the terminal.
INHERITED: Final = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV"})


def webhook_url(publisher_port: int) -> str:
    """Return the address that TikTok sends webhooks about posts and accounts to."""
    return f"http://{HOST}:{publisher_port}/v1/webhooks/tiktok"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEnvironment:
    """What the services of one stack share, and each one's environment made of it.

    `overrides` are further variables of every service; they win over the stack's own.
    """

    bootstrap_servers: str
    mongodb_url: str
    sandbox_url: str
    media_url: str
    ca_file: Path
    auth_port: int
    partitions: int
    replication_factor: int
    keys: Keys
    overrides: Mapping[str, str]

    def variables_for(self, service: str, *, instance: str, port: int) -> dict[str, str]:
        """Return every environment variable of one service process."""
        own = service.upper()
        auth_url = f"http://{HOST}:{self.auth_port}"
        variables = {
            **{name: value for name, value in os.environ.items() if name in INHERITED},
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "KAFKA_REPLICATION_FACTOR": str(self.replication_factor),
            "POSTBUS_PARTITIONS": str(self.partitions),
            "SSL_CERT_FILE": str(self.ca_file),
            "TIKTOK_API_URL": self.sandbox_url,
            "TIKTOK_UPLOAD_HOSTS": self.sandbox_url.removeprefix("https://"),
            f"{own}_HTTP_HOST": HOST,
            f"{own}_HTTP_PORT": str(port),
            f"{own}_INSTANCE": instance,
            # The least that brokers allow: partitions of a killed worker are free again as early as possible.
            f"{own}_SESSION_TIMEOUT_MS": "6000",
            **self._specific_to(service, auth_url),
        }
        if service in TOKEN_READERS:
            variables[f"{own}_PRIVATE_KEY"] = self.keys.private[service]
        return {**variables, **self.overrides}

    def _specific_to(self, service: str, auth_url: str) -> dict[str, str]:
        match service:
            case "auth":
                return {
                    "TIKTOK_AUTHORIZE_URL": f"{self.sandbox_url}/v2/auth/authorize/",
                    "TIKTOK_CLIENT_KEY": CLIENT_KEY,
                    "TIKTOK_CLIENT_SECRET": self.keys.client_secret,
                    "TIKTOK_REDIRECT_URI": f"{auth_url}/v1/oauth/callback",
                    "TIKTOK_PKCE": "hex",
                    "AUTH_PUBLIC_URL": auth_url,
                    "AUTH_BOOTSTRAP_SECRET": self.keys.bootstrap,
                    "AUTH_VAULT_KEYS": self.keys.vault_keys,
                    "AUTH_SERVICE_PUBLIC_KEYS": self.keys.service_public_keys,
                }
            case "uploader":
                # The media server has a loopback address, which the uploader refuses otherwise.
                return {"UPLOADER_TRUSTED_SOURCES": self.media_url.removeprefix("https://")}
            case "publisher":
                return {"TIKTOK_CLIENT_KEY": CLIENT_KEY, "TIKTOK_CLIENT_SECRET": self.keys.client_secret}
            case "analytics":
                # Early ages, so that several samples exist within a minute.
                return {"MONGODB_URL": self.mongodb_url, "ANALYTICS_COLLECT_AGES": "2s,4s,8s,15s,30s,1m,5m"}
            case _:
                return {}


class ServiceProcess(Child):
    """One process of a service.

    If it dies it is started again, with the same port and membership id.
    """

    def __init__(self, service: str, *, instance: str, port: int, environment: ServiceEnvironment, log: Path) -> None:
        super().__init__(
            instance,
            [sys.executable, "-m", f"{service}_service"],
            log=log,
            environment=environment.variables_for(service, instance=instance, port=port),
            restart=True,
        )
        self.port = port
        self.url = f"http://{HOST}:{port}"

    def wait_ready(self, *, timeout: float = READY_TIMEOUT) -> None:
        """Return once `/readyz` answers 200.

        Raises:
            ProcessExited: it dies again and again.
            NotReady: it was not ready in time.
        """
        wait_until(lambda: answers_ok(f"{self.url}/readyz"), name=self.name, timeout=timeout, child=self)
