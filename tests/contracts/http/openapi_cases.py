"""Generate requests from an OpenAPI document, and check the answers against the same document."""

import json
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

import schemathesis
from hypothesis import strategies as st
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.python.asgi import ASGIClient, get_client
from schemathesis.schemas import APIOperation, BaseSchema

from contracts.http.edges import Condition, Edge

Case: TypeAlias = schemathesis.Case[Any]
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]

HARMLESS = ["2xx", "3xx", "4xx", "503"]
TAKEN = ["2xx", "3xx", "401", "403", "404", "409", "429", "5xx"]
"""The statuses that a valid request may get."""

# A schema cannot limit a time to the near future.
COMING = st.datetimes(datetime(2026, 12, 2), datetime(2027, 11, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
schemathesis.openapi.format("date-time", COMING.map(datetime.isoformat))


class Credentials(AuthBase):
    """The credentials of an operation, for the body that is sent."""

    def __init__(self, edge: Edge, operation: Operation) -> None:
        self._edge = edge
        self._schemes = [scheme for need in operation.definition.raw.get("security", []) for scheme in need]

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body or b""
        sent = body.encode() if isinstance(body, str) else body
        assert isinstance(sent, bytes), "no edge is sent a stream"
        for scheme in self._schemes:
            request.headers.update(self._edge.credentials[scheme](sent))
        request.headers.update(self._edge.headers)
        return request


def described(edge: Edge) -> BaseSchema:
    """Read an edge's document as clients do, and add the values that it cannot describe."""
    values = {1.0: edge.always, 0.8: edge.often}
    config = SchemathesisConfig.from_dict(
        {
            "checks": {"not_a_server_error": {"expected-statuses": HARMLESS}},
            "generation": {"with-security-parameters": False},
            "dictionaries": {place: {"values": [*known]} for each in values.values() for place, known in each.items()},
            "parameters": {
                place: {"dictionary": place, "probability": share} for share, each in values.items() for place in each
            },
            "operations": [
                # An account could have this name, so the address takes what accounts take.
                {"include-path": "/v1/accounts/connect", "checks": {"allow_header_conformance": {"enabled": False}}},
                # A schema cannot say whether an address is registered or a cursor is one of ours.
                {
                    "include-path": ["/v1/accounts/connect", "/v1/posts/{post_id}/metrics"],
                    "checks": {"positive_data_acceptance": {"expected-statuses": [*TAKEN, "422"]}},
                },
                # A link that has expired keeps to the document all the same, and TikTok may not answer.
                {
                    "include-tag": "browser",
                    "checks": {
                        "positive_data_acceptance": {"expected-statuses": [*TAKEN, "400"]},
                        "not_a_server_error": {"expected-statuses": [*HARMLESS, "502"]},
                    },
                },
            ],
        }
    )
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(edge.app.openapi())), config=config)
    schema.app = edge.asgi
    return schema


def send_and_check(edge: Edge, case: Case, condition: Condition) -> None:
    """Send a request, and check the answer against the document."""
    edge.prepare(condition)
    case.call_and_validate(auth=Credentials(edge, case.operation))


def operations(edge: Edge) -> list[Operation]:
    """List the operations of an edge."""
    found = list(described(edge).get_all_operations())
    assert all(isinstance(each, Ok) for each in found), found
    return [each.ok() for each in found if isinstance(each, Ok)]


def client(edge: Edge) -> ASGIClient:
    """Open a client for requests that keep to no document."""
    edge.prepare(Condition.HEALTHY)
    return get_client(cast("Any", edge.app))
