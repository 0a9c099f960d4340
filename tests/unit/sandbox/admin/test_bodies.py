"""Bodies of the admin API."""

import json

from msgspec import Struct
from starlette.responses import Response

from tiktok_sandbox.admin.bodies import read_body


class Body(Struct, forbid_unknown_fields=True):
    number: int


def test_valid_body_is_decoded() -> None:
    assert read_body(b'{"number": 1}', Body) == Body(number=1)


def test_invalid_body_is_a_422_with_the_reason() -> None:
    answer = read_body(b'{"numbers": 1}', Body)

    assert isinstance(answer, Response)
    assert answer.status_code == 422
    assert "numbers" in json.loads(bytes(answer.body))["error"]
