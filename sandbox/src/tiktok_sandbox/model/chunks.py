"""Chunks."""

from dataclasses import replace

from tiktok_sandbox.model import publication_updates, uploads
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.processing import start_processing
from tiktok_sandbox.model.publications import File
from tiktok_sandbox.model.tables import Tables
from tiktok_sandbox.model.uploads import ChunkHeaders, IncomingChunk, Upload


def find_upload(tables: Tables, upload_id: str, token: str) -> Upload | None:
    """The upload behind a url, if both halves are right."""
    upload = tables.uploads.get(upload_id)
    return upload if upload is not None and upload.token == token else None


def expire_uploads(tables: Tables, publish_id: str, now: float) -> int:
    """A publication's upload urls work no longer; how many there were."""
    found = [name for name, each in tables.uploads.items() if each.publish_id == publish_id]
    for name in found:
        tables.uploads[name] = replace(tables.uploads[name], expires_at=now)
    return len(found)


def begin_chunk(tables: Tables, upload_id: str, token: str, head: ChunkHeaders, now: float) -> IncomingChunk | Answer:
    """Judge a PUT by its head."""
    upload = find_upload(tables, upload_id, token)
    if upload is None or _has_ended(tables, upload):
        return uploads.upload_not_found()
    return uploads.check_headers(upload_id, upload, head, now)


def _has_ended(tables: Tables, upload: Upload) -> bool:
    return tables.publications[upload.publish_id].failure is not None


def finish_chunk(tables: Tables, incoming: IncomingChunk, now: float) -> Answer:
    """Store a chunk whose body ended; with the last one the post is on its way."""
    upload = tables.uploads[incoming.upload_id]
    if _has_ended(tables, upload):
        return uploads.upload_not_found()
    outcome = uploads.store_chunk(upload, incoming, now)
    if isinstance(outcome, Answer):
        return outcome
    tables.uploads[incoming.upload_id] = outcome
    publication = publication_updates.with_transferred_bytes(tables.publications[outcome.publish_id], outcome.stored)
    if outcome.complete:
        file = File(sha256=outcome.digest.hexdigest(), size=outcome.stored)
        start_processing(tables, publication, (file,), (outcome.head,), now)
    else:
        tables.save_publication(publication)
    return uploads.chunk_stored(outcome)


def count_bytes(tables: Tables, incoming: IncomingChunk) -> None:
    """A body ended, whole or not: remember how much of it came over the wire."""
    publish_id = tables.uploads[incoming.upload_id].publish_id
    tables.bytes_read[publish_id] = tables.bytes_read.get(publish_id, 0) + incoming.read
