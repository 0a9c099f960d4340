"""The demo's steps on a running stack, and what is measured on the way."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Final

import httpx

from stack.demo import browser, tables
from stack.demo.backend import PostEvents, post_request, request_post
from stack.demo.display import Display, Style
from stack.demo.post_monitor import PostMonitor, deadline
from stack.demo.read_api import MetricSample, Post, ReadApi
from stack.demo.result import AGES, DemoResult, Kill, violations
from stack.demo.sandbox_admin import SandboxAdmin
from stack.demo.video import Video
from stack.local import Stack
from stack.options import FIRST_TENANT

TENANT: Final = FIRST_TENANT
CREATOR: Final = "demo-creator"
POLL_INTERVAL: Final = 0.1

# In seconds. Each is many times what a small machine needs.
CONNECT_TIMEOUT: Final = 30.0
UPLOAD_TIMEOUT: Final = 90.0
PUBLISH_TIMEOUT: Final = 60.0
METRICS_TIMEOUT: Final = 60.0
RESTART_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """What a run measured, and what the read API shows of its post."""

    result: DemoResult
    post: Post
    metrics: tuple[MetricSample, ...]


async def run_scenario(stack: Stack, video: Video, display: Display, http: httpx.AsyncClient) -> ScenarioResult:
    """Run every step.

    Raises:
        DemoFailed: a step failed or did not happen in time.
    """
    key = await asyncio.to_thread(stack.api_key, TENANT)
    account_id = await connect(stack.urls["auth"], key, display, http)
    # A new id for each run: a Kafka that outlives the stack still holds the posts of earlier demos.
    post_id = f"demo-{secrets.token_hex(4)}"
    request = request_for(stack, video, account_id=account_id, post_id=post_id)
    async with PostEvents(stack.bootstrap_servers, post_id) as events:
        sandbox = SandboxAdmin(http, stack.sandbox_url, title=request["caption"])
        monitor = PostMonitor(events, sandbox, display, video.size)
        display.line(f"The backend puts one post.requested on Kafka: {post_id}", Style.STEP)
        await request_post(stack.bootstrap_servers, request)
        kills = (
            await kill_uploader(stack, monitor, sandbox, display),
            await kill_publisher(stack, monitor, display),
        )
        await monitor.wait_for_event("post.published", seconds=PUBLISH_TIMEOUT)
        await monitor.wait_for_event("post.available", seconds=PUBLISH_TIMEOUT)
        api = ReadApi(http, stack.urls["analytics"], key=key, account_id=account_id, post_id=post_id)
        metrics = await wait_for_metrics(api, monitor, display)
        post = await wait_for_timeline(api, monitor)
        await monitor.poll()
    return ScenarioResult(result=evaluate(monitor, video, kills, metrics), post=post, metrics=metrics)


async def connect(auth_url: str, key: str, display: Display, http: httpx.AsyncClient, *, creator: str = CREATOR) -> str:
    """Connect a creator's account; return its id once Postbus can post for it.

    Connecting an account again is safe: it keeps its id.

    Raises:
        ConsentFailed: a page was not the expected one.
        TimedOut: the account was not connected in time.
    """
    display.line(f"{creator} opens the link, reads TikTok's consent page and allows the app", Style.STEP)
    page = await browser.connect(http, auth_url, key=key, creator=creator)
    display.line(f"The page after the consent shows: {page.headline}")
    async with deadline(CONNECT_TIMEOUT, "the account is connected"):
        while True:
            if account_id := await _connected_account(auth_url, key, http, expected=page.account_id):
                display.line(f"Account {account_id} is connected")
                return account_id
            await asyncio.sleep(POLL_INTERVAL)


async def _connected_account(auth_url: str, key: str, http: httpx.AsyncClient, *, expected: str | None) -> str | None:
    # The page names no account while the worker has not taken the consent up: then any new account is the one.
    answer = await http.get(f"{auth_url}/v1/accounts", headers={"Authorization": f"Bearer {key}"})
    for account in answer.raise_for_status().json()["accounts"]:
        if account["status"] == "connected" and expected in {None, account["account_id"]}:
            return str(account["account_id"])
    return None


def request_for(stack: Stack, video: Video, *, account_id: str, post_id: str) -> dict[str, Any]:
    """Return the body of `post.requested` as a backend writes it."""
    source_url, caption = f"{stack.media_url}/{video.path.name}", f"Test picture, {post_id}"
    body = post_request(account_id=account_id, post_id=post_id, source_url=source_url, caption=caption)
    return {**body, "tenant": TENANT}


async def kill_uploader(stack: Stack, monitor: PostMonitor, sandbox: SandboxAdmin, display: Display) -> Kill:
    """Kill the uploader in the middle of the bytes, within a chunk."""
    middle = "half of the bytes are at TikTok"
    await monitor.wait_until(lambda: monitor.ledger.chunk_size > 0, what="the first chunk", seconds=UPLOAD_TIMEOUT)
    half_a_chunk = monitor.ledger.chunk_size // 2
    before = monitor.size // 2 - half_a_chunk
    await monitor.wait_until(lambda: monitor.ledger.stored_bytes >= before, what=middle, seconds=UPLOAD_TIMEOUT)
    # The sandbox stalls there until the kill is done. Without that, the kill could come between two chunks.
    stall = await sandbox.hold_chunk(after_bytes=half_a_chunk)
    async with deadline(UPLOAD_TIMEOUT, middle):
        while not await sandbox.is_holding(stall):
            await monitor.poll()
    arrived = monitor.ledger.stored_bytes + half_a_chunk
    killed = await kill(stack, "uploader", arrived, monitor, display)
    await sandbox.release(stall)
    await wait_restarted(stack, killed, display)
    return killed


async def kill_publisher(stack: Stack, monitor: PostMonitor, display: Display) -> Kill:
    """Kill the publisher after the last byte and before it has a verdict."""
    await monitor.wait_for_event("post.uploaded", seconds=UPLOAD_TIMEOUT)
    killed = await kill(stack, "publisher", monitor.ledger.stored_bytes, monitor, display)
    await wait_restarted(stack, killed, display)
    return killed


async def kill(stack: Stack, service: str, arrived: int, monitor: PostMonitor, display: Display) -> Kill:
    """Kill a worker with SIGKILL; `arrived` is how many bytes TikTok has read by then."""
    victim = await asyncio.to_thread(stack.service(service).kill9)
    share = arrived / monitor.size
    display.line(f"kill -9 {service} (process {victim}) at {share:.0%} of the bytes", Style.KILL)
    await monitor.poll()
    return Kill(service=service, pid=victim, share=share, complete=monitor.ledger.stored_bytes == monitor.size)


async def wait_restarted(stack: Stack, killed: Kill, display: Display) -> None:
    """Wait until the stack has started a new worker in place of the killed one."""
    worker = stack.service(killed.service)
    async with deadline(RESTART_TIMEOUT, f"{killed.service} is started again"):
        successor = await asyncio.to_thread(worker.wait_restarted, after=killed.pid)
    display.line(f"{killed.service} is started again (process {successor}) and restores its state from Kafka")


async def wait_for_metrics(api: ReadApi, monitor: PostMonitor, display: Display) -> tuple[MetricSample, ...]:
    """Wait until the video's metrics are stored for several of its ages."""
    display.line(f"Now its metrics, at {AGES} ages or more", Style.STEP)
    shown = 0
    async with deadline(METRICS_TIMEOUT, f"metrics are stored at {AGES} ages"):
        while True:
            samples = await api.metrics()
            for sample in samples[shown:]:
                display.line(f"{sample.view_count:,} views at an age of {sample.age_seconds} s", Style.EVENT)
            shown = len(samples)
            if len({sample.age_seconds for sample in samples}) >= AGES:
                return samples
            await monitor.poll()


async def wait_for_timeline(api: ReadApi, monitor: PostMonitor) -> Post:
    """Wait until the read side has stored every event that was seen on Kafka."""
    async with deadline(METRICS_TIMEOUT, "the timeline is complete"):
        while True:
            post = await api.post()
            if "post.available" in {event.type for event in post.timeline}:
                return post
            await monitor.poll()


def evaluate(
    monitor: PostMonitor, video: Video, kills: tuple[Kill, ...], metrics: tuple[MetricSample, ...]
) -> DemoResult:
    """Collect the measurements.

    The sandbox's ledger decides, not what Postbus reports about itself.
    """
    posts = monitor.ledger.posts
    return DemoResult(
        posts_at_tiktok=len(posts),
        sha256_equal=bool(posts) and all(post.sha256 == video.sha256 for post in posts),
        kills=kills,
        post_published_events=monitor.count("post.published"),
        ages_collected=len({sample.age_seconds for sample in metrics}),
        dead_inits=monitor.ledger.dead_inits,
        bytes=video.size,
        bytes_discarded=monitor.ledger.discarded_bytes,
    )


def show_result(run: ScenarioResult, video: Video, display: Display) -> None:
    """Show the timeline, the metrics and what TikTok has."""
    result = run.result
    display.show(tables.timeline(run.post.timeline))
    display.show(tables.metrics(run.metrics))
    if result.bytes_discarded:
        display.line(f"The uploader died within a chunk: TikTok discarded {result.bytes_discarded:,} bytes of it")
    same = "the same as" if result.sha256_equal else "NOT the same as"
    often = "once" if result.posts_at_tiktok == 1 else f"{result.posts_at_tiktok} times"
    style = Style.BAD if any(violations(result)) else Style.GOOD
    display.line(f"TikTok published it {often}, from {result.dead_inits + result.posts_at_tiktok} init(s)", style)
    display.line(f"Its bytes are {same} those of {video.path}", style)
    display.line(f"sha256 {video.sha256}")
