"""What every event body has in common."""

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

from common.contract.topics import Topic

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time, RFC 3339 with an offset."""


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A fact that was written to a topic. `ce_type` names it, `topic` is the one place it may be written to."""

    ce_type: ClassVar[str]
    topic: ClassVar[Topic]
    keyed_by: ClassVar[str]
    """The field that is the record's key: what has one key keeps its order."""

    @property
    def key(self) -> str:
        """The record's key."""
        return str(getattr(self, self.keyed_by))

    @property
    def subject(self) -> str:
        """What the event is about: the post for events about posts, else what it is keyed by."""
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
