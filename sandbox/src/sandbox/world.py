"""Everything the stand-in knows, and what a PUT and the token endpoint do to it."""

from collections.abc import Mapping

from msgspec import structs

from sandbox import oauth, posting, uploads
from sandbox.allowance import Allowance
from sandbox.answers import Answer
from sandbox.creators import Creators
from sandbox.identifiers import Identifiers
from sandbox.oauth import Grants
from sandbox.posting import Publication
from sandbox.rules import Action, Endpoint, Moment, Rules, Subject
from sandbox.settings import Settings
from sandbox.uploads import Incoming, PutHead, Upload


class World:
    """The tables; no clock, no sockets."""

    def __init__(self, settings: Settings, ids: Identifiers, base_url: str) -> None:
        secret = settings.app.client_secret or ids.text(32)
        self.settings = structs.replace(settings, app=structs.replace(settings.app, client_secret=secret))
        self.ids = ids
        self.base_url = base_url
        self.grants = Grants()
        self.creators = Creators(settings.app.client_key)
        self.publications: dict[str, Publication] = {}
        self.uploads: dict[str, Upload] = {}
        self.bytes_read: dict[str, int] = {}
        self.allowance = Allowance()
        self.rules = Rules()
        for profile in settings.creators:
            self.creators.save(profile)


def answer_token(world: World, form: Mapping[str, str], now: float) -> Answer:
    """The token endpoint."""
    settings = world.settings
    return oauth.answer_token(world.grants, settings.app, world.ids, form, lifetimes=settings.lifetimes, now=now)


def find_upload(world: World, upload_id: str, token: str) -> Upload | None:
    """The upload behind a url, if both halves are right."""
    upload = world.uploads.get(upload_id)
    return upload if upload is not None and upload.token == token else None


def subject_of_upload(world: World, upload: Upload | None) -> Subject:
    """What rules may look at in a PUT."""
    if upload is None:
        return Subject()
    publication = world.publications[upload.publish_id]
    return Subject(open_id=publication.open_id, title=publication.post_info.title, publish_id=publication.publish_id)


def begin_chunk(world: World, upload_id: str, token: str, head: PutHead, now: float) -> Incoming | Answer:
    """Judge a PUT by its head."""
    upload = find_upload(world, upload_id, token)
    return uploads.unknown_task() if upload is None else uploads.begin(upload_id, upload, head, now)


def end_chunk(world: World, incoming: Incoming, now: float) -> Answer:
    """Store a chunk whose body ended; with the last one the post is on its way."""
    outcome = uploads.finish(world.uploads[incoming.upload_id], incoming, now)
    if isinstance(outcome, Answer):
        return outcome
    world.uploads[incoming.upload_id] = outcome
    publication = posting.grown(world.publications[outcome.publish_id], outcome.stored)
    if outcome.complete:
        reason = _processing_fault(world, outcome)
        publication = posting.arrived(publication, outcome.digest.hexdigest(), reason, now)
    world.publications[outcome.publish_id] = publication
    return uploads.stored_answer(outcome)


def _processing_fault(world: World, upload: Upload) -> str:
    struck = world.rules.strike(Endpoint.PROCESSING, Moment.REQUEST, subject_of_upload(world, upload))
    return struck.rule.code if struck is not None and struck.rule.action is Action.ERROR else ""


def count_bytes(world: World, incoming: Incoming) -> None:
    """A body ended, whole or not: remember how much of it came over the wire."""
    publish_id = world.uploads[incoming.upload_id].publish_id
    world.bytes_read[publish_id] = world.bytes_read.get(publish_id, 0) + incoming.read
