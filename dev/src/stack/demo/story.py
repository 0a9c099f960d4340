"""The story itself: connect, ask, kill twice on the way, wait for the numbers, and judge."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Final

import httpx

from stack.demo import browser, tables
from stack.demo.backend import Events, ask_for
from stack.demo.findings import AGES, Findings, Kill, faults
from stack.demo.read_api import Numbers, Post, ReadApi
from stack.demo.screen import Screen, Tone
from stack.demo.stand_in import StandIn
from stack.demo.video import Video
from stack.demo.watch import Watch, within
from stack.local import Stack
from stack.options import FIRST_TENANT

TENANT: Final = FIRST_TENANT
CREATOR: Final = "demo-creator"
ASK_EVERY: Final = 0.1

# Each wait has many times what it takes on a small machine.
CONNECTED_WITHIN: Final = 30.0
BYTES_WITHIN: Final = 90.0
PUBLISHED_WITHIN: Final = 60.0
NUMBERS_WITHIN: Final = 60.0
BACK_WITHIN: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that the story found."""

    findings: Findings
    post: Post
    numbers: tuple[Numbers, ...]


async def tell(stack: Stack, video: Video, screen: Screen, http: httpx.AsyncClient) -> Told:
    """Tell the whole story on a running stack."""
    key = await asyncio.to_thread(stack.api_key, TENANT)
    account_id = await connect(stack, key, screen, http)
    # Made anew each time, so that a Kafka which has seen other demos does not mix them up.
    post_id = f"demo-{secrets.token_hex(4)}"
    request = request_for(stack, video, account_id=account_id, post_id=post_id)
    async with Events(stack.bootstrap_servers, post_id) as events:
        stand_in = StandIn(http, stack.sandbox_url, title=request["caption"])
        watch = Watch(events, stand_in, screen, video.size)
        screen.tell(f"The backend puts one post.requested on Kafka: {post_id}", Tone.STEP)
        await ask_for(stack.bootstrap_servers, request)
        kills = (await kill_uploader(stack, watch, stand_in, screen), await kill_publisher(stack, watch, screen))
        await watch.until_event("post.published", seconds=PUBLISHED_WITHIN)
        await watch.until_event("post.available", seconds=PUBLISHED_WITHIN)
        api = ReadApi(http, stack.urls["analytics"], key=key, account_id=account_id, post_id=post_id)
        numbers = await wait_for_numbers(api, watch, screen)
        post = await wait_for_timeline(api, watch)
        await watch.look()
    return Told(findings=judge(watch, video, kills, numbers), post=post, numbers=numbers)


async def connect(stack: Stack, key: str, screen: Screen, http: httpx.AsyncClient) -> str:
    """Connect the account; return its id once Postbus can post for it."""
    screen.tell(f"{CREATOR} opens the link, looks at TikTok's consent page and allows it", Tone.STEP)
    auth = stack.urls["auth"]
    headline = await browser.connect(http, auth, key=key, creator=CREATOR)
    screen.tell(f"The page they come back to says: {headline}")
    async with within(CONNECTED_WITHIN, "the account to be connected"):
        while True:
            answer = await http.get(f"{auth}/v1/accounts", headers={"Authorization": f"Bearer {key}"})
            accounts = answer.raise_for_status().json()["accounts"]
            connected = [account for account in accounts if account["status"] == "connected"]
            if connected:
                screen.tell(f"Account {connected[0]['account_id']} is connected")
                return str(connected[0]["account_id"])
            await asyncio.sleep(ASK_EVERY)


def request_for(stack: Stack, video: Video, *, account_id: str, post_id: str) -> dict[str, Any]:
    """Write the request as a backend would."""
    return {
        "post_id": post_id,
        "account_id": account_id,
        "tenant": TENANT,
        "source": {"url": f"{stack.media_url}/{video.path.name}"},
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "caption": f"Test picture, {post_id}",
    }


async def kill_uploader(stack: Stack, watch: Watch, stand_in: StandIn, screen: Screen) -> Kill:
    """Wait for the middle of the chunk in the middle of the bytes, and kill the uploader there."""
    middle = "the middle of the bytes"
    await watch.until(lambda: watch.ledger.chunk_size > 0, what="the first chunk", seconds=BYTES_WITHIN)
    half_a_chunk = watch.ledger.chunk_size // 2
    before = watch.size // 2 - half_a_chunk
    await watch.until(lambda: watch.ledger.stored >= before, what=middle, seconds=BYTES_WITHIN)
    # TikTok stalls there until the kill is done: without that it might come a moment late, between two chunks.
    stall = await stand_in.hold_chunk(after_bytes=half_a_chunk)
    async with within(BYTES_WITHIN, middle):
        while not await stand_in.holds(stall):
            await watch.look()
    arrived = watch.ledger.stored + half_a_chunk
    killed = await kill(stack, "uploader", arrived, watch, screen)
    await stand_in.release(stall)
    await back(stack, killed, screen)
    return killed


async def kill_publisher(stack: Stack, watch: Watch, screen: Screen) -> Kill:
    """Wait until every byte is there, and kill the publisher before it has a verdict."""
    await watch.until_event("post.uploaded", seconds=BYTES_WITHIN)
    killed = await kill(stack, "publisher", watch.ledger.stored, watch, screen)
    await back(stack, killed, screen)
    return killed


async def kill(stack: Stack, service: str, arrived: int, watch: Watch, screen: Screen) -> Kill:
    """Kill a worker as a crash would; `arrived` is how many bytes TikTok has read by then."""
    victim = await asyncio.to_thread(stack.service(service).kill9)
    share = arrived / watch.size
    screen.tell(f"kill -9 {service} (process {victim}) at {share:.0%} of the bytes", Tone.KILL)
    await watch.look()
    return Kill(service=service, pid=victim, share=share, complete=watch.ledger.stored == watch.size)


async def back(stack: Stack, killed: Kill, screen: Screen) -> None:
    """Wait until the supervisor has started another worker."""
    worker = stack.service(killed.service)
    async with within(BACK_WITHIN, f"{killed.service} to be started again"):
        successor = await asyncio.to_thread(worker.wait_restarted, after=killed.pid)
    screen.tell(f"{killed.service} is started again (process {successor}) and finds in Kafka where it was")


async def wait_for_numbers(api: ReadApi, watch: Watch, screen: Screen) -> tuple[Numbers, ...]:
    """Wait until the video's numbers are stored for several of its ages."""
    screen.tell(f"Now its numbers, at {AGES} ages or more", Tone.STEP)
    told = 0
    async with within(NUMBERS_WITHIN, f"numbers at {AGES} ages"):
        while True:
            numbers = await api.numbers()
            for each in numbers[told:]:
                screen.tell(f"{each.view_count:,} views at an age of {each.age_seconds} s", Tone.EVENT)
            told = len(numbers)
            if len({each.age_seconds for each in numbers}) >= AGES:
                return numbers
            await watch.look()


async def wait_for_timeline(api: ReadApi, watch: Watch) -> Post:
    """Wait until the read side has everything that was seen on Kafka."""
    async with within(NUMBERS_WITHIN, "the timeline to be complete"):
        while True:
            post = await api.post()
            if "post.available" in {each.type for each in post.timeline}:
                return post
            await watch.look()


def judge(watch: Watch, video: Video, kills: tuple[Kill, ...], numbers: tuple[Numbers, ...]) -> Findings:
    """Put together what matters. The ledger decides, not what Postbus says of itself."""
    posts = watch.ledger.posts
    return Findings(
        posts_at_tiktok=len(posts),
        sha256_equal=bool(posts) and all(post.sha256 == video.sha256 for post in posts),
        kills=kills,
        post_published_events=watch.times("post.published"),
        ages_collected=len({each.age_seconds for each in numbers}),
        dead_inits=watch.ledger.dead_inits,
        bytes=video.size,
        bytes_broken_off=watch.ledger.broken_off,
    )


def show_end(told: Told, video: Video, screen: Screen) -> None:
    """Show what matters to a person."""
    found = told.findings
    screen.show(tables.timeline(told.post.timeline))
    screen.show(tables.numbers(told.numbers))
    if found.bytes_broken_off:
        screen.tell(f"The uploader died amid a chunk: TikTok threw {found.bytes_broken_off:,} bytes of it away")
    same = "the same as" if found.sha256_equal else "NOT the same as"
    often = "once" if found.posts_at_tiktok == 1 else f"{found.posts_at_tiktok} times"
    tone = Tone.BAD if any(faults(found)) else Tone.GOOD
    screen.tell(f"TikTok posted it {often}, from {found.dead_inits + found.posts_at_tiktok} init(s)", tone)
    screen.tell(f"Its bytes are {same} those of {video.path}", tone)
    screen.tell(f"sha256 {video.sha256}")
