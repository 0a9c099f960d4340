"""The service's name and the roles its processes can take."""

from enum import StrEnum

NAME = "auth"


class Role(StrEnum):
    """What a process of auth does."""

    WORKER = "worker"
    EDGE = "edge"
