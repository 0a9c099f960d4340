"""The demo's video plays, and the check finds one that does not."""

import hashlib
from pathlib import Path

import av
import pytest

from stack.demo.errors import UnplayableVideo
from stack.demo.video import Video, check_playable, make_video

AT_LEAST = 25_000_000


@pytest.fixture(scope="module")
def reported() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, reported: list[tuple[int, int]]) -> Video:
    path = tmp_path_factory.mktemp("video") / "new" / "video.mp4"
    return make_video(
        path, at_least=AT_LEAST, on_progress=lambda done, total: reported.append((done, total)), seconds_encoded=1
    )


def test_video_has_its_stated_size_and_length(video: Video) -> None:
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


def test_video_decodes_in_order_across_the_repeats(video: Video) -> None:
    with av.open(str(video.path)) as container:
        stream = container.streams.video[0]
        pictures = [picture for picture in container.decode(stream) if not picture.is_corrupt]
        assert len(pictures) == stream.frames == round(video.seconds * 30)
        assert len(pictures) > 30  # more than was encoded: it was repeated
        stamps = [picture.pts for picture in pictures]
        assert stamps == sorted(stamps, key=lambda stamp: stamp or 0)


def test_video_index_is_in_front(video: Video) -> None:
    head = video.path.read_bytes()[:100_000]
    assert head[4:8] == b"ftyp"
    assert b"moov" in head


def test_make_video_reports_progress_to_the_end(video: Video, reported: list[tuple[int, int]]) -> None:
    assert reported == sorted(reported)
    assert reported[-1] == (AT_LEAST, AT_LEAST)


def test_check_truncated_video_is_unplayable(video: Video, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(video.path.read_bytes()[:-2_000_000])
    with pytest.raises(UnplayableVideo, match="last picture"):
        check_playable(broken)


def test_check_text_file_is_unplayable(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("not a video" * 1000)
    with pytest.raises(UnplayableVideo):
        check_playable(text)
