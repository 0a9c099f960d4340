"""Drafts in the sandbox: upload one, and change it through the admin API."""

import httpx

from harness.sandbox_client import Visitor

DRAFT_VIDEO = b"a small video"
INBOX = "/v2/post/publish/inbox/video/init/"
UPLOAD_SCOPES = "user.info.basic,video.upload"


def upload_source(size: int) -> dict[str, object]:
    return {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}


async def upload_draft(visitor: Visitor, content: bytes = DRAFT_VIDEO) -> str:
    """A video all of whose bytes are on their way to the inbox."""
    answer = await visitor.call(INBOX, {"source_info": upload_source(len(content))})
    data = answer.json()["data"]
    assert (await visitor.put(data["upload_url"], content, 0, len(content))).status_code == 201
    return str(data["publish_id"])


async def change_publication(visitor: Visitor, publish_id: str, act: str, **wish: object) -> httpx.Response:
    return await visitor.http.post(f"/_sandbox/publications/{publish_id}/{act}", json=wish)


async def status_data(visitor: Visitor, publish_id: str) -> dict[str, object]:
    found: dict[str, object] = (await visitor.status(publish_id)).json()["data"]
    return found
