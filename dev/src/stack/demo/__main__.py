"""`python -m stack.demo`: a real video through the product, with two kills.

It ends with a RESULT line, for programs that judge it.
"""

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
from stack.demo import scenario
from stack.demo import video as videos
from stack.demo.display import Display, Stopwatch, Style, open_display
from stack.demo.errors import DemoAlreadyRunning, ForeignFolder
from stack.demo.result import result_line, violations
from stack.demo.video import Video
from stack.errors import StackError
from stack.local import Stack
from stack.options import Options

DEFAULT_FOLDER: Final = Path(".stack/demo")
VIDEO_BYTES: Final = 160_000_000
# On one machine the upload would otherwise end before anybody could watch it or kill it.
SOURCE_BYTES_PER_SECOND: Final = 20_000_000
PROCESSING_SECONDS: Final = 2.0
ANSWER_TIMEOUT: Final = 10.0
INTERRUPTED: Final = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells count it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 0 only if every promise holds."""
    parser = argparse.ArgumentParser(prog="python -m stack.demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where everything is kept; emptied first")
    folder = parser.parse_args(arguments).folder.absolute()
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    # A shell that starts this in the background sets SIGINT to be ignored. Ctrl-C must still end the demo.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    errors = Console(stderr=True)
    try:
        return run(folder)
    except (StackError, httpx.HTTPError, KafkaError) as problem:
        message = f"The demo failed. {str(problem) or type(problem).__name__}"
        errors.print(message, style="red", markup=False, soft_wrap=True)
        errors.print(f"The logs of all processes are in {folder / 'logs'}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        errors.print("Stopped. Nothing is left running.")
        return INTERRUPTED


def run(folder: Path) -> int:
    """Make the video, run the scenario on a new stack, and check the result."""
    stopwatch = Stopwatch()
    options = demo_options()
    if not (options.kafka or options.containers):
        # Fetched first: a download in the middle would look like a hang.
        jars.classpath()
    clear_folder(folder, options)
    with open_display(Console(highlight=False), stopwatch) as display:
        video = make_demo_video(folder / "media" / "test-picture.mp4", display)
        display.line("Starting Kafka, MongoDB's stand-in, the sandbox, a media server and the services", Style.STEP)
        with Stack(folder, options) as stack:
            display.line(f"Everything is ready. The media server sends {SOURCE_BYTES_PER_SECOND:,} bytes a second,")
            display.line("slowly enough to watch the upload")
            finished = asyncio.run(_run_on(stack, video, display))
            scenario.show_result(finished, video, display)
            display.line("Stopping everything")
        display.line("Stopped")
    broken = list(violations(finished.result))
    for promise in broken:
        print(f"This promise does not hold: {promise}")
    print(result_line(finished.result, seconds=stopwatch.seconds), flush=True)
    return 1 if broken else 0


def demo_options() -> Options:
    """Return the user's choices, slowed down so that the upload can be watched.

    On free ports, so that a running stack is left alone.
    """
    return replace(
        Options.from_environment(),
        usual_ports=False,
        media=("--bytes-per-second", str(SOURCE_BYTES_PER_SECOND)),
        sandbox=("--processing-seconds", str(PROCESSING_SECONDS)),
    )


def clear_folder(folder: Path, options: Options) -> None:
    """Delete what the last demo left.

    Nothing is deleted with a Kafka or MongoDB that outlives the stack: its records are sealed under the keys in here.

    Raises:
        ForeignFolder: the folder holds files that no stack made.
        DemoAlreadyRunning: another demo runs in this folder.
    """
    if not state.is_stack_folder(folder):
        raise ForeignFolder(folder)
    if state.is_locked(folder):
        raise DemoAlreadyRunning(folder)
    if not (options.kafka or options.mongodb or options.containers):
        shutil.rmtree(folder)


def make_demo_video(path: Path, display: Display) -> Video:
    """Make the video while nothing else needs the processors."""
    display.line("Making a video: a moving test picture, 1080p, H.264", Style.STEP)
    video = videos.make_video(
        path, at_least=VIDEO_BYTES, on_progress=lambda done, total: display.bar("making", done, total)
    )
    display.line(f"{video.size:,} bytes, {video.seconds:.0f} s long; its first and last picture can be decoded")
    return video


async def _run_on(stack: Stack, video: Video, display: Display) -> scenario.ScenarioResult:
    trust = ssl.create_default_context(cafile=str(stack.ca_file))
    async with httpx.AsyncClient(verify=trust, timeout=ANSWER_TIMEOUT, trust_env=False) as http:
        return await scenario.run_scenario(stack, video, display, http)


def _exit_on_sigterm(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
