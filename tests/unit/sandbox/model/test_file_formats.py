"""Which files pass for videos and photos."""

import pytest

from tiktok_sandbox.model.file_formats import format_error
from tiktok_sandbox.model.publications import Medium

MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2"


WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"


@pytest.mark.parametrize(
    ("head", "usual", "strict"),
    [
        (MP4, True, True),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", True, True),
        (b"\x00\x00\x10\x00moov\x00\x00\x00\x6cmvhd", True, True),
        (WEBM, True, True),
        (WEBM.replace(b"webm", b"matroska"), False, False),
        (b"RIFF\x00\x00\x00\x00AVI LIST", False, False),
        (b"FLV\x01\x05", False, False),
        (b"\x00\x00\x01\xba\x44", False, False),
        (b"\x89PNG\r\n\x1a\n", False, False),
        (b"\xff\xd8\xff\xe0", False, False),
        (b"made up", True, False),
        (b"", True, False),
    ],
)
def test_video_format_is_accepted_or_rejected(head: bytes, *, usual: bool, strict: bool) -> None:
    assert (format_error(Medium.VIDEO, head, strict=False) == "") is usual
    assert (format_error(Medium.VIDEO, head, strict=True) == "") is strict


@pytest.mark.parametrize(
    ("head", "fine"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", True),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", True),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"GIF89a", False),
        (b"made up", False),
    ],
)
def test_photo_format_is_accepted_or_rejected(head: bytes, *, fine: bool) -> None:
    assert (format_error(Medium.PHOTO, head, strict=False) == "") is fine
