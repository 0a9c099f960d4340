"""Processing."""

from collections.abc import Iterable

from msgspec import structs

from tiktok_sandbox.faults.actions import Action, Endpoint, Moment
from tiktok_sandbox.faults.rules import Rule
from tiktok_sandbox.model import file_formats, publication_updates, publications
from tiktok_sandbox.model.publications import File, Publication
from tiktok_sandbox.model.rule_subjects import subject_of_publication
from tiktok_sandbox.model.tables import World


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
