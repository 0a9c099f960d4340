"""Steps with posts: one is published, others meet a refused chunk, a kill, or an unusable source."""

from e2e.canaries.accounts import TENANT, connect
from e2e.canaries.canary_run import CanaryRun
from harness.product import Clip, Request

CHUNK_BYTES = 10_000_000
FAILED_WITHIN = 60.0
SOURCE_OWNERS = ("topic post.requests", "topic uploader.state")
"""The uploader needs the whole address. No other output may hold its query."""


async def _asked(run: CanaryRun, creator: str, clip: Clip) -> Request:
    """A request whose source is a signed address, as storage services make them."""
    request = run.product.request(await connect(run, creator), clip)
    signature = run.plant("source signature", *SOURCE_OWNERS)
    request["source"]["url"] += f"?X-Amz-Signature={signature}&X-Amz-Expires=3600"
    return request


async def published(run: CanaryRun) -> None:
    """A post is requested over HTTP and published, and its metrics are read."""
    request = await _asked(run, "publisher", run.clips.short)
    body = {name: value for name, value in request.items() if name != "tenant"}
    header = await run.key_of(TENANT)
    (await run.product.call("publisher", "/v1/posts", header, method="POST", json=body)).raise_for_status()
    async with run.product.events_of(request) as events:
        await run.product.expect_published_once(request, run.clips.short, events)


async def chunk_refused(run: CanaryRun) -> None:
    """An answer is lost, then TikTok refuses a chunk because the upload url has expired, then the post succeeds."""
    request = await _asked(run, "refuser", run.clips.long)
    await run.tiktok.rule("expire", "upload", title=request["caption"])
    await run.tiktok.rule("lose_answer", "video_init", at="answer", title=request["caption"])
    async with run.product.events_of(request) as events:
        await run.product.request_posts(request)
        await run.product.expect_published_once(request, run.clips.long, events)


async def killed_amid_an_upload(run: CanaryRun) -> None:
    """The uploader is killed in the middle of a chunk."""
    request = await _asked(run, "victim", run.clips.long)
    stopped = await run.tiktok.hold("upload", at="body", skip=2, after_bytes=CHUNK_BYTES // 2)
    async with run.product.events_of(request) as events:
        await run.product.request_posts(request)
        await stopped.reached()
        await run.observe()
        await run.product.kill("uploader")
        await stopped.release()
        await run.product.expect_published_once(request, run.clips.long, events)


async def source_bad(run: CanaryRun) -> None:
    """A source is missing, forbidden, or wants a password."""
    person = f"me:{run.plant('password', *SOURCE_OWNERS)}"
    for number, address in enumerate(
        (
            f"{run.stack.media_url}/missing.mp4?token={run.plant('source token', *SOURCE_OWNERS)}",
            f"https://10.0.0.1/clip.mp4?token={run.plant('source token', *SOURCE_OWNERS)}",
            f"https://{person}@media.example/clip.mp4",
            f"ftp://{person}@media.example/clip.mp4",
        )
    ):
        request = await _asked(run, f"sourcerer-{number}", run.clips.short)
        request["source"]["url"] = address
        async with run.product.events_of(request) as events:
            await run.product.request_posts(request)
            await events.until_type("post.failed", within=FAILED_WITHIN)


async def rejected_token(run: CanaryRun) -> None:
    """TikTok revokes every token of a creator during a post."""
    request = await _asked(run, "rejected", run.clips.short)
    await run.tiktok.rule("revoke", "video_init", title=request["caption"])
    async with run.product.events_of(request) as events:
        await run.product.request_posts(request)
        await events.until_type("post.delayed", within=FAILED_WITHIN)
