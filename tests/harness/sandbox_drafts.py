"""Drafts in the sandbox: upload one, and change it through the admin API."""

import httpx

from harness.sandbox_client import SandboxClient

DRAFT_VIDEO = b"a small video"
INBOX = "/v2/post/publish/inbox/video/init/"
UPLOAD_SCOPES = "user.info.basic,video.upload"


def upload_source(size: int) -> dict[str, object]:
    return {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}


async def upload_draft(client: SandboxClient, content: bytes = DRAFT_VIDEO) -> str:
    """Upload a whole draft; it is in the inbox after processing."""
    answer = await client.call(INBOX, {"source_info": upload_source(len(content))})
    data = answer.json()["data"]
    assert (await client.put(data["upload_url"], content, 0, len(content))).status_code == 201
    return str(data["publish_id"])


async def change_publication(client: SandboxClient, publish_id: str, act: str, **request: object) -> httpx.Response:
    """Do to a publication what its creator or TikTok would."""
    return await client.http.post(f"/_sandbox/publications/{publish_id}/{act}", json=request)


async def status_data(client: SandboxClient, publish_id: str) -> dict[str, object]:
    """Return the data of status/fetch."""
    found: dict[str, object] = (await client.status(publish_id)).json()["data"]
    return found
