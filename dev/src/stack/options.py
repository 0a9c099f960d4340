"""What can be chosen about a local stack, and how the environment chooses it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from stack.errors import Unsupported

SERVICES = ("auth", "uploader", "publisher", "analytics")
FIRST_TENANT = "acme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices for one stack. The defaults are right for a test: everything of its own, on free ports."""

    usual_ports: bool = False
    """Take the usual ports where they are free, so that addresses can be remembered."""
    kafka: str | None = None
    """Bootstrap servers of a Kafka that somebody else runs."""
    mongodb: str | None = None
    """Address of a MongoDB that somebody else runs."""
    containers: bool = False
    """Run Kafka and MongoDB from their official images instead of from packages."""
    services: tuple[str, ...] = SERVICES
    tenant: str = ""
    """A tenant to begin with, whose API key is kept in the folder."""
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
        """Read the choices of the person at the terminal.

        Raises:
            Unsupported: POSTBUS_STACK names something else than `docker` or `packages`.
        """
        kind = environment.get("POSTBUS_STACK", "packages")
        if kind not in {"packages", "docker"}:
            raise Unsupported(what="POSTBUS_STACK", why=f"it can be packages or docker, not {kind}")
        return cls(
            usual_ports=True,
            kafka=environment.get("KAFKA_BOOTSTRAP_SERVERS") or None,
            mongodb=environment.get("MONGODB_URL") or None,
            containers=kind == "docker",
            tenant=FIRST_TENANT,
            partitions=int(environment.get("POSTBUS_PARTITIONS") or 4),
            replication_factor=int(environment.get("KAFKA_REPLICATION_FACTOR") or 1),
        )
