"""Receives chunks into uploads, and starts processing after the last one."""

from dataclasses import replace

from tiktok_sandbox.model import publication_updates, uploads
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.processing import start_processing
from tiktok_sandbox.model.publications import File
from tiktok_sandbox.model.tables import Tables
from tiktok_sandbox.model.uploads import ChunkHeaders, IncomingChunk, Upload


def find_upload(tables: Tables, upload_id: str, token: str) -> Upload | None:
    """Return the upload behind a URL, or None if either half of the URL is wrong."""
    upload = tables.uploads.get(upload_id)
    return upload if upload is not None and upload.token == token else None


def expire_uploads(tables: Tables, publish_id: str, now: float) -> int:
    """Make a publication's upload URLs expire now; return how many there were."""
    found = [name for name, each in tables.uploads.items() if each.publish_id == publish_id]
    for name in found:
        tables.uploads[name] = replace(tables.uploads[name], expires_at=now)
    return len(found)


def begin_chunk(tables: Tables, upload_id: str, token: str, head: ChunkHeaders, now: float) -> IncomingChunk | Answer:
    """Check a PUT by its headers: return the chunk to receive, or the refusal.

    Nothing is stored yet. A chunk that breaks off has not happened, as at TikTok.
    """
    upload = find_upload(tables, upload_id, token)
    if upload is None or _has_ended(tables, upload):
        return uploads.upload_not_found()
    return uploads.check_headers(upload_id, upload, head, now)


def _has_ended(tables: Tables, upload: Upload) -> bool:
    """Return whether the publication has failed, so that its URL is dead."""
    return tables.publications[upload.publish_id].failure is not None


def finish_chunk(tables: Tables, incoming: IncomingChunk, now: float) -> Answer:
    """Store a chunk whose body has ended; with the last one, processing starts."""
    upload = tables.uploads[incoming.upload_id]
    # Again after the body: the publication may have failed while the bytes arrived.
    if _has_ended(tables, upload):
        return uploads.upload_not_found()
    outcome = uploads.store_chunk(upload, incoming, now)
    if isinstance(outcome, Answer):
        return outcome
    tables.uploads[incoming.upload_id] = outcome
    publication = publication_updates.with_transferred_bytes(tables.publications[outcome.publish_id], outcome.stored)
    # The last chunk carries the whole hash: its digest continues from all chunks before it.
    if outcome.complete:
        file = File(sha256=outcome.digest.hexdigest(), size=outcome.stored)
        start_processing(tables, publication, (file,), (outcome.head,), now)
    else:
        tables.save_publication(publication)
    return uploads.chunk_stored(outcome)


def count_bytes(tables: Tables, incoming: IncomingChunk) -> None:
    """Add the bytes of a body to the publication's count, complete or not."""
    publish_id = tables.uploads[incoming.upload_id].publish_id
    tables.bytes_read[publish_id] = tables.bytes_read.get(publish_id, 0) + incoming.read
