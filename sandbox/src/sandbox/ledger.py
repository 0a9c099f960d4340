"""What was truly posted, and every init ever made: the oracle of whoever tests against the stand-in."""

from collections.abc import Iterable

from sandbox.posting import Publication, StatusCode, status_code


def posts(publications: Iterable[Publication], now: float) -> list[dict[str, object]]:
    """Every post: all its bytes arrived, processing ended, and it did not fail."""
    return [
        {
            "publish_id": each.publish_id,
            "post_id": str(each.post_id),
            "open_id": each.open_id,
            "title": each.post_info.title,
            "privacy_level": each.post_info.privacy_level,
            "sha256": each.arrival.sha256,
            "bytes": each.plan.size,
            "inited_at": each.inited_at,
            "received_at": each.arrival.received_at,
            "posted_at": each.arrival.decided_at,
            "public_at": each.arrival.public_at,
        }
        for each in publications
        if each.arrival is not None and status_code(each, now) is StatusCode.PUBLISH_COMPLETE
    ]


def inits(publications: Iterable[Publication], bytes_read: dict[str, int], now: float) -> list[dict[str, object]]:
    """Every accepted init, oldest first.

    `uploaded_bytes` are those of whole stored chunks; `bytes_read` counts everything that came over the
    wire, broken chunks included, so that an attempt that was never fed shows 0.
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
            "status": status_code(each, now).value,
            "fail_reason": each.arrival.fail_reason if each.arrival is not None else "",
        }
        for each in publications
    ]
