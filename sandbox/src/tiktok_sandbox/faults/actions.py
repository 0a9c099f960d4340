"""What can go wrong: with which calls, at which of their moments, and which faults let a call go on."""

from enum import StrEnum
from typing import Final


class Endpoint(StrEnum):
    """What a rule can be about. `processing`, `pull` and `webhook` are no calls; `*` is every call.

    `unknown` only stands in the list of calls: an address or a method that TikTok does not have.
    """

    ANY = "*"
    AUTHORIZE = "authorize"
    CONSENT = "consent"
    TOKEN = "token"  # noqa: S105 -- the name of an endpoint
    REVOKE = "revoke"
    USER_INFO = "user_info"
    CREATOR_INFO = "creator_info"
    VIDEO_INIT = "video_init"
    INBOX_INIT = "inbox_init"
    CONTENT_INIT = "content_init"
    CANCEL = "cancel"
    UPLOAD = "upload"
    STATUS = "status"
    VIDEO_LIST = "video_list"
    VIDEO_QUERY = "video_query"
    PULL = "pull"
    PROCESSING = "processing"
    WEBHOOK = "webhook"
    UNKNOWN = "unknown"


class Moment(StrEnum):
    """When within a call: before anything is done, inside an upload's body, or done and not yet answered."""

    REQUEST = "request"
    BODY = "body"
    ANSWER = "answer"


class Action(StrEnum):
    """What happens. The last six happen to webhooks, and to nothing else."""

    HOLD = "hold"
    STATUS = "status"
    ERROR = "error"
    RATE_LIMIT = "rate_limit"
    LOSE_ANSWER = "lose_answer"
    CLOSE = "close"
    HANG = "hang"
    SLOW = "slow"
    OUTAGE = "outage"
    EXPIRE = "expire"
    REVOKE = "revoke"
    TAKEDOWN = "takedown"
    FAIL = "fail"
    LOSE = "lose"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    REORDER = "reorder"
    WRONG_SIGNATURE = "wrong_signature"
    STALE = "stale"


ANY: Final = Endpoint.ANY

BACKGROUND: Final = frozenset({Endpoint.PULL, Endpoint.PROCESSING, Endpoint.WEBHOOK})
"""What TikTok does by itself."""

CALLS: Final = frozenset(Endpoint) - BACKGROUND - {Endpoint.UNKNOWN}

WITH_BYTES: Final = frozenset({Endpoint.UPLOAD, Endpoint.PULL})

OF_WEBHOOKS: Final = frozenset(
    {Action.LOSE, Action.DUPLICATE, Action.DELAY, Action.REORDER, Action.WRONG_SIGNATURE, Action.STALE}
)

GOES_ON: Final = frozenset({Action.SLOW, Action.EXPIRE, Action.REVOKE, Action.TAKEDOWN}) | OF_WEBHOOKS
"""After these a call is answered as always, or as a later rule wants."""

# Whose tokens can die, and whose videos can be taken down: who is behind these is known.
_ABOUT_SOMEBODY: Final = CALLS - {Endpoint.AUTHORIZE, Endpoint.CONSENT}
_WITH_TOKEN: Final = _ABOUT_SOMEBODY - {Endpoint.UPLOAD, Endpoint.TOKEN}

ENDPOINTS_OF: Final = {
    Action.HOLD: CALLS | {Endpoint.PULL, Endpoint.WEBHOOK},
    Action.STATUS: CALLS | {Endpoint.PULL},
    Action.ERROR: CALLS | {Endpoint.PULL, Endpoint.PROCESSING},
    Action.RATE_LIMIT: CALLS,
    Action.LOSE_ANSWER: CALLS | {Endpoint.PULL, Endpoint.WEBHOOK},
    Action.CLOSE: CALLS,
    Action.HANG: CALLS,
    Action.SLOW: CALLS | {Endpoint.PULL, Endpoint.PROCESSING},
    Action.OUTAGE: CALLS,
    Action.EXPIRE: _ABOUT_SOMEBODY,
    Action.REVOKE: _ABOUT_SOMEBODY,
    Action.TAKEDOWN: _WITH_TOKEN | {Endpoint.PROCESSING},
    Action.FAIL: frozenset({Endpoint.PULL, Endpoint.PROCESSING}),
    **dict.fromkeys(OF_WEBHOOKS, frozenset({Endpoint.WEBHOOK})),
}

_ANY_MOMENT: Final = frozenset(Moment)
_AROUND: Final = frozenset({Moment.REQUEST, Moment.ANSWER})
_FIRST: Final = frozenset({Moment.REQUEST})

MOMENTS_OF: Final = {
    Action.HOLD: _ANY_MOMENT,
    Action.STATUS: _ANY_MOMENT,
    Action.ERROR: _ANY_MOMENT,
    Action.RATE_LIMIT: _FIRST,
    Action.LOSE_ANSWER: _ANY_MOMENT,
    Action.CLOSE: _ANY_MOMENT,
    Action.HANG: _ANY_MOMENT,
    Action.SLOW: _ANY_MOMENT,
    Action.OUTAGE: _FIRST,
    Action.EXPIRE: _ANY_MOMENT,
    Action.REVOKE: _ANY_MOMENT,
    Action.TAKEDOWN: _AROUND,
    Action.FAIL: _FIRST,
    **dict.fromkeys(OF_WEBHOOKS, _FIRST),
}
