"""Hides possible secrets in foreign text before it is repeated in a response, an event or a log."""

import re
from typing import Final

REDACTED: Final = "[redacted]"

_LONG_WORD: Final = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_CHARACTER_CLASSES: Final = tuple(re.compile(characters) for characters in ("[a-z]", "[A-Z]", "[0-9]"))


def redact(text: str) -> str:
    """Hide long words that mix small letters, capital letters and digits.

    Tokens and keys look like that; names, ids and times do not.
    """
    return _LONG_WORD.sub(_hide, text)


def _hide(word: re.Match[str]) -> str:
    return REDACTED if all(characters.search(word[0]) for characters in _CHARACTER_CLASSES) else word[0]
