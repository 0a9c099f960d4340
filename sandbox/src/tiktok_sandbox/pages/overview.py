"""The data of the dashboard: the newest rows of everything.

It is read every second, so each list has a limit.
"""

from collections.abc import Reversible
from itertools import islice
from typing import Any, Final

from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.faults.catalogue import non_default_fields
from tiktok_sandbox.model.publications import Post, Publication, failure_of, is_public, publish_status
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import Tables
from tiktok_sandbox.runtime.clock import pace_label
from tiktok_sandbox.runtime.media_store import MediaStore

MAX_POSTS: Final = 60
MAX_CALLS: Final = 200
MAX_ACCOUNTS: Final = 100
MAX_RULES: Final = 40
MAX_WEBHOOKS: Final = 100


def overview(context: AppContext, username: str = "") -> dict[str, object]:
    """Return everything on the page; `username` filters the accounts."""
    tables, now = context.tables, context.clock.now()
    names = [each for each in tables.creators.rows if username.lower() in each.lower()]
    rules = tables.rules.all()
    return {
        "now": now,
        "clock": pace_label(context.clock.pace),
        "apps": [_app(each) for each in tables.apps.all()],
        "posts": [_publication(each, context.media, now) for each in _newest(tables.publications.values(), MAX_POSTS)],
        "calls": _calls(context),
        "accounts": _accounts(tables, names[:MAX_ACCOUNTS]),
        "rules": [_rule(context, rule_id) for rule_id in _newest(rules, MAX_RULES)],
        "webhooks": [_webhook(tables, each) for each in _newest(tables.deliveries.rows, MAX_WEBHOOKS)],
        "counts": {
            "posts": len(tables.publications),
            "calls": context.call_count,
            "accounts": len(names),
            "rules": len(rules),
            "webhooks": len(tables.deliveries.rows),
        },
    }


def _newest(items: Reversible[Any], most: int) -> list[Any]:
    return list(islice(reversed(items), most))


def _app(app: App) -> dict[str, object]:
    return {"name": app.name, "client_key": app.client_key, "audited": app.audited}


def _publication(publication: Publication, media: MediaStore | None, now: float) -> dict[str, object]:
    """Describe a publication and its latest post."""
    failure = failure_of(publication, now)
    posted = [each for each in publication.posts if each.posted_at <= now]
    post = posted[-1] if posted else None
    return {
        "publish_id": publication.publish_id,
        "username": publication.username,
        "title": publication.post_info.title,
        "medium": publication.medium.value,
        "status": publish_status(publication, now).value,
        "fail_reason": "" if failure is None else failure.reason,
        "bytes": publication.uploaded_bytes,
        "size": publication.plan.size,
        "sha256": "" if publication.processing is None else publication.processing.sha256,
        "inited_at": publication.inited_at,
        "privacy_level": publication.post_info.privacy_level,
        "has_media": post is not None and media is not None and media.length(publication.publish_id) > 0,
        **_post(post, now),
    }


def _post(post: Post | None, now: float) -> dict[str, object]:
    if post is None:
        return {"post_id": "", "is_public": False, "taken_down": False}
    return {
        "post_id": str(post.post_id),
        "privacy_level": post.privacy_level,
        "is_public": is_public(post, now),
        "taken_down": post.taken_down_at is not None and post.taken_down_at <= now,
    }


def _calls(context: AppContext) -> list[dict[str, object]]:
    return [{**each, "account": each["username"] or ""} for each in _newest(context.calls, MAX_CALLS)]


def _accounts(tables: Tables, names: list[str]) -> list[dict[str, object]]:
    # An account is connected as long as it has a refresh token.
    connected = {given.open_id: given.client_key for given in tables.grants.refresh.values()}
    return [_account(tables, name, connected) for name in names]


def _account(tables: Tables, name: str, connected: dict[str, str]) -> dict[str, object]:
    account = tables.creators.rows[name]
    keys = (tables.apps.default.client_key, *account.known_to)
    open_ids = {key: tables.creators.get_or_create(name, key).open_id for key in keys}
    return {
        "username": name,
        "is_private": account.profile.private_account,
        "is_banned": account.profile.banned,
        "connections": [{"open_id": each, "app": connected[each]} for each in open_ids.values() if each in connected],
    }


def _webhook(tables: Tables, name: str) -> dict[str, object]:
    delivery = tables.deliveries.rows[name]
    found = tables.creators.find(delivery.open_id)
    return {
        "id": name,
        "at": delivery.created_at,
        "event": delivery.event,
        "account": "" if found is None else found.profile.username,
        "state": delivery.state.value.replace("_", " "),
        "attempts": len(delivery.attempts),
        "publish_id": delivery.publish_id,
    }


def _rule(context: AppContext, rule_id: str) -> dict[str, object]:
    rule_state = context.tables.rules.rows[rule_id]
    return {
        "id": rule_id,
        "rule": non_default_fields(rule_state.rule),
        "hits": rule_state.hits,
        "holding": context.breakpoints.holding(rule_id),
        "ended": rule_state.has_ended(context.clock.now()),
    }
