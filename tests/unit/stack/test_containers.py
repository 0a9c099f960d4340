"""A container that does not start is a clear refusal, not a traceback of Docker's client."""

import pytest
from docker.errors import DockerException  # type: ignore[import-untyped]  # docker ships no types
from testcontainers.core.container import DockerContainer

from stack.containers import run
from stack.errors import Unsupported


class DeadEngine(DockerContainer):
    """A container whose Docker engine does not answer."""

    def __init__(self) -> None:
        """Skip the connection to an engine."""

    def start(self) -> "DeadEngine":
        message = "no engine"
        raise DockerException(message)


def test_run_without_an_engine_names_the_setting() -> None:
    with pytest.raises(Unsupported, match="POSTBUS_STACK=docker is not possible here: no engine"):
        run(DeadEngine())
