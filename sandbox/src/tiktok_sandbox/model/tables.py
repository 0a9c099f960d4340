"""Everything the stand-in knows, and what a PUT and the token endpoint do to it."""

from collections import Counter

from msgspec import structs

from tiktok_sandbox.faults.rules import Rules
from tiktok_sandbox.model.apps import Apps
from tiktok_sandbox.model.creators import Creators
from tiktok_sandbox.model.grants import Grants
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.pending_webhooks import Notice, Notices
from tiktok_sandbox.model.publications import Publication, Source
from tiktok_sandbox.model.rate_limits import Allowance
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.model.uploads import Upload
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
