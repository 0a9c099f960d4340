"""Describes everything a rule can be made of, for people, forms and programs."""

from enum import Enum
from types import UnionType
from typing import Any, Final, get_args, get_origin

import msgspec
from msgspec import structs

from tiktok_sandbox.faults.actions import ENDPOINTS_BY_ACTION, PHASES_BY_ACTION, Action, CallPhase, Endpoint
from tiktok_sandbox.faults.rules import Rule

ENDPOINTS: Final = {
    Endpoint.ANY: "every call",
    Endpoint.AUTHORIZE: "the consent page",
    Endpoint.CONSENT: "the form behind the consent page",
    Endpoint.TOKEN: "token exchange and refresh",
    Endpoint.REVOKE: "an app revokes its permission",
    Endpoint.USER_INFO: "user/info",
    Endpoint.CREATOR_INFO: "creator_info/query",
    Endpoint.VIDEO_INIT: "direct post of a video",
    Endpoint.INBOX_INIT: "upload of a video draft to the inbox",
    Endpoint.CONTENT_INIT: "post or draft of photos",
    Endpoint.CANCEL: "cancel of a download",
    Endpoint.UPLOAD: "PUT of a chunk",
    Endpoint.STATUS: "status/fetch",
    Endpoint.VIDEO_LIST: "video/list",
    Endpoint.VIDEO_QUERY: "video/query",
    Endpoint.PULL: "TikTok downloads the files of a post",
    Endpoint.PROCESSING: "TikTok processes a post whose bytes are complete",
    Endpoint.WEBHOOK: "TikTok sends a webhook to an app",
}

ACTIONS: Final[dict[Action, tuple[str, tuple[str, ...]]]] = {
    Action.HOLD: ("holds the call until the rule is released", ()),
    Action.STATUS: ("answers this HTTP status; 0 closes the connection", ("status", "code")),
    Action.ERROR: ("answers this error code with TikTok's status for it; a post fails with it", ("code",)),
    Action.RATE_LIMIT: ("answers 429", ()),
    Action.LOSE_ANSWER: ("closes the connection without an answer", ()),
    Action.CLOSE: ("closes the connection within a body, or after some bytes of the answer", ()),
    Action.HANG: ("never answers, until the client leaves or the rule is released", ()),
    Action.SLOW: ("adds latency, or limits the speed of a body", ("seconds", "bytes_per_second")),
    Action.OUTAGE: ("answers this status to every call for this time (0: until ended)", ("status", "code", "seconds")),
    Action.EXPIRE: ("the upload URL, the access tokens, or the exchanged code or token expires now", ()),
    Action.REVOKE: ("the user disconnects the app", ()),
    Action.TAKEDOWN: ("the newest video is removed; on processing, this time after it became public", ("seconds",)),
    Action.FAIL: ("the post fails with this reason", ("reason",)),
    Action.LOSE: ("is never sent", ()),
    Action.DUPLICATE: ("is sent twice", ()),
    Action.DELAY: ("is sent later by this time", ("seconds",)),
    Action.REORDER: ("is sent after the next one", ()),
    Action.WRONG_SIGNATURE: ("is signed with another secret", ()),
    Action.STALE: ("is signed with a timestamp this old (0: ten minutes)", ("seconds",)),
}

FIELDS: Final = {
    "endpoint": "what the rule applies to",
    "action": "what happens to a matching call",
    "at": "when: before anything is done, within an upload's body, or after the work and before the answer",
    "after_bytes": "within a body: after this many bytes are read; of a truncated answer: bytes to send (0: half)",
    "skip": "matching calls to let pass first",
    "times": "how many calls to act on (0: no limit)",
    "every": "act only on each second, third, … call",
    "probability": "chance to act, from 0 to 1",
    "seed": "start of the random sequence; the same seed chooses the same calls",
    "open_id": "only for this open id",
    "username": "only for this username",
    "client_key": "only for this app",
    "publish_id": "only for this publication",
    "title": "only for posts with exactly this title",
    "event": "only for this webhook event",
    "status": "the HTTP status",
    "code": "the error code",
    "reason": "the fail reason",
    "seconds": "seconds of the sandbox's clock",
    "bytes_per_second": "speed limit of an upload or a downloaded file",
}

_FIELDS_OF_EVERY_ACTION: Final = (
    *("endpoint", "action", "at", "skip", "times", "every", "probability", "seed"),
    *("open_id", "username", "client_key", "publish_id", "title"),
)

EXAMPLES: Final[tuple[tuple[str, str, Rule], ...]] = (
    ("Calls", "Fail the next init", Rule(endpoint=Endpoint.VIDEO_INIT, action=Action.ERROR)),
    (
        "Calls",
        "Lose the answer to the next init",
        Rule(endpoint=Endpoint.VIDEO_INIT, at=CallPhase.ANSWER, action=Action.LOSE_ANSWER),
    ),
    ("Calls", "Truncate the next answer", Rule(endpoint=Endpoint.ANY, at=CallPhase.ANSWER, action=Action.CLOSE)),
    ("Calls", "Never answer the next call", Rule(endpoint=Endpoint.ANY, action=Action.HANG)),
    ("Calls", "Slow every call by 2 s", Rule(endpoint=Endpoint.ANY, action=Action.SLOW, seconds=2, times=0)),
    ("Calls", "Fail each third call", Rule(endpoint=Endpoint.ANY, action=Action.STATUS, status=500, every=3, times=0)),
    ("Calls", "Rate limit the next 5 status calls", Rule(endpoint=Endpoint.STATUS, action=Action.RATE_LIMIT, times=5)),
    (
        "Calls",
        "Reject the next token",
        Rule(endpoint=Endpoint.TOKEN, action=Action.ERROR, code="invalid_grant"),
    ),
    ("Calls", "Expire the next access token", Rule(endpoint=Endpoint.CREATOR_INFO, action=Action.EXPIRE)),
    ("Calls", "Outage for a minute", Rule(endpoint=Endpoint.ANY, action=Action.OUTAGE, seconds=60)),
    (
        "Uploads",
        "Close the connection within the next chunk",
        Rule(endpoint=Endpoint.UPLOAD, at=CallPhase.BODY, action=Action.LOSE_ANSWER, after_bytes=1_000_000),
    ),
    ("Uploads", "Refuse the next 5 chunks", Rule(endpoint=Endpoint.UPLOAD, action=Action.STATUS, times=5)),
    ("Uploads", "Hold uploads", Rule(endpoint=Endpoint.UPLOAD, action=Action.HOLD, times=0)),
    (
        "Uploads",
        "Take 1 MB a second",
        Rule(endpoint=Endpoint.UPLOAD, action=Action.SLOW, bytes_per_second=1_000_000, times=0),
    ),
    ("Uploads", "Expire the next upload URL", Rule(endpoint=Endpoint.UPLOAD, action=Action.EXPIRE)),
    ("Posts", "Fail the next processing", Rule(endpoint=Endpoint.PROCESSING, action=Action.FAIL)),
    (
        "Posts",
        "Moderate the next post for an hour",
        Rule(endpoint=Endpoint.PROCESSING, action=Action.SLOW, seconds=3_600),
    ),
    (
        "Posts",
        "Remove the next video after a minute",
        Rule(endpoint=Endpoint.PROCESSING, action=Action.TAKEDOWN, seconds=60),
    ),
    ("Posts", "Disconnect at the next status call", Rule(endpoint=Endpoint.STATUS, action=Action.REVOKE)),
    ("Webhooks", "Lose the next webhook", Rule(endpoint=Endpoint.WEBHOOK, action=Action.LOSE)),
    ("Webhooks", "Send the next webhook twice", Rule(endpoint=Endpoint.WEBHOOK, action=Action.DUPLICATE)),
    (
        "Webhooks",
        "Send the next webhook a minute late",
        Rule(endpoint=Endpoint.WEBHOOK, action=Action.DELAY, seconds=60),
    ),
    ("Webhooks", "Swap the next two webhooks", Rule(endpoint=Endpoint.WEBHOOK, action=Action.REORDER)),
    ("Webhooks", "Sign the next webhook wrongly", Rule(endpoint=Endpoint.WEBHOOK, action=Action.WRONG_SIGNATURE)),
)


def rule_catalogue() -> dict[str, object]:
    """Return the catalogue as the admin API shows it."""
    return {
        "endpoints": [{"name": each.value, "description": description} for each, description in ENDPOINTS.items()],
        "actions": [_action(each, description, fields) for each, (description, fields) in ACTIONS.items()],
        "fields": [_field(each) for each in structs.fields(Rule)],
        "examples": [
            {"group": group, "label": label, "rule": non_default_fields(rule)} for group, label, rule in EXAMPLES
        ],
    }


def _action(action: Action, description: str, fields: tuple[str, ...]) -> dict[str, object]:
    """Describe an action, with the endpoints, phases and fields that fit it."""
    also = ("event",) if Endpoint.WEBHOOK in ENDPOINTS_BY_ACTION[action] else ()
    in_bytes = ("after_bytes",) if CallPhase.BODY in PHASES_BY_ACTION[action] else ()
    return {
        "name": action.value,
        "description": description,
        "endpoints": [each.value for each in Endpoint if each in ENDPOINTS_BY_ACTION[action]],
        "phases": [each.value for each in CallPhase if each in PHASES_BY_ACTION[action]],
        "fields": [*_FIELDS_OF_EVERY_ACTION, *also, *in_bytes, *fields],
    }


def non_default_fields(rule: Rule) -> dict[str, object]:
    """Return the fields of a rule that differ from their defaults."""
    defaults = {field.name: field.default for field in structs.fields(Rule)}
    given = {name: value for name, value in structs.asdict(rule).items() if value != defaults[name]}
    found: dict[str, object] = msgspec.to_builtins(given)
    return found


def _field(field: structs.FieldInfo) -> dict[str, object]:
    """Describe a field: type, default, and choices if it has a fixed set of them."""
    kind = _kind(field.type)
    choices = [each.value for each in kind if each.value in _OFFERED_VALUES] if issubclass(kind, Enum) else None
    default = None if field.default is msgspec.NODEFAULT else msgspec.to_builtins(field.default)
    # A form chooses the kind of its input field by this.
    named = {int: "integer", float: "number"}.get(kind, "text")
    return {
        "name": field.name,
        "kind": named,
        "choices": choices,
        "default": default,
        "description": FIELDS[field.name],
    }


_OFFERED_VALUES: Final = {each.value for each in (*ENDPOINTS, *ACTIONS, *CallPhase)}


def _kind(annotation: Any) -> type:  # noqa: ANN401 -- an annotation can be any object
    """Return the plain type behind `Annotated[int, …]` and `str | None`."""
    if isinstance(annotation, UnionType) or get_origin(annotation) is not None:
        return _kind(get_args(annotation)[0])
    found: type = annotation
    return found
