"""Recognises a file by its first bytes, which is all that the sandbox looks at."""

from typing import Final

from tiktok_sandbox.model.publications import Medium

HEAD_BYTES: Final = 64

FORMAT_CHECK_FAILED: Final = "file_format_check_failed"

_EBML: Final = b"\x1a\x45\xdf\xa3"
# Old QuickTime files begin with any of these instead of `ftyp`.
_MOVIE_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_OTHER_SIGNATURES: Final = (
    b"FLV",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"\x00\x00\x01\xba",
    b"\x00\x00\x01\xb3",
    b"OggS",
)
_ASF: Final = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"


def format_error(medium: Medium, head: bytes, *, strict: bool) -> str:
    """Return the reason with which TikTok fails a file of this kind.

    Empty if it is accepted.

    A video of unknown kind passes unless `strict`, so that tests may post arbitrary bytes. Photos are always
    checked.
    """
    if medium is Medium.PHOTO:
        return "" if _is_photo(head) else FORMAT_CHECK_FAILED
    fine = _is_video(head) if strict else not _is_known_other_format(head)
    return "" if fine else FORMAT_CHECK_FAILED


def _is_photo(head: bytes) -> bool:
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return is_webp or head.startswith(b"\xff\xd8\xff")


def _is_video(head: bytes) -> bool:
    if head.startswith(_EBML):
        # Matroska begins with the same bytes. Its DocType, a few bytes later, is another.
        return b"webm" in head
    # AVIF and HEIC pictures use the same container as MP4.
    return head[4:8] in _MOVIE_BOXES and head[8:12] not in {b"avif", b"heic", b"mif1"}


def _is_known_other_format(head: bytes) -> bool:
    """Return whether the bytes are of a format that TikTok rejects.

    Known are AVI, FLV, MPEG, WMV, Ogg, Matroska and pictures.
    """
    is_riff = head[:4] == b"RIFF"
    is_matroska = head.startswith(_EBML) and b"matroska" in head
    return is_riff or is_matroska or head.startswith((*_OTHER_SIGNATURES, _ASF))
