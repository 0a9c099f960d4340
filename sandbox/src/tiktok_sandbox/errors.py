"""Errors of the sandbox itself. What TikTok would answer is a value, not an error.

SandboxError
├── SettingsUnreadable   a file of settings or rules is missing or malformed
├── StateUnreadable      the saved state is locked, damaged or of another version
├── AnswerLost           a rule closes the connection without an answer
└── NeverAnswered        a rule lets the client wait for ever
"""

from pathlib import Path


class SandboxError(Exception):
    """Base class of every error of the sandbox."""


class SettingsUnreadable(SandboxError):
    """A file of settings or rules cannot be read."""

    def __init__(self, path: Path, cause: Exception) -> None:
        super().__init__(f"Cannot read {path}: {cause}. Correct the file and start again.")


class StateUnreadable(SandboxError):
    """The saved state cannot be read.

    Another process may have it open, or another version wrote it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Cannot read the saved state: {path}. Stop the other sandbox that uses it, or delete the file."
        )


class AnswerLost(SandboxError):
    """A rule closes the connection, so the client never learns the result."""

    def __init__(self) -> None:
        super().__init__("A rule closes the connection without an answer.")


class NeverAnswered(SandboxError):
    """A rule leaves the client waiting until it disconnects or the rule ends."""

    def __init__(self, rule_id: str) -> None:
        super().__init__("A rule leaves the call without an answer.")
        self.rule_id = rule_id
