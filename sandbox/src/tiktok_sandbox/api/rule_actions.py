"""What the actions of rules do: change the state, or give an answer."""

from msgspec import structs

from tiktok_sandbox.faults.actions import Action, Endpoint
from tiktok_sandbox.faults.rules import RATE_LIMITED, Rule, Subject
from tiktok_sandbox.model import permissions, publication_updates
from tiktok_sandbox.model.answers import STATUS_OF_CODE, Answer, error, oauth_error, upload_error
from tiktok_sandbox.model.chunks import expire_uploads
from tiktok_sandbox.model.permissions import RemovalReason
from tiktok_sandbox.model.publications import Post, Publication
from tiktok_sandbox.model.tables import Tables


def apply_action(tables: Tables, rule: Rule, endpoint: Endpoint, subject: Subject, now: float) -> None:
    """Apply a rule's side effect to the account the call is about.

    No-op if there is none.
    """
    if subject.open_id is None:
        return
    match rule.action:
        case Action.EXPIRE:
            _expire(tables, endpoint, subject, subject.open_id, now)
        case Action.REVOKE:
            permissions.end_permission(tables, subject.open_id, RemovalReason.DISCONNECTED, now)
        case Action.TAKEDOWN:
            _take_down(tables, rule, subject, subject.open_id, now)
        case _:
            return


def _expire(tables: Tables, endpoint: Endpoint, subject: Subject, open_id: str, now: float) -> None:
    """Expire what the endpoint uses.

    In a PUT that is the upload URL, at `token` the codes and refresh tokens, anywhere else the access tokens.
    """
    grants = tables.grants
    if endpoint is Endpoint.UPLOAD:
        expire_uploads(tables, subject.publish_id or "", now)
        return
    # At the token endpoint the access tokens stay valid: the client finds out at the next refresh.
    exchanged, tokens = (grants.codes, grants.refresh) if endpoint is Endpoint.TOKEN else ({}, grants.access)
    # min(): a rule may only shorten a lifetime.
    for name in [name for name, code in exchanged.items() if code.open_id == open_id]:
        exchanged[name] = structs.replace(exchanged[name], expires_at=min(exchanged[name].expires_at, now))
    for name in [name for name, given in tokens.items() if given.open_id == open_id]:
        tokens[name] = structs.replace(tokens[name], expires_at=min(tokens[name].expires_at, now))


def _take_down(tables: Tables, rule: Rule, subject: Subject, open_id: str, now: float) -> None:
    """Remove the newest visible video.

    It is one of the publication that the call or the rule names, else of the person.
    """
    creator = tables.creators.find(open_id)
    found = () if creator is None else reversed(tables.publications_of(creator.profile.username))
    publish_id = subject.publish_id or rule.publish_id
    for publication in found:
        up = _visible_posts(publication, now)
        if up and publication.open_id == open_id and publish_id in {None, publication.publish_id}:
            tables.save_publication(
                publication_updates.with_post(publication, publication_updates.taken_down(up[-1], now))
            )
            return


def _visible_posts(publication: Publication, now: float) -> list[Post]:
    return [each for each in publication.posts if each.posted_at <= now and each.taken_down_at is None]


def rule_answer(rule: Rule, endpoint: Endpoint) -> Answer:
    """Return what a call gets instead of its own answer, in its own envelope."""
    by_code = rule.action in {Action.ERROR, Action.RATE_LIMIT}
    code = RATE_LIMITED if rule.action is Action.RATE_LIMIT else rule.code
    status = STATUS_OF_CODE.get(code, 400) if by_code else rule.status
    if endpoint is Endpoint.UPLOAD:
        return upload_error(status, code)
    if endpoint in {Endpoint.TOKEN, Endpoint.REVOKE}:
        return oauth_error(code, "As asked for by a rule.", status=status)
    # TikTok reports a blocked creator within HTTP 200 here.
    if by_code and endpoint is Endpoint.CREATOR_INFO and status == STATUS_OF_CODE["spam_risk_too_many_posts"]:
        return error(code, status=200)
    return error(code, status=status)
