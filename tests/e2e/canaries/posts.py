"""What happens to posts: one goes out, others meet a refused chunk, a kill, or a source that cannot be had."""

from e2e.canaries.accounts import TENANT, connect
from e2e.canaries.canary_run import Scene
from harness.product import Clip, Request

CHUNK_BYTES = 10_000_000
FAILED_WITHIN = 60.0
SOURCE_OWNERS = ("topic post.requests", "topic uploader.state")
"""Whoever fetches has to know the whole address; nobody else is told of its query."""


async def _asked(scene: Scene, creator: str, clip: Clip) -> Request:
    """A request whose source is a signed address, as storage services make them."""
    request = scene.stage.request(await connect(scene, creator), clip)
    signature = scene.plant("source signature", *SOURCE_OWNERS)
    request["source"]["url"] += f"?X-Amz-Signature={signature}&X-Amz-Expires=3600"
    return request


async def published(scene: Scene) -> None:
    """One is asked for over HTTP and goes out, and its numbers are read."""
    request = await _asked(scene, "publisher", scene.clips.short)
    body = {name: value for name, value in request.items() if name != "tenant"}
    header = await scene.key_of(TENANT)
    (await scene.stage.ask("publisher", "/v1/posts", header, method="POST", json=body)).raise_for_status()
    async with scene.stage.events_of(request) as events:
        await scene.stage.expect_published_once(request, scene.clips.short, events)


async def chunk_refused(scene: Scene) -> None:
    """An answer is lost, then TikTok refuses a chunk because the upload's url has expired, and then all goes well."""
    request = await _asked(scene, "refuser", scene.clips.long)
    await scene.tiktok.rule("expire", "upload", title=request["caption"])
    await scene.tiktok.rule("lose_answer", "video_init", at="answer", title=request["caption"])
    async with scene.stage.events_of(request) as events:
        await scene.stage.ask_for(request)
        await scene.stage.expect_published_once(request, scene.clips.long, events)


async def killed_amid_an_upload(scene: Scene) -> None:
    """The uploader is killed in the middle of a chunk."""
    request = await _asked(scene, "victim", scene.clips.long)
    stopped = await scene.tiktok.hold("upload", at="body", skip=2, after_bytes=CHUNK_BYTES // 2)
    async with scene.stage.events_of(request) as events:
        await scene.stage.ask_for(request)
        await stopped.reached()
        await scene.observe()
        await scene.stage.kill("uploader")
        await stopped.release()
        await scene.stage.expect_published_once(request, scene.clips.long, events)


async def source_bad(scene: Scene) -> None:
    """A source is missing, forbidden, or wants a password."""
    person = f"me:{scene.plant('password', *SOURCE_OWNERS)}"
    for number, address in enumerate(
        (
            f"{scene.stack.media_url}/missing.mp4?token={scene.plant('source token', *SOURCE_OWNERS)}",
            f"https://10.0.0.1/clip.mp4?token={scene.plant('source token', *SOURCE_OWNERS)}",
            f"https://{person}@media.example/clip.mp4",
            f"ftp://{person}@media.example/clip.mp4",
        )
    ):
        request = await _asked(scene, f"sourcerer-{number}", scene.clips.short)
        request["source"]["url"] = address
        async with scene.stage.events_of(request) as events:
            await scene.stage.ask_for(request)
            await events.until_type("post.failed", within=FAILED_WITHIN)


async def rejected_token(scene: Scene) -> None:
    """TikTok takes back every token of somebody while they post."""
    request = await _asked(scene, "rejected", scene.clips.short)
    await scene.tiktok.rule("revoke", "video_init", title=request["caption"])
    async with scene.stage.events_of(request) as events:
        await scene.stage.ask_for(request)
        await events.until_type("post.delayed", within=FAILED_WITHIN)
