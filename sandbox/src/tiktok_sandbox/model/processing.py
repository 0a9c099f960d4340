"""Processing of a publication whose bytes are all there.

It has a result, a delay, and rules that change both.
"""

from collections.abc import Iterable

from msgspec import structs

from tiktok_sandbox.faults.actions import Action, CallPhase, Endpoint
from tiktok_sandbox.faults.rules import Rule
from tiktok_sandbox.model import file_formats, publication_updates, publications
from tiktok_sandbox.model.publications import File, Publication
from tiktok_sandbox.model.rule_subjects import subject_of_publication
from tiktok_sandbox.model.tables import Tables


def start_processing(
    tables: Tables, publication: Publication, files: tuple[File, ...], heads: Iterable[bytes], now: float
) -> None:
    """Decide the result of processing.

    It is known at once and takes effect after the delay.
    """
    rules = _processing_rules(tables, publication, now)
    rule_fault = _fault_of_rules(rules)
    fault = rule_fault or _creator_fault(tables, publication, now) or _format_fault(tables, publication, heads)
    updated = publication_updates.with_processing(_with_longer_processing(publication, rules), files, fault, now)
    tables.save_publication(_with_later_takedown(updated, rules))


def _creator_fault(tables: Tables, publication: Publication, now: float) -> str:
    """Return the reason if the creator may no longer post.

    The creator may have been banned, or have used up the day, after the init was accepted.
    """
    if publication.is_draft:
        return ""
    person = tables.creators.get(publication.open_id).profile
    return publications.creator_block_code(person, tables.publications_of(publication.username), now)


def _processing_rules(tables: Tables, publication: Publication, now: float) -> list[Rule]:
    """Return the rules that act on this processing, and count them."""
    subject = subject_of_publication(publication)
    return [each.rule for each in tables.rules.match(Endpoint.PROCESSING, CallPhase.REQUEST, subject, now=now)]


def _fault_of_rules(rules: Iterable[Rule]) -> str:
    """Return the reason with which the first failing rule fails the post.

    Empty if none does.
    """
    reasons = {Action.ERROR: "code", Action.FAIL: "reason"}
    return next((getattr(each, reasons[each.action]) for each in rules if each.action in reasons), "")


def _with_longer_processing(publication: Publication, rules: Iterable[Rule]) -> Publication:
    """Lengthen processing by the rules' `slow` actions, as moderation can."""
    more = sum(each.seconds for each in rules if each.action is Action.SLOW)
    delays = publication.delays
    return structs.replace(publication, delays=structs.replace(delays, processing=delays.processing + more))


def _with_later_takedown(publication: Publication, rules: Iterable[Rule]) -> Publication:
    """Schedule a takedown, if a rule wants one.

    It happens the rule's seconds after the post became, or would have become, public.
    """
    seconds = [each.seconds for each in rules if each.action is Action.TAKEDOWN]
    if not seconds or publication.processing is None or not publication.posts:
        return publication
    removed = publication_updates.taken_down(publication.posts[-1], publication.processing.public_at + seconds[0])
    return publication_updates.with_post(publication, removed)


def _format_fault(tables: Tables, publication: Publication, heads: Iterable[bytes]) -> str:
    """Return the reason of the first file whose format is not accepted.

    Empty if all are.
    """
    strict = tables.settings.check_media
    faults = (file_formats.format_error(publication.medium, head, strict=strict) for head in heads)
    return next(filter(None, faults), "")
