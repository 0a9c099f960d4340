"""What can end the demo early.

StackError
└── DemoFailed
    ├── ForeignFolder       the folder holds files that no stack made
    ├── DemoAlreadyRunning  another demo runs in this folder
    ├── TimedOut            an expected step did not happen in time
    ├── ConsentFailed       the account could not be connected
    ├── PostFailed          the post ended with `post.failed`
    └── UnplayableVideo     the generated video cannot be played
"""

from pathlib import Path

from stack.errors import StackError


class DemoFailed(StackError):
    """The demo could not be run to its end."""


class ForeignFolder(DemoFailed):
    """The folder holds files that no stack made.

    A demo deletes its folder first, so it refuses this one.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(f"The folder holds files that are not a stack's: {folder}. Give --folder a new or empty one.")


class DemoAlreadyRunning(DemoFailed):
    """Another demo runs in this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Another demo runs in this folder: {folder}. Wait for its end, or give --folder another one.")


class TimedOut(DemoFailed):
    """An expected step did not happen in time."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"This did not happen within {seconds:.0f} s: {what}. The services' logs may say why.")


class ConsentFailed(DemoFailed):
    """The account could not be connected."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"Connecting the account failed at {where}: {why}. The log of auth may say more.")


class PostFailed(DemoFailed):
    """The post ended with `post.failed`."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The post failed: {why}. What the reason means: docs/events/README.md.")


class UnplayableVideo(DemoFailed):
    """The generated video cannot be played."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The generated video cannot be played: {why}. Delete it and try again.")
