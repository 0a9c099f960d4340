"""Videos are recognised by their first bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploader_service.sources.problems import NotAVideo
from uploader_service.sources.sniff import content_type_of


def ftyp(brand: bytes) -> bytes:
    return b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x02\x00isommp42"


def ebml(doctype: bytes, before: bytes = b"\x42\x86\x81\x01") -> bytes:
    body = before + b"\x42\x82" + bytes([0x80 | len(doctype)]) + doctype + b"\x42\x87\x81\x04"
    return b"\x1a\x45\xdf\xa3" + b"\x01" + len(body).to_bytes(7, "big") + body + b"\x18\x53\x80\x67"


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (ftyp(b"isom"), "video/mp4"),
        (ftyp(b"mp42"), "video/mp4"),
        (ftyp(b"a new brand"[:4]), "video/mp4"),
        (ftyp(b"qt  "), "video/quicktime"),
        (ebml(b"webm"), "video/webm"),
        (ebml(b"webm\0"), "video/webm"),
        (ebml(b"webm", before=b""), "video/webm"),
    ],
)
def test_video_is_recognised_by_its_first_bytes(head: bytes, content_type: str) -> None:
    assert content_type_of(head) == content_type


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (ebml(b"matroska"), "matroska"),
        (ebml(b"matroska")[:16], "unknown"),
        (b"\x1a\x45\xdf\xa3", "unknown"),
        (ftyp(b"heic"), "heic"),
        (ftyp(b"M4A "), "M4A"),
        (b"\x00\x00\x00\x08ftyp", b"ftyp".hex(" ")),
        (b"<!doctype html><title>ftyp</title>", "web page"),
        (b'  {"error": "not found"}', "JSON"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"RIFF....AVI ", "AVI"),
        (b"hello", "68 65 6c 6c 6f"),
    ],
)
def test_other_content_is_named_in_the_message(head: bytes, words: str) -> None:
    found = content_type_of(head)
    assert isinstance(found, NotAVideo)
    assert words in found.message
    assert found.message.startswith("source.url: The file is not an MP4, MOV or WebM video")


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"\x1a\x45\xdf\xa3" + tail))
def test_any_bytes_have_a_result(head: bytes) -> None:
    assert isinstance(content_type_of(head), str | NotAVideo)
