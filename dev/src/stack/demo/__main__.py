"""`python -m stack.demo`: a real video through everything, with two kills on the way. Ends with a RESULT line."""

import argparse
import asyncio
import shutil
import signal
import ssl
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

import httpx
from aiokafka.errors import KafkaError
from rich.console import Console

from stack import jars, state
from stack.demo import story
from stack.demo import video as videos
from stack.demo.errors import NotOurs, UnderWay
from stack.demo.findings import faults, result_line
from stack.demo.screen import Screen, Stopwatch, Tone, opened
from stack.demo.video import Video
from stack.errors import StackError
from stack.local import Stack
from stack.options import Options

DEFAULT_FOLDER: Final = Path(".stack/demo")
VIDEO_BYTES: Final = 160_000_000
# On one machine everything would be over before anybody sees it.
SOURCE_BYTES_PER_SECOND: Final = 20_000_000
PROCESSING_SECONDS: Final = 2.0
ANSWER_WITHIN: Final = 10.0
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story; return 0 only if everything that was promised holds."""
    parser = argparse.ArgumentParser(prog="python -m stack.demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where everything is kept; begun afresh")
    folder = parser.parse_args(arguments).folder.absolute()
    signal.signal(signal.SIGTERM, _leave)
    # A shell that starts this in the background has SIGINT ignored; whoever sends it still means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    complaints = Console(stderr=True)
    try:
        return run(folder)
    except (StackError, httpx.HTTPError, KafkaError) as problem:
        words = f"The demo failed: {str(problem) or type(problem).__name__}"
        complaints.print(words, style="red", markup=False, soft_wrap=True)
        complaints.print(f"Logs of every part: {folder / 'logs'}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        complaints.print("Stopped; nothing is left running.")
        return INTERRUPTED


def run(folder: Path) -> int:
    """Make the video, start the stack, tell the story, take everything down, judge."""
    watch = Stopwatch()
    options = demo_options()
    if not (options.kafka or options.containers):
        jars.classpath()
    begin_afresh(folder, options)
    with opened(Console(highlight=False), watch) as screen:
        video = make_video(folder / "media" / "test-picture.mp4", screen)
        screen.tell("Starting Kafka, the store, TikTok's stand-in, a media server and the four services", Tone.STEP)
        with Stack(folder, options) as stack:
            screen.tell(f"All of it is ready. The media server gives {SOURCE_BYTES_PER_SECOND:,} bytes a second,")
            screen.tell("so that there is something to watch")
            told = asyncio.run(_tell(stack, video, screen))
            story.show_end(told, video, screen)
            screen.tell("Taking everything down")
        screen.tell("Done")
    wrong = list(faults(told.findings))
    for fault in wrong:
        print(f"This does not hold: {fault}")
    print(result_line(told.findings, seconds=watch.seconds), flush=True)
    return 1 if wrong else 0


def demo_options() -> Options:
    """Take what the person at the terminal chose, slow enough to be watched, beside any stack that runs."""
    return replace(
        Options.from_environment(),
        usual_ports=False,
        media=("--bytes-per-second", str(SOURCE_BYTES_PER_SECOND)),
        sandbox=("--processing-seconds", str(PROCESSING_SECONDS)),
    )


def begin_afresh(folder: Path, options: Options) -> None:
    """Remove what the last demo left, unless a Kafka or MongoDB that stays knows its keys.

    Raises:
        NotOurs: the folder holds something that no stack has put there.
        UnderWay: another demo runs in this folder.
    """
    if not state.is_ours(folder):
        raise NotOurs(folder)
    if state.is_claimed(folder):
        raise UnderWay(folder)
    if not (options.kafka or options.mongodb or options.containers):
        shutil.rmtree(folder)


def make_video(path: Path, screen: Screen) -> Video:
    """Make the video before anything else needs the processors."""
    screen.tell("Making a video: a moving test picture, 1080p, H.264", Tone.STEP)
    video = videos.make(path, at_least=VIDEO_BYTES, told=lambda done, total: screen.bar("making", done, total))
    screen.tell(f"{video.size:,} bytes, {video.seconds:.0f} s long; its first and last picture can be shown")
    return video


async def _tell(stack: Stack, video: Video, screen: Screen) -> story.Told:
    trust = ssl.create_default_context(cafile=str(stack.ca_file))
    async with httpx.AsyncClient(verify=trust, timeout=ANSWER_WITHIN, trust_env=False) as http:
        return await story.tell(stack, video, screen, http)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
