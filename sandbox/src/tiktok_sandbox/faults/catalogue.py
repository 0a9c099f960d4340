"""What rules can be made of, in words and by name: for people who write them and for forms that offer them."""

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
    Endpoint.TOKEN: "exchange and refresh",
    Endpoint.REVOKE: "an app gives its permission back",
    Endpoint.USER_INFO: "user/info",
    Endpoint.CREATOR_INFO: "creator_info/query",
    Endpoint.VIDEO_INIT: "direct post of a video",
    Endpoint.INBOX_INIT: "video to the inbox",
    Endpoint.CONTENT_INIT: "photos",
    Endpoint.CANCEL: "cancel",
    Endpoint.UPLOAD: "a PUT of a chunk",
    Endpoint.STATUS: "status/fetch",
    Endpoint.VIDEO_LIST: "video/list",
    Endpoint.VIDEO_QUERY: "video/query",
    Endpoint.PULL: "TikTok fetches the files of a post",
    Endpoint.PROCESSING: "the last byte is there",
    Endpoint.WEBHOOK: "an app is told what became of a post",
}

ACTIONS: Final[dict[Action, tuple[str, tuple[str, ...]]]] = {
    Action.HOLD: ("waits until the rule is released", ()),
    Action.STATUS: ("answers this HTTP status; 0 cuts the connection", ("status", "code")),
    Action.ERROR: ("answers this code with the status it has at TikTok; a post fails for it", ("code",)),
    Action.RATE_LIMIT: ("answers 429", ()),
    Action.LOSE_ANSWER: ("cuts the connection without an answer", ()),
    Action.CLOSE: ("breaks off: within a body, or after some bytes of the answer", ()),
    Action.HANG: ("never answers; ends when the client leaves or the rule is released", ()),
    Action.SLOW: ("takes longer, or takes a body in at this pace", ("seconds", "bytes_per_second")),
    Action.OUTAGE: ("answers this status to everybody for so long (0: until ended)", ("status", "code", "seconds")),
    Action.EXPIRE: ("the upload url, the access tokens, or what is exchanged expires now", ()),
    Action.REVOKE: ("the person disconnects the app", ()),
    Action.TAKEDOWN: ("the newest video goes; on processing, so long after it came", ("seconds",)),
    Action.FAIL: ("the post fails for this reason", ("reason",)),
    Action.LOSE: ("is never sent", ()),
    Action.DUPLICATE: ("is sent twice", ()),
    Action.DELAY: ("is sent so much later", ("seconds",)),
    Action.REORDER: ("is sent after the next one", ()),
    Action.WRONG_SIGNATURE: ("is signed with another secret", ()),
    Action.STALE: ("is signed so long ago (0: ten minutes)", ("seconds",)),
}

FIELDS: Final = {
    "endpoint": "what it is about",
    "action": "what happens",
    "at": "before anything is done, within an upload's body, or done and not yet answered",
    "after_bytes": "within a body: once so many of its bytes are read; of a broken answer: how many are sent (0: half)",
    "skip": "not the first so many",
    "times": "on how many (0: without end)",
    "every": "only on each second, third, …",
    "probability": "only so often, by chance",
    "seed": "another one, another chance; the same one, the same calls",
    "open_id": "only for this account as an app knows it",
    "username": "only for this person",
    "client_key": "only for this app",
    "publish_id": "only for this publication",
    "title": "only for posts of exactly this title",
    "event": "only for this webhook event",
    "status": "the HTTP status",
    "code": "the error code",
    "reason": "the fail reason",
    "seconds": "of the stand-in's clock",
    "bytes_per_second": "of an upload or a fetched file",
}

_FIELDS_OF_EVERY_ACTION: Final = (
    *("endpoint", "action", "at", "skip", "times", "every", "probability", "seed"),
    *("open_id", "username", "client_key", "publish_id", "title"),
)

EXAMPLES: Final[tuple[tuple[str, str, Rule], ...]] = (
    ("Calls", "Fail the next init", Rule(endpoint=Endpoint.VIDEO_INIT, action=Action.ERROR)),
    (
        "Calls",
        "Lose the next init's answer",
        Rule(endpoint=Endpoint.VIDEO_INIT, at=CallPhase.ANSWER, action=Action.LOSE_ANSWER),
    ),
    ("Calls", "Break off the next answer", Rule(endpoint=Endpoint.ANY, at=CallPhase.ANSWER, action=Action.CLOSE)),
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
        "Break the next chunk half-way",
        Rule(endpoint=Endpoint.UPLOAD, at=CallPhase.BODY, action=Action.LOSE_ANSWER, after_bytes=1_000_000),
    ),
    ("Uploads", "Refuse the next 5 chunks", Rule(endpoint=Endpoint.UPLOAD, action=Action.STATUS, times=5)),
    ("Uploads", "Hold uploads", Rule(endpoint=Endpoint.UPLOAD, action=Action.HOLD, times=0)),
    (
        "Uploads",
        "Take 1 MB a second",
        Rule(endpoint=Endpoint.UPLOAD, action=Action.SLOW, bytes_per_second=1_000_000, times=0),
    ),
    ("Uploads", "Expire the next upload url", Rule(endpoint=Endpoint.UPLOAD, action=Action.EXPIRE)),
    ("Posts", "Fail the next processing", Rule(endpoint=Endpoint.PROCESSING, action=Action.FAIL)),
    (
        "Posts",
        "Moderate the next post for an hour",
        Rule(endpoint=Endpoint.PROCESSING, action=Action.SLOW, seconds=3_600),
    ),
    (
        "Posts",
        "Take the next video down after a minute",
        Rule(endpoint=Endpoint.PROCESSING, action=Action.TAKEDOWN, seconds=60),
    ),
    ("Posts", "Disconnect at the next status call", Rule(endpoint=Endpoint.STATUS, action=Action.REVOKE)),
    ("Webhooks", "Lose the next", Rule(endpoint=Endpoint.WEBHOOK, action=Action.LOSE)),
    ("Webhooks", "Send the next twice", Rule(endpoint=Endpoint.WEBHOOK, action=Action.DUPLICATE)),
    ("Webhooks", "Send the next a minute late", Rule(endpoint=Endpoint.WEBHOOK, action=Action.DELAY, seconds=60)),
    ("Webhooks", "Send the next after the one behind it", Rule(endpoint=Endpoint.WEBHOOK, action=Action.REORDER)),
    ("Webhooks", "Sign the next wrongly", Rule(endpoint=Endpoint.WEBHOOK, action=Action.WRONG_SIGNATURE)),
)


def rule_catalogue() -> dict[str, object]:
    """Everything a rule can say."""
    return {
        "endpoints": [{"name": each.value, "description": description} for each, description in ENDPOINTS.items()],
        "actions": [_action(each, description, fields) for each, (description, fields) in ACTIONS.items()],
        "fields": [_field(each) for each in structs.fields(Rule)],
        "examples": [
            {"group": group, "label": label, "rule": non_default_fields(rule)} for group, label, rule in EXAMPLES
        ],
    }


def _action(action: Action, description: str, fields: tuple[str, ...]) -> dict[str, object]:
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
    """What a rule says beyond what goes without saying."""
    usual = {field.name: field.default for field in structs.fields(Rule)}
    given = {name: value for name, value in structs.asdict(rule).items() if value != usual[name]}
    found: dict[str, object] = msgspec.to_builtins(given)
    return found


def _field(field: structs.FieldInfo) -> dict[str, object]:
    kind = _kind(field.type)
    choices = [each.value for each in kind if each.value in _OFFERED_VALUES] if issubclass(kind, Enum) else None
    default = None if field.default is msgspec.NODEFAULT else msgspec.to_builtins(field.default)
    named = {int: "integer", float: "number"}.get(kind, "text")
    return {
        "name": field.name,
        "kind": named,
        "choices": choices,
        "default": default,
        "description": FIELDS[field.name],
    }


_OFFERED_VALUES: Final = {each.value for each in (*ENDPOINTS, *ACTIONS, *CallPhase)}


def _kind(annotation: Any) -> type:  # noqa: ANN401 -- a type as it is written down
    """The plain type behind `Annotated[int, …]` and `str | None`."""
    if isinstance(annotation, UnionType) or get_origin(annotation) is not None:
        return _kind(get_args(annotation)[0])
    found: type = annotation
    return found
