"""What can end the demo early.

StackError
└── DemoFailed
    ├── NotOurs           the folder holds something else
    ├── UnderWay          another demo runs in this folder
    ├── Overdue           something did not happen in time
    ├── ConsentFailed     the account could not be connected
    ├── PostEnded         Postbus gave the post up
    └── Unplayable        the video that was made cannot be played
"""

from pathlib import Path

from stack.errors import StackError


class DemoFailed(StackError):
    """The demo could not be told to its end."""


class NotOurs(DemoFailed):
    """The folder holds something that no stack has put there, and a demo begins by removing what is there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} holds something that is not a demo's; give --folder a new or empty one")


class UnderWay(DemoFailed):
    """Another demo runs in this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another demo is under way in {folder}; wait for its end, or give this one a --folder")


class Overdue(DemoFailed):
    """Something did not happen in time."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"waited {seconds:.0f} s for {what}, in vain")


class ConsentFailed(DemoFailed):
    """The account could not be connected."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"connecting the account ended at {where}: {why}")


class PostEnded(DemoFailed):
    """Postbus gave the post up."""

    def __init__(self, event: str, why: str) -> None:
        super().__init__(f"the post ended with {event}: {why}")


class Unplayable(DemoFailed):
    """The video that was made cannot be played."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the video that was made is no good: {why}")
