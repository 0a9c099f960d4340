"""The demo's video is one that players play, and the check would notice if it were not."""

import hashlib
from pathlib import Path

import av
import pytest

from stack.demo.errors import Unplayable
from stack.demo.video import Video, check, make

AT_LEAST = 25_000_000


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int]]) -> Video:
    path = tmp_path_factory.mktemp("video") / "new" / "video.mp4"
    return make(path, at_least=AT_LEAST, told=lambda done, total: told.append((done, total)), seconds_encoded=1)


def test_it_is_as_large_and_as_long_as_it_says(video: Video) -> None:
    content = video.path.read_bytes()
    assert video.size == len(content)
    assert AT_LEAST <= video.size < AT_LEAST * 1.1
    assert video.sha256 == hashlib.sha256(content).hexdigest()
    with av.open(str(video.path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == video.seconds


def test_every_picture_can_be_shown_in_order_over_the_seams(video: Video) -> None:
    with av.open(str(video.path)) as container:
        stream = container.streams.video[0]
        pictures = [picture for picture in container.decode(stream) if not picture.is_corrupt]
        assert len(pictures) == stream.frames == round(video.seconds * 30)
        assert len(pictures) > 30  # more than was encoded: it was repeated
        stamps = [picture.pts for picture in pictures]
        assert stamps == sorted(stamps, key=lambda stamp: stamp or 0)


def test_its_index_stands_in_front(video: Video) -> None:
    head = video.path.read_bytes()[:100_000]
    assert head[4:8] == b"ftyp"
    assert b"moov" in head


def test_it_tells_how_far_it_is(video: Video, told: list[tuple[int, int]]) -> None:
    assert told == sorted(told)
    assert told[-1] == (AT_LEAST, AT_LEAST)


def test_a_video_without_its_end_is_unplayable(video: Video, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(video.path.read_bytes()[:-2_000_000])
    with pytest.raises(Unplayable, match="last picture"):
        check(broken)


def test_what_is_no_video_is_unplayable(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("not a video" * 1000)
    with pytest.raises(Unplayable):
        check(text)
