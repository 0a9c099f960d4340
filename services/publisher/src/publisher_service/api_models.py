"""The body of `POST /v1/posts`, made from the contract's `post.requested`.

A post can be requested over Kafka and over HTTP. Both must take the same requests, so the fields, types, defaults and
limits stand in `common.contract.post.PostRequested` alone. This module turns that struct into a pydantic model, which
gives the OpenAPI document and one error for each faulty field; msgspec would stop at the first one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias
from uuid import uuid4

import msgspec
from msgspec import inspect
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StrictBool,
    StrictInt,
    create_model,
)
from pydantic_core import CoreSchema, core_schema

from common.clock import UtcDatetime
from common.contract.body import Time
from common.contract.post import MAX_SCHEDULE_AHEAD, PostRequested, Source

_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "post_id": (
        "Your key for the post, unique within the account. Two requests with the same key post once. "
        "Without it a new key is made, so that a repeated request makes another post."
    ),
    "account_id": "The connected TikTok account that posts.",
    "source": "Where the bytes come from.",
    "privacy_level": "Who may see the post. There is no default, because the person has to choose.",
    "caption": "The text under the video.",
    "allow_comment": "Whether people may comment.",
    "allow_duet": "Whether people may make duets.",
    "allow_stitch": "Whether people may stitch it.",
    "brand_content": "Whether it is a paid partnership.",
    "brand_organic": "Whether it promotes the creator's own business.",
    "is_aigc": "Whether AI generated it.",
    "cover_timestamp_ms": "Which moment of the video is its cover, as a whole number: 1 and not 1.0.",
    "publish_at": "When to post, at most 366 days ahead. At once if left out.",
    "not_after": "When it is too late to post, at most 366 days ahead. A day after its time if left out.",
}
"""What HTTP adds to the contract, in the order of the document. A field without a description is an error at import."""

_NOT_IN_THE_BODY: Final = frozenset({"tenant"})
"""The tenant is the API key's. A body that names one is refused like any other unknown field."""

_Annotation: TypeAlias = Any
"""What pydantic takes as a field's type or default: built at run time, so no static type describes it."""

_LIMITS: Final = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")


def _as_events_read_it(value: object) -> object:
    # Pydantic accepts more spellings of a time than msgspec: numbers, dates without a time, and times without an
    # offset. A request that HTTP accepts must not be refused by the worker, so msgspec decides.
    if value is None:
        return None
    try:
        return msgspec.convert(value if isinstance(value, str) else None, Time)
    except msgspec.ValidationError:
        message = "has to be an RFC 3339 time with an offset, such as 2027-01-31T18:00:00+01:00"
        raise ValueError(message) from None


def _annotation(kind: inspect.Type) -> _Annotation:
    """Return the annotation by which pydantic takes what msgspec takes for a type of the contract."""
    match kind:
        case inspect.UnionType(types=(first, inspect.NoneType())):
            return _annotation(first) | None
        case inspect.StrType() | inspect.IntType():
            limits = {name: limit for name in _LIMITS if (limit := getattr(kind, name, None)) is not None}
            return Annotated[str if isinstance(kind, inspect.StrType) else StrictInt, Field(**limits)]
        case inspect.BoolType():
            return StrictBool
        case inspect.DateTimeType(tz=True):
            return Annotated[AwareDatetime, BeforeValidator(_as_events_read_it)]
        case inspect.EnumType(cls=values) | inspect.StructType(cls=values):
            return _MODELS.get(values, values)
        case inspect.Type():
            message = f"HTTP has no reading for {kind}: add one here that refuses what the contract refuses"
            raise TypeError(message)


def model_of(name: str, struct: type[msgspec.Struct], summary: str, descriptions: Mapping[str, str]) -> type[BaseModel]:
    """Return the pydantic model of a contract's struct, with a description for each field.

    Raises `TypeError` if a field has no description, or a type that has no reading here. This happens at import, so a
    new field of the contract cannot be missing over HTTP unnoticed.
    """
    fields = {field.name: field for field in msgspec.structs.fields(struct) if field.name not in _NOT_IN_THE_BODY}
    if unlike := fields.keys() ^ descriptions.keys():
        message = f"{struct.__name__} and its descriptions for HTTP differ in: {', '.join(sorted(unlike))}"
        raise TypeError(message)
    described: dict[str, Any] = {
        name: (_annotation(inspect.type_info(fields[name].type)), _field(fields[name], text))
        for name, text in descriptions.items()
    }
    # An id's pattern is read by Python's engine, as msgspec does it: engines differ about a final line end.
    config = ConfigDict(extra="forbid", frozen=True, regex_engine="python-re")
    return create_model(name, __config__=config, __doc__=summary, **described)


def _field(field: msgspec.structs.FieldInfo, description: str) -> _Annotation:
    if field.name == "post_id":
        return Field(default_factory=lambda: uuid4().hex, description=description)
    if field.required:
        return Field(description=description)
    return Field(default=field.default, description=description)


_MODELS: dict[type, type[BaseModel]] = {}
_MODELS[Source] = model_of(
    "SourceAddress", Source, "Where the bytes come from.", {"url": "An https address that answers range requests."}
)
_MODELS[PostRequested] = model_of("Submission", PostRequested, "A video to be posted.", _DESCRIPTIONS)


@dataclass(frozen=True, slots=True)
class Submission:
    """A valid request for a post, before it is known whose it is."""

    body: BaseModel

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make FastAPI validate and document the generated model where a route asks for a `Submission`."""
        del source
        return core_schema.no_info_after_validator_function(cls, handler.generate_schema(_MODELS[PostRequested]))

    def requested_by(self, tenant: str) -> PostRequested:
        """Return the event. It is checked once more by the contract, which has the last word on every field."""
        return msgspec.convert(self.body.model_dump() | {"tenant": tenant}, PostRequested)


def too_far_ahead(request: PostRequested, now: UtcDatetime) -> Sequence[Mapping[str, Any]]:
    """Return a fault of the body for each time that lies too far ahead.

    Not a rule of the contract, as it depends on the clock: the uploader checks it again by the request's own time.
    """
    limit = now + MAX_SCHEDULE_AHEAD
    times: Mapping[str, datetime | None] = {"publish_at": request.publish_at, "not_after": request.not_after}
    return [
        {
            "type": "less_than_equal",
            "loc": ("body", name),
            "msg": f"has to be at most {MAX_SCHEDULE_AHEAD.days} days ahead",
            "input": time.isoformat(),
            "ctx": {"le": limit.isoformat()},
        }
        for name, time in times.items()
        if time is not None and time > limit
    ]
