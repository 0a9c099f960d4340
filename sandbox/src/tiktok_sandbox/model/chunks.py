"""Chunks."""

from dataclasses import replace

from tiktok_sandbox.model import publication_updates, uploads
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.processing import arrive
from tiktok_sandbox.model.publications import File
from tiktok_sandbox.model.tables import World
from tiktok_sandbox.model.uploads import Incoming, PutHead, Upload


def find_upload(world: World, upload_id: str, token: str) -> Upload | None:
    """The upload behind a url, if both halves are right."""
    upload = world.uploads.get(upload_id)
    return upload if upload is not None and upload.token == token else None


def expire_uploads(world: World, publish_id: str, now: float) -> int:
    """A publication's upload urls work no longer; how many there were."""
    found = [name for name, each in world.uploads.items() if each.publish_id == publish_id]
    for name in found:
        world.uploads[name] = replace(world.uploads[name], expires_at=now)
    return len(found)


def begin_chunk(world: World, upload_id: str, token: str, head: PutHead, now: float) -> Incoming | Answer:
    """Judge a PUT by its head."""
    upload = find_upload(world, upload_id, token)
    if upload is None or _has_ended(world, upload):
        return uploads.unknown_task()
    return uploads.begin(upload_id, upload, head, now)


def _has_ended(world: World, upload: Upload) -> bool:
    return world.publications[upload.publish_id].failure is not None


def end_chunk(world: World, incoming: Incoming, now: float) -> Answer:
    """Store a chunk whose body ended; with the last one the post is on its way."""
    upload = world.uploads[incoming.upload_id]
    if _has_ended(world, upload):
        return uploads.unknown_task()
    outcome = uploads.finish(upload, incoming, now)
    if isinstance(outcome, Answer):
        return outcome
    world.uploads[incoming.upload_id] = outcome
    publication = publication_updates.grown(world.publications[outcome.publish_id], outcome.stored)
    if outcome.complete:
        file = File(sha256=outcome.digest.hexdigest(), size=outcome.stored)
        arrive(world, publication, (file,), (outcome.head,), now)
    else:
        world.keep(publication)
    return uploads.stored_answer(outcome)


def count_bytes(world: World, incoming: Incoming) -> None:
    """A body ended, whole or not: remember how much of it came over the wire."""
    publish_id = world.uploads[incoming.upload_id].publish_id
    world.bytes_read[publish_id] = world.bytes_read.get(publish_id, 0) + incoming.read
