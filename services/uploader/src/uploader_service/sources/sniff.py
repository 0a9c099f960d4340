"""Recognises a video by its first bytes. File names and Content-Type headers are often wrong; TikTok ignores them."""

from uploader_service.sources.problems import NotAVideo

SNIFFED_BYTES = 4096

_EBML = b"\x1a\x45\xdf\xa3"
_DOCTYPE = b"\x42\x82"
_QUICKTIME = b"qt  "
# Pictures and sound have an ftyp box, too; with these brands there is no video inside.
_OTHER_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis", b"M4A ", b"M4B ", b"M4P ", b"crx "}
)
# Size, `ftyp`, brand and version have four bytes each.
_FTYP_MIN = 16
_SHOWN_BYTES = 8


def content_type_of(head: bytes) -> str | NotAVideo:
    """Return the content type to upload with, from the file's first bytes."""
    if head[4:8] == b"ftyp" and len(head) >= _FTYP_MIN:
        return _of_brand(head[8:12])
    if head.startswith(_EBML):
        doctype = _doctype(head)
        return "video/webm" if doctype == b"webm" else NotAVideo(f"Matroska of type {_printable(doctype) or 'unknown'}")
    return NotAVideo(_looks_like(head))


def _of_brand(brand: bytes) -> str | NotAVideo:
    if brand in _OTHER_BRANDS:
        return NotAVideo(f"those of a picture or sound file ({_printable(brand)})")
    return "video/quicktime" if brand == _QUICKTIME else "video/mp4"


def _doctype(head: bytes) -> bytes:
    """Return the text of the EBML header's DocType element, empty if there is none."""
    at, size = _vint(head, len(_EBML))
    end = min(at + size, len(head))
    while 0 < at < end:
        element = head[at : at + _id_length(head[at])]
        at, size = _vint(head, at + len(element))
        if element == _DOCTYPE:
            return head[at : at + size].rstrip(b"\0")
        at += size
    return b""


def _id_length(first_byte: int) -> int:
    """Return the length of an EBML id in bytes.

    It is one more than the leading zero bits of the first byte.
    """
    return 9 - first_byte.bit_length()


def _vint(head: bytes, at: int) -> tuple[int, int]:
    """Return where the data begins and its length; past the end if the length is cut off or illegal."""
    if at >= len(head) or head[at] == 0:
        return len(head), 0
    length = 9 - head[at].bit_length()
    value = int.from_bytes(head[at : at + length], "big") & ((1 << 7 * length) - 1)
    return at + length, value


_SIGNATURES = (
    (b"<", "those of a web page or XML"),
    (b"{", "those of JSON"),
    (b"\x89PNG", "those of a PNG picture"),
    (b"\xff\xd8\xff", "those of a JPEG picture"),
    (b"GIF8", "those of a GIF picture"),
    (b"PK\x03\x04", "those of a ZIP archive"),
    (b"%PDF", "those of a PDF"),
    (b"ID3", "those of an MP3"),
    (b"RIFF", "those of a RIFF file such as AVI or WAV"),
    (b"FLV", "those of Flash video"),
)


def _looks_like(head: bytes) -> str:
    text = head.lstrip()
    for signature, name in _SIGNATURES:
        if text.startswith(signature):
            return name
    return head[:_SHOWN_BYTES].hex(" ")


def _printable(text: bytes) -> str:
    return "".join(chr(byte) for byte in text if chr(byte).isascii() and chr(byte).isprintable()).strip()
