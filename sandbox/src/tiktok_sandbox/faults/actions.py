"""The names that rules are made of, and which of them fit together."""

from enum import StrEnum
from typing import Final


class Endpoint(StrEnum):
    """What a rule applies to.

    `processing`, `pull` and `webhook` are things TikTok does by itself. `*` is every API call. `unknown` appears only
    in the list of calls, for an address or method that TikTok does not have.
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


class CallPhase(StrEnum):
    """When a rule acts.

    `request` is before anything is done, `body` within an upload's body, `answer` after the work and before the
    answer.

    The last one is the dangerous case for a client: the work is done and the client does not learn it.
    """

    REQUEST = "request"
    BODY = "body"
    ANSWER = "answer"


class Action(StrEnum):
    """What happens to a matching call. The last six exist for webhooks only."""

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
"""What TikTok does by itself, without a call of the app."""

API_CALLS: Final = frozenset(Endpoint) - BACKGROUND - {Endpoint.UNKNOWN}

ENDPOINTS_WITH_BODY: Final = frozenset({Endpoint.UPLOAD, Endpoint.PULL})

WEBHOOK_ACTIONS: Final = frozenset(
    {Action.LOSE, Action.DUPLICATE, Action.DELAY, Action.REORDER, Action.WRONG_SIGNATURE, Action.STALE}
)

CONTINUING_ACTIONS: Final = frozenset({Action.SLOW, Action.EXPIRE, Action.REVOKE, Action.TAKEDOWN}) | WEBHOOK_ACTIONS
"""After these the call continues, and a later rule may still decide it. Every other action decides the call."""

# Some actions change an account's tokens or videos. They need a call that names an account; the consent page does not.
_WITH_ACCOUNT: Final = API_CALLS - {Endpoint.AUTHORIZE, Endpoint.CONSENT}
_WITH_TOKEN: Final = _WITH_ACCOUNT - {Endpoint.UPLOAD, Endpoint.TOKEN}

ENDPOINTS_BY_ACTION: Final = {
    Action.HOLD: API_CALLS | {Endpoint.PULL, Endpoint.WEBHOOK},
    Action.STATUS: API_CALLS | {Endpoint.PULL},
    Action.ERROR: API_CALLS | {Endpoint.PULL, Endpoint.PROCESSING},
    Action.RATE_LIMIT: API_CALLS,
    Action.LOSE_ANSWER: API_CALLS | {Endpoint.PULL, Endpoint.WEBHOOK},
    Action.CLOSE: API_CALLS,
    Action.HANG: API_CALLS,
    Action.SLOW: API_CALLS | {Endpoint.PULL, Endpoint.PROCESSING},
    Action.OUTAGE: API_CALLS,
    Action.EXPIRE: _WITH_ACCOUNT,
    Action.REVOKE: _WITH_ACCOUNT,
    Action.TAKEDOWN: _WITH_TOKEN | {Endpoint.PROCESSING},
    Action.FAIL: frozenset({Endpoint.PULL, Endpoint.PROCESSING}),
    **dict.fromkeys(WEBHOOK_ACTIONS, frozenset({Endpoint.WEBHOOK})),
}

_ANY_PHASE: Final = frozenset(CallPhase)
_BEFORE_OR_AFTER: Final = frozenset({CallPhase.REQUEST, CallPhase.ANSWER})
_BEFORE: Final = frozenset({CallPhase.REQUEST})

PHASES_BY_ACTION: Final = {
    Action.HOLD: _ANY_PHASE,
    Action.STATUS: _ANY_PHASE,
    Action.ERROR: _ANY_PHASE,
    Action.RATE_LIMIT: _BEFORE,
    Action.LOSE_ANSWER: _ANY_PHASE,
    Action.CLOSE: _ANY_PHASE,
    Action.HANG: _ANY_PHASE,
    Action.SLOW: _ANY_PHASE,
    Action.OUTAGE: _BEFORE,
    Action.EXPIRE: _ANY_PHASE,
    Action.REVOKE: _ANY_PHASE,
    Action.TAKEDOWN: _BEFORE_OR_AFTER,
    Action.FAIL: _BEFORE,
    **dict.fromkeys(WEBHOOK_ACTIONS, _BEFORE),
}
