"""Makes a real, playable MP4 of any size: a moving test picture in H.264."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, cycle, pairwise
from pathlib import Path
from typing import Final

import av
from av.container import OutputContainer
from av.error import BlockingIOError as NeedsMore
from av.error import EOFError as Ended
from av.error import FFmpegError
from av.filter import Graph
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from stack.demo.errors import UnplayableVideo

WIDTH: Final = 1920
HEIGHT: Final = 1080
FRAMES_PER_SECOND: Final = 30
SECONDS_ENCODED: Final = 4
BITS_PER_SECOND: Final = 80_000_000
READ_AT_ONCE: Final = 1024 * 1024

OnProgress = Callable[[int, int], None]
"""Called with the bytes made so far, and the bytes in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A file and what is in it."""

    path: Path
    size: int
    sha256: str
    seconds: float


def make_video(path: Path, *, at_least: int, on_progress: OnProgress, seconds_encoded: int = SECONDS_ENCODED) -> Video:
    """Write a video of at least so many bytes, and check that it plays.

    Only the first `seconds_encoded` seconds are encoded; the rest repeats them, since encoding is what takes long.

    Raises:
        UnplayableVideo: it does not play.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # With the index in front, a player can start before it has the whole file.
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = _stream(container)
        _write(container, stream, _encoded(stream, seconds_encoded), at_least, on_progress)
    seconds = check_playable(path)
    return Video(path=path, size=path.stat().st_size, sha256=_sha256(path), seconds=seconds)


def check_playable(path: Path) -> float:
    """Decode the first and the last picture; return the length in seconds.

    Raises:
        UnplayableVideo: one of the two is missing, or has a wrong time or size.
    """
    try:
        return _decode_both_ends(path)
    except FFmpegError as broken:
        raise UnplayableVideo(why=str(broken)) from broken


def _decode_both_ends(path: Path) -> float:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.duration is None or stream.time_base is None:
            raise UnplayableVideo(why="its length is missing")
        first = next(container.decode(stream), None)
        frame = 1 / Fraction(FRAMES_PER_SECOND)
        container.seek(int(stream.duration - frame / stream.time_base), stream=stream)
        last = deque(container.decode(stream), maxlen=1)
        seconds = stream.duration * stream.time_base
        if first is None or first.pts != 0 or (first.width, first.height) != (WIDTH, HEIGHT):
            raise UnplayableVideo(why="its first picture cannot be decoded")
        if [picture.pts for picture in last] != [(seconds - frame) / stream.time_base]:
            raise UnplayableVideo(why="its last picture cannot be decoded")
        return float(seconds)


def _stream(container: OutputContainer) -> VideoStream:
    # A profile that every phone plays. The bit rate is far too high on purpose: it makes many bytes per second.
    options = {"preset": "ultrafast", "profile": "high", "x264-params": "scenecut=0:open-gop=0"}
    stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.bit_rate = BITS_PER_SECOND
    stream.gop_size = FRAMES_PER_SECOND
    return stream


def _generate_frames(seconds: int) -> Iterator[VideoFrame]:
    graph = Graph()
    source = graph.add("testsrc2", f"size={WIDTH}x{HEIGHT}:rate={FRAMES_PER_SECOND}:duration={seconds}")
    # Without noise the test picture compresses to almost nothing.
    steps = [source, graph.add("noise", "alls=30:allf=t"), graph.add("format", "yuv420p"), graph.add("buffersink")]
    for one, next_one in pairwise(steps):
        one.link_to(next_one)
    graph.configure()
    while True:
        try:
            frame = graph.pull()
        except (Ended, NeedsMore):
            return
        if isinstance(frame, VideoFrame):
            yield frame


def _encoded(stream: VideoStream, seconds: int) -> Iterator["Packet[VideoStream]"]:
    for number, frame in enumerate(_generate_frames(seconds)):
        frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _write(
    container: OutputContainer,
    stream: VideoStream,
    encoded: Iterator["Packet[VideoStream]"],
    at_least: int,
    on_progress: OnProgress,
) -> None:
    pictures: list[tuple[bytes, bool]] = []
    written = 0

    def collected() -> Iterator[tuple[bytes, bool]]:
        for packet in encoded:
            pictures.append((bytes(packet), packet.is_keyframe))
            yield pictures[-1]

    for number, (picture, is_key) in enumerate(chain(collected(), _repeat(pictures))):
        if written >= at_least and number >= len(pictures):
            return
        packet = Packet(picture)
        packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, FRAMES_PER_SECOND), is_key
        # Its place in the repeated video, not in the encoded seconds. No B-frames, so both orders are the same.
        packet.pts, packet.dts, packet.duration = number, number, 1
        container.mux(packet)
        written += len(picture)
        on_progress(min(written, at_least), at_least)


def _repeat(pictures: list[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    # A generator, so that the list is read only once it is full.
    yield from cycle(pictures)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
