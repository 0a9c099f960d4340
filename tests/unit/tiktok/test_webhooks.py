"""Which webhook bodies count as TikTok's, and what is made of them. The signatures were computed with OpenSSL."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tiktok.limits import WEBHOOK_BYTES
from tiktok.webhooks import (
    Event,
    Genuine,
    NotGenuine,
    Notification,
    SignatureFault,
    Stale,
    Unreadable,
    read_notification,
    verify_signature,
)

SECRET = "secret-of-the-app"
SIGNED_AT = 1_795_000_000
NOW = datetime.fromtimestamp(SIGNED_AT, UTC)
BODY = (
    b'{"client_key":"aw1","event":"authorization.removed","create_time":1795000000,'
    b'"user_openid":"-000Abc","content":"{\\"reason\\":1}"}'
)
SIGNATURE = "b3552e9eaadb25769aabe23a2cdb71d6c54559540c053005133928b013b7efc4"
HEADER = f"t={SIGNED_AT},s={SIGNATURE}"
NO_TEXT = b"\xff\x00"
SIGNATURE_OF_NO_TEXT = "9b8188536cd5a4ac8015485f0edadcb09e201ef504c8a7f8644784ad09a2d6ec"


def judge(header: str | None, body: bytes = BODY, *, now: datetime = NOW) -> Genuine | Stale | NotGenuine:
    return verify_signature(header, body, client_secret=SECRET, now=now)


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        f"s={SIGNATURE},t={SIGNED_AT}",
        f" t={SIGNED_AT} , s={SIGNATURE.upper()} ",
        f"{HEADER},v2=of-tomorrow",
    ],
)
def test_signed_body_is_genuine(header: str) -> None:
    assert judge(header) == Genuine()


def test_signed_bytes_need_not_be_text() -> None:
    assert judge(f"t={SIGNED_AT},s={SIGNATURE_OF_NO_TEXT}", NO_TEXT) == Genuine()


@pytest.mark.parametrize("seconds", [-300, -1, 0, 299.5, 300])
def test_five_minutes_off_are_within_tolerance(seconds: float) -> None:
    assert judge(HEADER, now=NOW + timedelta(seconds=seconds)) == Genuine()


@pytest.mark.parametrize("seconds", [-301, 300.5, 86_400])
def test_body_signed_at_another_time_is_stale(seconds: float) -> None:
    assert judge(HEADER, now=NOW + timedelta(seconds=seconds)) == Stale(signed_at=SIGNED_AT)


def test_the_tolerance_can_be_chosen() -> None:
    late = NOW + timedelta(seconds=31)
    for tolerance, verdict in ((31, Genuine()), (30, Stale(signed_at=SIGNED_AT))):
        found = verify_signature(HEADER, BODY, client_secret=SECRET, now=late, tolerance=timedelta(seconds=tolerance))
        assert found == verdict


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (HEADER, BODY + b" "),
        (HEADER, BODY.replace(b"-000Abc", b"-000Abd")),
        (HEADER, b""),
        (f"t={SIGNED_AT + 1},s={SIGNATURE}", BODY),
        (f"t=0{SIGNED_AT},s={SIGNATURE}", BODY),
        (f"t={SIGNED_AT},s={'0' * 64}", BODY),
    ],
)
def test_changed_body_is_not_genuine(header: str, body: bytes) -> None:
    assert judge(header, body) == NotGenuine(SignatureFault.WRONG)


def test_signature_of_another_secret_is_wrong() -> None:
    found = verify_signature(HEADER, BODY, client_secret="another", now=NOW)
    assert found == NotGenuine(SignatureFault.WRONG)


@pytest.mark.parametrize("header", [None, ""])
def test_missing_signature_is_named(header: str | None) -> None:
    assert judge(header) == NotGenuine(SignatureFault.MISSING)


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        ",",
        f"t={SIGNED_AT}",
        f"s={SIGNATURE}",
        f"t=,s={SIGNATURE}",
        f"t=-1,s={SIGNATURE}",
        f"t=1e9,s={SIGNATURE}",
        f"t={'9' * 5000},s={SIGNATURE}",
        f"t=\u0661\u0662,s={SIGNATURE}",
        f"t={SIGNED_AT},s={SIGNATURE[:-1]}",
        f"t={SIGNED_AT},s={SIGNATURE}0",
        f"t={SIGNED_AT},s={'x' * 64}",
        f"t={SIGNED_AT},s=" + "é" * 64,
        f"t={SIGNED_AT},t={SIGNED_AT},s={SIGNATURE}",
        f"{HEADER},s={'0' * 64}",
        "," * 100_000 + HEADER,
        f"T={SIGNED_AT},S={SIGNATURE}",
    ],
)
def test_header_of_another_shape_is_malformed(header: str) -> None:
    assert judge(header) == NotGenuine(SignatureFault.MALFORMED)


def notification_body(**changes: Any) -> bytes:
    envelope = {
        "client_key": "aw1",
        "event": "post.publish.publicly_available",
        "create_time": 1_770_210_873,
        "user_openid": "-000Abc",
        "content": "{}",
    }
    return json.dumps({name: value for name, value in (envelope | changes).items() if value is not ...}).encode()


def notification_in(body: bytes) -> Notification:
    found = read_notification(body)
    assert isinstance(found, Notification), found
    return found


def test_recorded_delivery_is_read() -> None:
    content = (
        '{"publish_id":"v_pub_file~v2-1.7600000000000331285",'
        '"publish_type":"DIRECT_PUBLISH","post_id":"7600000000000123457"}'
    )
    assert read_notification(notification_body(content=content)) == Notification(
        client_key="aw1",
        event=Event.PUBLICLY_AVAILABLE,
        open_id="-000Abc",
        created_at=1_770_210_873,
        content={
            "publish_id": "v_pub_file~v2-1.7600000000000331285",
            "publish_type": "DIRECT_PUBLISH",
            "post_id": "7600000000000123457",
        },
    )


def test_removed_authorization_has_a_numeric_reason() -> None:
    found = notification_in(BODY)
    assert (found.event, found.open_id) == (Event.AUTHORIZATION_REMOVED, "-000Abc")
    assert dict(found.content) == {"reason": 1}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"post_id": 7600000000000123457}', {"post_id": "7600000000000123457"}),
        ('{"request_id": 12}', {"request_id": "12"}),
        ('{"total": 9007199254740993}', {"total": "9007199254740993"}),
        ('{"total": -9007199254740993}', {"total": "-9007199254740993"}),
        ('{"total": 9007199254740991}', {"total": 9007199254740991}),
        ('{"of_tomorrow": true, "rate": 0.5, "nothing": null}', {"of_tomorrow": True, "rate": 0.5, "nothing": None}),
        ('{"paid_id": false}', {"paid_id": False}),
        ('{"nested": {"a": [1, 2]}, "list": []}', {"nested": '{"a": [1, 2]}', "list": "[]"}),
        ('{"huge": 1e400}', {"huge": "1e400"}),
        ({"reason": 5}, {"reason": 5}),
        ("{}", {}),
        ("", {}),
        (None, {}),
        (..., {}),
    ],
)
def test_content_is_flat_and_exact(content: Any, expected: dict[str, Any]) -> None:
    found = dict(notification_in(notification_body(content=content)).content)
    assert found == expected
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in expected.items()
    }


@pytest.mark.parametrize(
    ("open_id", "expected"), [(7600000000000123457, "7600000000000123457"), (None, ""), (..., ""), ("", "")]
)
def test_open_id_is_text_and_may_be_missing(open_id: Any, expected: str) -> None:
    assert notification_in(notification_body(user_openid=open_id)).open_id == expected


def test_new_events_and_fields_are_accepted() -> None:
    found = notification_in(notification_body(event="of.tomorrow", event_id="7", nested={"a": [1]}))
    assert found.event == "of.tomorrow"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"nonsense", "malformed"),
        (b"[]", "Expected `object`"),
        (b"null", "Expected `object`"),
        (NO_TEXT, "malformed"),
        (b"\xef\xbb\xbf{}", "malformed"),
        (notification_body(event="e").replace(b'"e"', b'"\xff"'), "UnicodeDecodeError"),
        (b'{"a":' + b"[" * 60_000, "RecursionError"),
        (notification_body(content='{"a":' + "[" * 60_000), "RecursionError"),
        (notification_body(content="x" * WEBHOOK_BYTES), "more than 65536 bytes"),
        (notification_body(client_key=...), "client_key"),
        (notification_body(client_key=""), "client_key"),
        (notification_body(client_key=7), "client_key"),
        (notification_body(event=...), "event"),
        (notification_body(event="e" * 257), "event"),
        (notification_body(user_openid="o" * 257), "user_openid"),
        (notification_body(user_openid=True), "user_openid"),
        (notification_body(user_openid=["o"]), "user_openid"),
        (notification_body(user_openid="N").replace(b'"N"', b"9" * 5000), "user_openid"),
        (notification_body(create_time=...), "create_time"),
        (notification_body(create_time="1770210873"), "create_time"),
        (notification_body(create_time=-1), "create_time"),
        (notification_body(create_time=253_402_300_800), "create_time"),
        (notification_body(create_time=1.5), "create_time"),
        (notification_body(content=5), "content"),
        (notification_body(content="[]"), "Expected `object`"),
        (notification_body(content="no json"), "malformed"),
        (notification_body(content='{"a": "\\ud800"}'), "truncated"),
        (notification_body(content={}).replace(b"{}}", b'{"a": "\xff"}}'), "UnicodeDecodeError"),
        (notification_body(content={}).replace(b"{}}", b'{"a": ["\xff"]}}'), "UnicodeDecodeError"),
    ],
)
def test_wrong_body_is_unreadable_and_names_the_field(body: bytes, reason: str) -> None:
    found = read_notification(body)
    assert isinstance(found, Unreadable), found
    assert reason in found.reason


def test_latest_time_of_a_date_is_accepted() -> None:
    latest = notification_in(notification_body(create_time=253_402_300_799)).created_at
    assert datetime.fromtimestamp(latest, UTC).year == 9999


def test_large_number_is_kept_digit_by_digit() -> None:
    digits = "9" * 5000
    assert dict(notification_in(notification_body(content=f'{{"post_id": {digits}}}')).content) == {"post_id": digits}
