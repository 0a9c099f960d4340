"""The choices for a local stack, and the environment variables that make them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from stack.errors import Unsupported

SERVICES = ("auth", "uploader", "publisher", "analytics")
FIRST_TENANT = "acme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices for one stack.

    The defaults suit a test: every process is its own, on free ports.
    """

    usual_ports: bool = False
    """Take the documented ports if they are free."""
    kafka: str | None = None
    """Bootstrap servers of a Kafka to use instead of starting one."""
    mongodb: str | None = None
    """Address of a MongoDB to use instead of starting one."""
    containers: bool = False
    """Run Kafka and MongoDB from their official images, not from packages."""
    services: tuple[str, ...] = SERVICES
    tenant: str = ""
    """A tenant to create at the start, with an API key in the folder; none if empty."""
    partitions: int = 4
    replication_factor: int = 1
    sandbox: tuple[str, ...] = ()
    """Further arguments of the sandbox's command line."""
    media: tuple[str, ...] = ()
    """Further arguments of the media server's command line."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further variables of every service; they win over the stack's own."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the user's choices from environment variables.

        Raises:
            Unsupported: POSTBUS_STACK is neither `docker` nor `packages`.
        """
        kind = environment.get("POSTBUS_STACK", "packages")
        # Refused, not ignored: a misspelt value would silently start other servers.
        if kind not in {"packages", "docker"}:
            raise Unsupported(what="POSTBUS_STACK", why=f"its value is {kind}. Set it to packages or docker.")
        return cls(
            usual_ports=True,
            kafka=environment.get("KAFKA_BOOTSTRAP_SERVERS") or None,
            mongodb=environment.get("MONGODB_URL") or None,
            containers=kind == "docker",
            tenant=FIRST_TENANT,
            partitions=int(environment.get("POSTBUS_PARTITIONS") or 4),
            replication_factor=int(environment.get("KAFKA_REPLICATION_FACTOR") or 1),
        )
