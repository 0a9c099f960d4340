"""The service's name and the roles its processes can take."""

from enum import StrEnum

NAME = "publisher"


class Role(StrEnum):
    """What a process of the publisher does."""

    WORKER = "worker"
    EDGE = "edge"
