"""Everything the stand-in knows, and what a PUT and the token endpoint do to it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from msgspec import structs

from tiktok_sandbox.api import oauth
from tiktok_sandbox.api.oauth import Grants
from tiktok_sandbox.faults.rules import Action, Endpoint, Moment, Rule, Rules, Subject
from tiktok_sandbox.model import file_formats, publication_updates, publications, uploads
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.apps import Apps
from tiktok_sandbox.model.creators import Creators
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.pending_webhooks import Notice, Notices
from tiktok_sandbox.model.publications import File, Publication, Source
from tiktok_sandbox.model.rate_limits import Allowance
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.model.uploads import Incoming, PutHead, Upload
from tiktok_sandbox.model.webhook_deliveries import Deliveries
from tiktok_sandbox.model.webhook_schedule import foreseen
from tiktok_sandbox.runtime.table import Table


class World:
    """The tables; no clock, no sockets."""

    def __init__(self, settings: Settings, ids: Identifiers, base_url: str) -> None:
        self.apps = Apps(ids, settings.app, settings.apps)
        self.settings = structs.replace(settings, app=self.apps.default)
        self.ids = ids
        self.base_url = base_url
        self.grants = Grants()
        self.creators = Creators(settings.app.client_key)
        self.publications: Table[str, Publication] = Table()
        self.unfetched: set[str] = set()
        self._of_person: dict[str, list[str]] = {}
        self.uploads: Table[str, Upload] = Table()
        self.bytes_read: Table[str, int] = Table()
        self.allowance = Allowance()
        self.rules = Rules()
        self.notices = Notices()
        self.deliveries = Deliveries()
        for profile in settings.creators:
            self.creators.save(profile)

    def keep(self, publication: Publication) -> None:
        """A publication is new or has changed: remember it, and what there is now to tell its app."""
        before = self.publications.get(publication.publish_id)
        self.remember(publication)
        told = Counter(() if before is None else foreseen(before))
        for each in Counter(foreseen(publication)) - told:
            self.notices.plan(
                Notice(
                    due_at=each.due_at,
                    client_key=publication.client_key,
                    event=each.event,
                    open_id=publication.open_id,
                    publish_id=publication.publish_id,
                    content=dict(each.content),
                )
            )

    def remember(self, publication: Publication) -> None:
        """The table and its indexes, oldest init first; nobody is told."""
        publish_id = publication.publish_id
        if publish_id not in self.publications:
            self._of_person.setdefault(publication.username, []).append(publish_id)
        self.publications[publish_id] = publication
        has_ended = publication.arrival is not None or publication.failure is not None
        if has_ended or publication.source is not Source.PULL_FROM_URL:
            self.unfetched.discard(publish_id)
        else:
            self.unfetched.add(publish_id)

    def of_person(self, username: str) -> list[Publication]:
        """Every publication of one person through any app, oldest first."""
        return [self.publications[publish_id] for publish_id in self._of_person.get(username, ())]


def still_holds(world: World, notice: Notice, now: float) -> bool:
    """Whether what a notice tells is true at its moment; what is about no publication always is."""
    publication = world.publications.get(notice.publish_id)
    if publication is None:
        return True
    about = (notice.due_at, notice.event, notice.content)
    return notice.due_at <= now and any(
        about == (each.due_at, each.event, dict(each.content)) for each in foreseen(publication)
    )


def subject_of_notice(world: World, notice: Notice) -> Subject:
    """What rules may look at in what an app is told."""
    publication, person = world.publications.get(notice.publish_id), world.creators.of(notice.open_id)
    return Subject(
        open_id=notice.open_id,
        username=None if person is None else person.profile.username,
        client_key=notice.client_key,
        title=None if publication is None else publication.post_info.title,
        publish_id=notice.publish_id or None,
        event=notice.event,
    )


def answer_token(world: World, form: Mapping[str, str], now: float) -> Answer:
    """The token endpoint."""
    app = world.apps.get(form.get("client_key", ""))
    return oauth.answer_token(world.grants, app, world.ids, form, lifetimes=world.settings.lifetimes, now=now)


def find_upload(world: World, upload_id: str, token: str) -> Upload | None:
    """The upload behind a url, if both halves are right."""
    upload = world.uploads.get(upload_id)
    return upload if upload is not None and upload.token == token else None


def subject_of_publication(publication: Publication) -> Subject:
    """What rules may look at once an init was accepted."""
    return Subject(
        open_id=publication.open_id,
        username=publication.username,
        client_key=publication.client_key,
        title=publication.post_info.title,
        publish_id=publication.publish_id,
    )


def expire_uploads(world: World, publish_id: str, now: float) -> int:
    """A publication's upload urls work no longer; how many there were."""
    found = [name for name, each in world.uploads.items() if each.publish_id == publish_id]
    for name in found:
        world.uploads[name] = replace(world.uploads[name], expires_at=now)
    return len(found)


def subject_of_upload(world: World, upload: Upload | None) -> Subject:
    """What rules may look at in a PUT."""
    return Subject() if upload is None else subject_of_publication(world.publications[upload.publish_id])


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


def arrive(world: World, publication: Publication, files: tuple[File, ...], heads: Iterable[bytes], now: float) -> None:
    """Every byte is there: what processing will find is known at once, and told later."""
    rules = _processing_rules(world, publication, now)
    asked = _processing_fault(rules)
    fault = asked or _creator_fault(world, publication, now) or _format_fault(world, publication, heads)
    arrived = publication_updates.arrived(_slowed(publication, rules), files, fault, now)
    world.keep(_taken_down_later(arrived, rules))


def _creator_fault(world: World, publication: Publication, now: float) -> str:
    """A creator may have been banned, or the day used up by posts begun at the same time."""
    if publication.is_draft:
        return ""
    person = world.creators.get(publication.open_id).profile
    return publications.why_blocked(person, world.of_person(publication.username), now)


def _processing_rules(world: World, publication: Publication, now: float) -> list[Rule]:
    subject = subject_of_publication(publication)
    return [each.rule for each in world.rules.strike(Endpoint.PROCESSING, Moment.REQUEST, subject, now=now)]


def _processing_fault(rules: Iterable[Rule]) -> str:
    reasons = {Action.ERROR: "code", Action.FAIL: "reason"}
    return next((getattr(each, reasons[each.action]) for each in rules if each.action in reasons), "")


def _slowed(publication: Publication, rules: Iterable[Rule]) -> Publication:
    """It takes longer until the verdict, as long as moderation can."""
    more = sum(each.seconds for each in rules if each.action is Action.SLOW)
    delays = publication.delays
    return structs.replace(publication, delays=structs.replace(delays, processing=delays.processing + more))


def _taken_down_later(publication: Publication, rules: Iterable[Rule]) -> Publication:
    """A post that was accepted goes down so many seconds after it became, or would have become, public."""
    wanted = [each.seconds for each in rules if each.action is Action.TAKEDOWN]
    if not wanted or publication.arrival is None or not publication.posts:
        return publication
    gone = publication_updates.taken_down(publication.posts[-1], publication.arrival.public_at + wanted[0])
    return publication_updates.with_changed(publication, gone)


def _format_fault(world: World, publication: Publication, heads: Iterable[bytes]) -> str:
    strict = world.settings.check_media
    faults = (file_formats.why_refused(publication.medium, head, strict=strict) for head in heads)
    return next(filter(None, faults), "")


def count_bytes(world: World, incoming: Incoming) -> None:
    """A body ended, whole or not: remember how much of it came over the wire."""
    publish_id = world.uploads[incoming.upload_id].publish_id
    world.bytes_read[publish_id] = world.bytes_read.get(publish_id, 0) + incoming.read
