"""The service's name and the roles its processes can take."""

from enum import StrEnum

NAME = "analytics"


class Role(StrEnum):
    """What a process of analytics does."""

    WORKER = "worker"
    PROJECTOR = "projector"
    EDGE = "edge"
