"""Search bytes for secrets in every form in which they may be written."""

import base64
import html
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

SHORTEST = 12
"""A form that is shorter may be there by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A secret. `owners` begin the names of the outputs that are meant to hold it; `raw` is a key's own bytes."""

    kind: str
    value: str
    owners: tuple[str, ...] = ()
    raw: bytes = b""

    def __repr__(self) -> str:
        return f"Canary({self.kind})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Something that the stack wrote. `records` is the number of lines, records or documents in it."""

    name: str
    content: bytes
    records: int = 1

    def __repr__(self) -> str:
        return f"Output({self.name})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A secret where it must not be, in one of its forms; `around` is what stands before it."""

    output: str
    kind: str
    form: str
    around: str = field(compare=False)


def forms_of(canary: Canary) -> dict[str, bytes]:
    """Every form in which a secret may be written, without duplicates."""
    found: dict[bytes, str] = {}
    for name, form in _forms(canary):
        found.setdefault(form, name)
    return {name: form for form, name in found.items() if len(form) >= SHORTEST}


def _forms(canary: Canary) -> Iterator[tuple[str, bytes]]:
    plain = canary.value.encode()
    yield "plain", plain
    if canary.raw:
        yield "raw", canary.raw
        yield "hex of raw", canary.raw.hex().encode()
        yield "repr of raw", repr(canary.raw)[2:-1].encode()
    yield "hex", plain.hex().encode()
    quoted = quote(canary.value, safe="")
    yield "url", quoted.encode()
    yield "url, small", quote(canary.value, safe="").lower().encode() if quoted.lower() != quoted else plain
    yield "url path", quote(canary.value).encode()
    yield "url twice", quote(quoted, safe="").encode()
    escaped = json.dumps(canary.value)[1:-1]
    yield "json", escaped.encode()
    yield "json, slashes", escaped.replace("/", "\\/").encode()
    yield "json, ampersands", escaped.replace("&", "\\u0026").replace("=", "\\u003d").encode()
    yield "json in json", json.dumps(escaped)[1:-1].encode()
    yield "html", html.escape(canary.value).encode()
    for name, content in (("", plain), (" of raw", canary.raw)):
        for shift in range(3) if content else ():
            standard = _within_base64(content, shift)
            yield f"base64{name} at {shift}", standard
            yield f"base64url{name} at {shift}", standard.translate(bytes.maketrans(b"+/", b"-_"))


def _within_base64(content: bytes, shift: int) -> bytes:
    """What is always there in the base64 of anything that holds it, so many bytes (by three) into it."""
    whole = base64.b64encode(bytes(shift) + content).rstrip(b"=")
    first = -(-shift * 8 // 6)
    complete = (shift + len(content)) * 8 // 6
    return whole[first:complete]


def search(canaries: Collection[Canary], outputs: Iterable[Output]) -> list[Hit]:
    """Look for every secret in every output that is not meant to hold it."""
    needles = [(canary, name, form) for canary in canaries for name, form in forms_of(canary).items()]
    return [
        Hit(output=output.name, kind=canary.kind, form=name, around=_around(output.content, form))
        for output in outputs
        for canary, name, form in needles
        if form in output.content and not output.name.startswith(canary.owners or ("\0",))
    ]


def _around(content: bytes, form: bytes) -> str:
    at = content.index(form)
    return content[max(at - 200, 0) : at].decode(errors="replace")
