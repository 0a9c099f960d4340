"""What can go wrong in the stand-in itself; what TikTok would answer is a value, not an error.

SandboxError
├── SettingsRefused    a file of settings or rules is not what it should be
├── StateRefused       the saved state cannot be read
├── AnswerLost         a rule wants the connection cut without an answer
└── NeverAnswered      a rule wants the client to wait in vain
"""

from pathlib import Path


class SandboxError(Exception):
    """Anything the stand-in itself cannot do."""


class SettingsUnreadable(SandboxError):
    """Correct the file of settings or rules and start again."""

    def __init__(self, path: Path, cause: Exception) -> None:
        super().__init__(f"cannot read {path}: {cause}")


class StateUnreadable(SandboxError):
    """Remove the saved state (everything is forgotten) or start the version that wrote it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"cannot read the saved state in {path}")


class AnswerLost(SandboxError):
    """Cut the connection; the client shall not learn what happened."""

    def __init__(self) -> None:
        super().__init__("the answer is lost on purpose")


class NeverAnswered(SandboxError):
    """Keep the connection open and say nothing, until the client leaves or the rule ends."""

    def __init__(self, rule_id: str) -> None:
        super().__init__("the answer never comes, on purpose")
        self.rule_id = rule_id
