"""What was truly posted, and every init.

This is the ground truth of tests: it shows whether a post exists once, twice or not at all.
"""

from collections.abc import Iterable

from msgspec import structs

from tiktok_sandbox.model.publications import Post, Processing, Publication, failure_of, is_public, publish_status


def posts(publications: Iterable[Publication], now: float) -> list[dict[str, object]]:
    """Return every post that exists at TikTok.

    All its bytes arrived, processing succeeded, and if it was a draft, its creator posted it.
    """
    return [
        _post(each, each.processing, post, now)
        for each in publications
        if each.processing is not None and failure_of(each, now) is None
        for post in each.posts
        if post.posted_at <= now
    ]


def _post(publication: Publication, processing: Processing, post: Post, now: float) -> dict[str, object]:
    """Describe a post, with the hashes of its files."""
    return {
        "publish_id": publication.publish_id,
        # As text: a test that reads JSON numbers as doubles would round it.
        "post_id": str(post.post_id),
        "open_id": publication.open_id,
        "title": publication.post_info.title,
        "privacy_level": post.privacy_level,
        "sha256": processing.sha256,
        "bytes": publication.uploaded_bytes,
        "inited_at": publication.inited_at,
        "received_at": processing.received_at,
        "posted_at": post.posted_at,
        "public_at": post.public_at or processing.public_at,
        "client_key": publication.client_key,
        "username": publication.username,
        "medium": publication.medium.value,
        "mode": publication.mode.value,
        "source": publication.source.value,
        "settings": structs.asdict(publication.post_info),
        "files": [structs.asdict(each) for each in processing.files],
        "is_public": is_public(post, now),
        "taken_down_at": post.taken_down_at,
    }


def inits(publications: Iterable[Publication], bytes_read: dict[str, int], now: float) -> list[dict[str, object]]:
    """Return every accepted init, oldest first.

    `uploaded_bytes` counts whole stored chunks. `bytes_read` counts everything received, broken chunks included, so
    it is 0 only if the client sent nothing.
    """
    return [
        {
            "publish_id": each.publish_id,
            "open_id": each.open_id,
            "title": each.post_info.title,
            "inited_at": each.inited_at,
            "size": each.plan.size,
            "chunk_size": each.plan.chunk_size,
            "total_chunk_count": each.plan.count,
            "uploaded_bytes": each.uploaded_bytes,
            "bytes_read": bytes_read.get(each.publish_id, 0),
            "status": publish_status(each, now).value,
            "fail_reason": failure.reason if (failure := failure_of(each, now)) is not None else "",
        }
        for each in publications
    ]
