"""The base classes of event bodies: what an event is about, its key and its version."""

from datetime import datetime
from typing import Annotated, ClassVar, Final

import msgspec

from common.contract.topics import Topic

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time, RFC 3339 with an offset."""


SCHEMA_PREFIX: Final = "urn:postbus:event:"


# `gc=False` spares the garbage collector work: a body never holds a cycle.
class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One version of an event: a fact that is written to `topic` under the name `ce_type`.

    Each concrete class stands in `common.contract.registry`. New optional fields do not change the version. Any other
    change is a new class with the next `schema_version`; the older class stays, so that old records can be read.
    """

    ce_type: ClassVar[str]
    topic: ClassVar[Topic]
    keyed_by: ClassVar[str]
    """The field that is the record's key. Records with the same key keep their order."""
    schema_version: ClassVar[int] = 1
    """Not named `version`: some bodies have a field of that name."""

    @classmethod
    def schema_id(cls) -> str:
        """Return the `$id` of the body's JSON Schema, which is also the value of the header `ce_dataschema`."""
        return SCHEMA_PREFIX + cls.versioned_name(separator=":")

    @classmethod
    def versioned_name(cls, separator: str = ".") -> str:
        """Return `ce_type`, with the version behind it from version 2 on."""
        return cls.ce_type if cls.schema_version == 1 else f"{cls.ce_type}{separator}{cls.schema_version}"

    @property
    def key(self) -> str:
        """The record's key, which chooses its partition."""
        # By name, since each family of events is keyed by another field.
        return str(getattr(self, self.keyed_by))

    @property
    def subject(self) -> str:
        """The id of what the event is about: the post for events about posts, otherwise the key."""
        return self.key


class AccountBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An event about one account."""

    keyed_by: ClassVar[str] = "account_id"

    account_id: str

    @property
    def key(self) -> str:
        """The account's id."""
        return self.account_id


class PostBody(AccountBody, frozen=True, kw_only=True, omit_defaults=True):
    """An event about one post. `post_id` is unique within its account and that account's tenant."""

    post_id: str

    @property
    def subject(self) -> str:
        """The post's id."""
        return self.post_id
