"""A request for a post as HTTP takes it: `post.requested` but for the tenant, with faults named field by field."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, get_args
from uuid import uuid4

import msgspec
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from common.clock import UtcDatetime
from common.contract import post as contract
from common.contract.post import MAX_SCHEDULE_AHEAD, PostRequested, PrivacyLevel

_AwareInstant = Annotated[datetime, msgspec.Meta(tz=True)]


def _as_the_contract_reads_it(value: object) -> object:
    """Read a time as events do, which take fewer spellings than pydantic."""
    if not isinstance(value, str):
        return value if value is None else _refuse_time()
    try:
        return msgspec.convert(value, _AwareInstant)
    except msgspec.ValidationError:
        return _refuse_time()


def _refuse_time() -> object:
    message = "has to be an RFC 3339 time with an offset, such as 2027-01-31T18:00:00+01:00"
    raise ValueError(message)


# An id has one rule, the contract's; read by the engine that reads it there, as engines differ about line ends.
_rule: msgspec.Meta = get_args(contract.Identifier)[1]
Identifier = Annotated[str, Field(min_length=_rule.min_length, max_length=_rule.max_length, pattern=_rule.pattern)]
Moment = Annotated[AwareDatetime | None, BeforeValidator(_as_the_contract_reads_it)]


class SourceAddress(BaseModel):
    """Where the bytes come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=8, max_length=4096, description="An https address that answers range requests.")


class Submission(BaseModel):
    """A video to be posted."""

    model_config = ConfigDict(extra="forbid", frozen=True, regex_engine="python-re")

    post_id: Identifier = Field(
        default_factory=lambda: uuid4().hex,
        description=(
            "Your key for the post, unique within the account: asked twice, posted once. "
            "Leave it out and one is made; then asking again makes another post."
        ),
    )
    account_id: Identifier = Field(description="The connected TikTok account that posts.")
    source: SourceAddress
    privacy_level: PrivacyLevel = Field(description="Who may see the post; the person has to choose.")
    caption: str = Field(default="", max_length=2200, description="The text under the video.")
    allow_comment: StrictBool = Field(default=False, description="Whether people may comment.")
    allow_duet: StrictBool = Field(default=False, description="Whether people may make duets.")
    allow_stitch: StrictBool = Field(default=False, description="Whether people may stitch it.")
    brand_content: StrictBool = Field(default=False, description="Whether it is a paid partnership.")
    brand_organic: StrictBool = Field(default=False, description="Whether it promotes the creator's own business.")
    is_aigc: StrictBool = Field(default=False, description="Whether AI generated it.")
    cover_timestamp_ms: Annotated[StrictInt, Field(ge=0)] | None = Field(
        default=None, description="Which moment of the video is its cover; a whole number, so 1 and not 1.0."
    )
    publish_at: Moment = Field(default=None, description="When to post, at most 366 days ahead; at once if left out.")
    not_after: Moment = Field(
        default=None,
        description="When it is too late to post, at most 366 days ahead; a day after its time if left out.",
    )


def too_far_ahead(submission: Submission, now: UtcDatetime) -> Sequence[Mapping[str, Any]]:
    """Name each time that lies too far ahead, as a fault of the body."""
    limit = now + MAX_SCHEDULE_AHEAD
    return [
        {
            "type": "less_than_equal",
            "loc": ("body", name),
            "msg": f"has to be at most {MAX_SCHEDULE_AHEAD.days} days ahead",
            "input": time.isoformat(),
            "ctx": {"le": limit.isoformat()},
        }
        for name, time in (("publish_at", submission.publish_at), ("not_after", submission.not_after))
        if time is not None and time > limit
    ]


def requested(submission: Submission, tenant: str) -> PostRequested:
    """Turn a tenant's submission into the event. The contract has the last word on every field."""
    return msgspec.convert(submission.model_dump() | {"tenant": tenant}, PostRequested)
