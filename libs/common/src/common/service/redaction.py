"""What others wrote and we repeat, in an answer, an event or a log: without the secrets that may be in it."""

import re
from typing import Final

REDACTED: Final = "[redacted]"

_WORD: Final = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_OF_EACH: Final = tuple(re.compile(characters) for characters in ("[a-z]", "[A-Z]", "[0-9]"))


def redact(text: str) -> str:
    """Hide long words of small and capital letters and digits: tokens and keys look so, and names and times do not."""
    return _WORD.sub(_hide, text)


def _hide(word: re.Match[str]) -> str:
    return REDACTED if all(characters.search(word[0]) for characters in _OF_EACH) else word[0]
