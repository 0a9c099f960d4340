"""The service's name and the roles its processes can take."""

from enum import StrEnum

NAME = "uploader"


class Role(StrEnum):
    """What a process of the uploader does."""

    WORKER = "worker"
