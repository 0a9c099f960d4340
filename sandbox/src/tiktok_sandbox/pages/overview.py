"""What the web page shows: the newest of everything, small enough to be asked for every second."""

from collections.abc import Reversible
from itertools import islice
from typing import Any, Final

from tiktok_sandbox.app_context import Shell
from tiktok_sandbox.faults.catalogue import unusual
from tiktok_sandbox.model.publications import Post, Publication, failure_of, is_shown, status_code
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import World
from tiktok_sandbox.runtime.clock import in_words
from tiktok_sandbox.runtime.media_store import Media

MOST_POSTS: Final = 60
MOST_CALLS: Final = 200
MOST_ACCOUNTS: Final = 100
MOST_RULES: Final = 40
MOST_WEBHOOKS: Final = 100


def overview(shell: Shell, who: str = "") -> dict[str, object]:
    """Everything on the page; `who` is part of the names of the accounts to list."""
    world, now = shell.world, shell.clock.now()
    names = [each for each in world.creators.rows if who.lower() in each.lower()]
    rules = world.rules.all()
    return {
        "now": now,
        "clock": in_words(shell.clock.pace),
        "apps": [_app(each) for each in world.apps.all()],
        "posts": [_publication(each, shell.media, now) for each in _newest(world.publications.values(), MOST_POSTS)],
        "calls": _calls(shell),
        "accounts": _accounts(world, names[:MOST_ACCOUNTS]),
        "rules": [_rule(shell, rule_id) for rule_id in _newest(rules, MOST_RULES)],
        "webhooks": [_told(world, each) for each in _newest(world.deliveries.rows, MOST_WEBHOOKS)],
        "counts": {
            "posts": len(world.publications),
            "calls": shell.calls_seen,
            "accounts": len(names),
            "rules": len(rules),
            "webhooks": len(world.deliveries.rows),
        },
    }


def _newest(items: Reversible[Any], most: int) -> list[Any]:
    return list(islice(reversed(items), most))


def _app(app: App) -> dict[str, object]:
    return {"name": app.name, "client_key": app.client_key, "audited": app.audited}


def _publication(publication: Publication, media: Media | None, now: float) -> dict[str, object]:
    failure = failure_of(publication, now)
    posted = [each for each in publication.posts if each.posted_at <= now]
    post = posted[-1] if posted else None
    return {
        "publish_id": publication.publish_id,
        "username": publication.username,
        "title": publication.post_info.title,
        "medium": publication.medium.value,
        "status": status_code(publication, now).value,
        "fail_reason": "" if failure is None else failure.reason,
        "bytes": publication.uploaded_bytes,
        "size": publication.plan.size,
        "sha256": "" if publication.arrival is None else publication.arrival.sha256,
        "inited_at": publication.inited_at,
        "privacy_level": publication.post_info.privacy_level,
        "kept": post is not None and media is not None and media.length(publication.publish_id) > 0,
        **_post(post, now),
    }


def _post(post: Post | None, now: float) -> dict[str, object]:
    if post is None:
        return {"post_id": "", "is_public": False, "taken_down": False}
    return {
        "post_id": str(post.post_id),
        "privacy_level": post.privacy_level,
        "is_public": is_shown(post, now),
        "taken_down": post.taken_down_at is not None and post.taken_down_at <= now,
    }


def _calls(shell: Shell) -> list[dict[str, object]]:
    return [{**each, "account": each["username"] or ""} for each in _newest(shell.calls, MOST_CALLS)]


def _accounts(world: World, names: list[str]) -> list[dict[str, object]]:
    connected = {given.open_id: given.client_key for given in world.grants.refresh.values()}
    return [_account(world, name, connected) for name in names]


def _account(world: World, name: str, connected: dict[str, str]) -> dict[str, object]:
    account = world.creators.rows[name]
    keys = (world.apps.default.client_key, *account.met_by)
    open_ids = {key: world.creators.named(name, key).open_id for key in keys}
    return {
        "username": name,
        "is_private": account.profile.private_account,
        "is_banned": account.profile.banned,
        "connections": [{"open_id": each, "app": connected[each]} for each in open_ids.values() if each in connected],
    }


def _told(world: World, name: str) -> dict[str, object]:
    delivery = world.deliveries.rows[name]
    found = world.creators.of(delivery.open_id)
    return {
        "id": name,
        "at": delivery.created_at,
        "event": delivery.event,
        "account": "" if found is None else found.profile.username,
        "state": delivery.state.value.replace("_", " "),
        "attempts": len(delivery.attempts),
        "publish_id": delivery.publish_id,
    }


def _rule(shell: Shell, rule_id: str) -> dict[str, object]:
    standing = shell.world.rules.rows[rule_id]
    return {
        "id": rule_id,
        "rule": unusual(standing.rule),
        "hits": standing.hits,
        "holding": shell.holds.holding(rule_id),
        "ended": standing.is_over(shell.clock.now()),
    }
