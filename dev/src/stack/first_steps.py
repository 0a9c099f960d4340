"""README's first steps: make a clip, connect an account, request a post.

They use the product as a backend does: over HTTP with an API key, or over Kafka with a plain producer.
"""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import httpx

from stack import state
from stack.demo import scenario
from stack.demo import video as videos
from stack.demo.backend import post_request, request_post, submit_post
from stack.demo.display import Display, Style
from stack.demo.errors import PostFailed
from stack.demo.post_monitor import BYTES, MEANINGS, deadline
from stack.demo.read_api import Post, ReadApi
from stack.errors import NoAccount, NoClip, NotRunning
from stack.local import API_KEY_FILE, MEDIA_FOLDER
from stack.options import FIRST_TENANT

Via: TypeAlias = Literal["http", "kafka"]

CLIP: Final = "clip.mp4"
# Above 64 MB a video has several chunks of 10 MB, so the upload shows its progress.
CLIP_BYTES: Final = 80_000_000
CLIP_SECONDS_ENCODED: Final = 2
ACCOUNT_FILE: Final = "account-id"
POLL_INTERVAL: Final = 0.1
ANSWER_TIMEOUT: Final = 10.0
END_TIMEOUT: Final = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """What a client of a running stack needs.

    `api_key` is the first tenant's; `ca_file` signs the sandbox and the media server.
    """

    folder: Path
    addresses: dict[str, str]
    ca_file: str
    api_key: str

    @property
    def account_file(self) -> Path:
        """The file that `connect` leaves the account's id in, for `post`."""
        return self.folder / ACCOUNT_FILE


def find_stack(folder: Path) -> RunningStack:
    """Read where the stack of this folder runs.

    Raises:
        NotRunning: it does not run, or is not ready yet.
    """
    current = state.read(folder)
    key_file = folder / API_KEY_FILE
    if current is None or not current.ready or not state.is_locked(folder) or not key_file.exists():
        raise NotRunning(folder)
    key = key_file.read_text().strip()
    return RunningStack(folder=folder, addresses=current.addresses, ca_file=current.ca_file, api_key=key)


def make_clip(folder: Path, display: Display) -> Path:
    """Make a real MP4 in the stack's media folder; keep one that is there.

    The stack need not run.

    Raises:
        UnplayableVideo: the video does not play.
    """
    path = folder / MEDIA_FOLDER / CLIP
    if path.exists():
        display.line(f"{path} is there already: {path.stat().st_size:,} bytes")
        return path
    display.line("Making a video: a moving test picture, 1080p, H.264", Style.STEP)
    video = videos.make_video(
        path,
        at_least=CLIP_BYTES,
        on_progress=lambda done, total: display.bar("making", done, total),
        seconds_encoded=CLIP_SECONDS_ENCODED,
    )
    display.line(f"{path}: {video.size:,} bytes, {video.seconds:.1f} s long", Style.GOOD)
    return path


async def connect_account(folder: Path, display: Display, *, creator: str = scenario.CREATOR) -> str:
    """Connect a creator of the sandbox; return the account's id.

    The id is also kept in a file, for `make post`. May be repeated: the account keeps its id.

    Raises:
        NotRunning: the stack does not run.
        ConsentFailed: a consent page was not the expected one.
        TimedOut: the account was not connected in time.
    """
    stack = find_stack(folder)
    async with _client(stack) as http:
        account_id = await scenario.connect(stack.addresses["auth"], stack.api_key, display, http, creator=creator)
    stack.account_file.write_text(f"{account_id}\n")
    display.line(f"Its id is in {stack.account_file}", Style.GOOD)
    return account_id


async def post_clip(folder: Path, display: Display, *, via: Via = "http", post_id: str = "") -> Post:
    """Request a post of the clip; show its events until it is available.

    A `post_id` that was used before is safe: nothing is posted twice, and the first post is shown.

    Raises:
        NotRunning: the stack does not run.
        NoClip, NoAccount: the step before is missing.
        RequestRefused: the publisher refused the request.
        PostFailed: the post ended with `post.failed`.
        TimedOut: the post did not end in time.
    """
    stack = find_stack(folder)
    if not (clip := folder / MEDIA_FOLDER / CLIP).exists():
        raise NoClip(clip)
    if not stack.account_file.exists():
        raise NoAccount(stack.account_file)
    account_id = stack.account_file.read_text().strip()
    # A new id each time: an id that was used before would only show the old post.
    post_id = post_id or f"clip-{secrets.token_hex(4)}"
    request = post_request(
        post_id=post_id,
        account_id=account_id,
        source_url=f"{stack.addresses['media']}/{CLIP}",
        caption=f"First steps, {post_id}",
    )
    async with _client(stack) as http:
        if via == "kafka":
            display.line(f"Putting one post.requested on post.requests: {post_id}", Style.STEP)
            await request_post(stack.addresses["kafka"], {**request, "tenant": FIRST_TENANT})
        else:
            display.line(f"POST {stack.addresses['publisher']}/v1/posts: {post_id}", Style.STEP)
            await submit_post(http, stack.addresses["publisher"], key=stack.api_key, post=request)
        analytics = stack.addresses["analytics"]
        api = ReadApi(http, analytics, key=stack.api_key, account_id=account_id, post_id=post_id)
        async with deadline(END_TIMEOUT, f"the post {post_id} is available"):
            post = await follow(api, display)
    display.line(f"It is available. Its timeline and metrics: {analytics}/v1/posts/{post_id}", Style.GOOD)
    return post


async def follow(api: ReadApi, display: Display) -> Post:
    """Show the post's events and bytes until it is available; return it.

    Raises:
        PostFailed: the post ended with `post.failed`.
    """
    shown = 0
    while True:
        post = await api.post()
        # No sample yet, or a post of an empty source: nothing to draw.
        if post.progress and post.progress.bytes_total:
            display.bar(BYTES, post.progress.bytes_sent, post.progress.bytes_total)
        for event in post.timeline[shown:]:
            reason = f" ({event.details['reason']})" if "reason" in event.details else ""
            display.line(f"{event.type:<15} {MEANINGS.get(event.type, '')}{reason}", Style.EVENT)
        shown = len(post.timeline)
        if post.state == "failed":
            details = post.timeline[-1].details if post.timeline else {}
            raise PostFailed(why=f"{details.get('reason')}: {details.get('message')}")
        if post.state == "available":
            return post
        await asyncio.sleep(POLL_INTERVAL)


@asynccontextmanager
async def _client(stack: RunningStack) -> AsyncIterator[httpx.AsyncClient]:
    # The sandbox's consent page is signed by the stack's own authority.
    trust = ssl.create_default_context(cafile=stack.ca_file)
    async with httpx.AsyncClient(verify=trust, timeout=ANSWER_TIMEOUT, trust_env=False) as http:
        yield http
