"""Events and changes of views become facts; an undecodable request is keyed by the names in it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    AWAITING_ACCOUNT,
    AWAITING_CREDENTIAL,
    KEY,
    NOW,
    PROBING,
    QUERYING_BEFORE,
    REQUEST,
)
from common.contract.account import AccountDescribed, CredentialIssued, CredentialWithdrawn
from common.contract.codec import Envelope, MalformedEvent
from common.contract.post import (
    PostPublished,
    PostReturned,
)
from common.streams import ForeignRecord, StateKey
from uploader_service.facts import AccountKnown, CredentialKnown, Requested, Returned, UndecodableRequest
from uploader_service.states import (
    AwaitingCredential,
)
from uploader_service.translate import on_undecodable, on_view_change, translate

ASKED = Requested(request=REQUEST, recorded_at=NOW)


def test_translate_turns_events_into_facts() -> None:
    def envelope(body: Any, time: datetime | None = NOW) -> Envelope[Any]:
        return Envelope(id="1", source="s", time=time, traceparent=None, body=body)

    asked_for = translate(envelope(REQUEST))
    assert asked_for is not None
    assert (asked_for.key, asked_for.fact) == (KEY, ASKED)
    naive = translate(envelope(REQUEST, datetime(2027, 1, 1, 12)))  # noqa: DTZ001 - a sender's time without an offset
    assert naive is not None
    assert naive.fact == ASKED
    header: dict[str, Any] = {"account_id": "acc_a", "post_id": "post-1", "tenant": "t1", "revision": 7, "at": NOW}
    back = translate(envelope(PostReturned(**header, attempt=1, code="internal", message="m")))
    assert back is not None
    assert back.fact == Returned(attempt=1, revision=7, code="internal", message="m")
    assert translate(envelope(PostPublished(**header, publish_id="p1"))) is None


def test_view_change_wakes_only_what_waits_for_it() -> None:
    account = AccountDescribed(account_id="acc_a", tenant="t1", open_id="o")
    credential = CredentialIssued(
        account_id="acc_a", version=4, scopes=(), expires_at=datetime(2027, 1, 2, tzinfo=UTC), sealed={}
    )
    assert on_view_change(KEY, AWAITING_ACCOUNT, account) == AccountKnown("t1")
    assert on_view_change(KEY, AWAITING_CREDENTIAL, credential) == CredentialKnown(4)
    assert on_view_change(KEY, AWAITING_CREDENTIAL, replace(credential, version=3)) is None
    assert on_view_change(KEY, AWAITING_CREDENTIAL, replace(credential, tenant="t1")) == CredentialKnown(4)
    assert on_view_change(KEY, AWAITING_CREDENTIAL, replace(credential, tenant="another")) is None
    querying = AwaitingCredential(newer_than=3, then=QUERYING_BEFORE)
    assert on_view_change(KEY, querying, replace(credential, tenant="another")) == CredentialKnown(4)
    assert (
        on_view_change(KEY, AWAITING_CREDENTIAL, CredentialWithdrawn(account_id="acc_a", version=9, reason="x")) is None
    )
    assert on_view_change(KEY, AWAITING_CREDENTIAL, account) is None
    assert on_view_change(KEY, AWAITING_ACCOUNT, credential) is None
    assert on_view_change(KEY, PROBING, account) is None


def outsider(value: bytes) -> ForeignRecord:
    error = MalformedEvent(ce_type="post.requested", fault="Invalid enum value 'EVERYONE' - at `$.privacy_level`")
    return ForeignRecord(topic="post.requests", partition=0, offset=7, key=None, value=value, error=error)


@pytest.mark.parametrize(("written", "tenant"), [("t1", "t1"), ("another", "another"), (7, ""), ("a/b", "")])
def test_undecodable_request_is_keyed_by_its_names(written: object, tenant: str) -> None:
    names = {"account_id": "acc_a", "post_id": "post-1", "tenant": written}
    found = on_undecodable(outsider(msgspec.json.encode({**names, "privacy_level": "EVERYONE"})))
    assert found is not None
    assert found.key == StateKey("acc_a", f"{tenant}/post-1")
    assert isinstance(found.fact, UndecodableRequest)
    assert found.fact.tenant == tenant
    assert "$.privacy_level" in found.fact.message


@pytest.mark.parametrize(
    "value",
    [
        b"\xff\xfe",
        b"not json",
        b"[1]",
        b'{"post_id": "p"}',
        b'{"account_id": "a", "post_id": ""}',
        b'{"account_id": "a", "post_id": 3}',
        b'{"account_id": "a", "post_id": "has space"}',
        b'{"account_id": "a", "post_id": "p", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"account_id": "a", "post_id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_undecodable_request_without_names_is_ignored(value: bytes) -> None:
    assert on_undecodable(outsider(value)) is None
