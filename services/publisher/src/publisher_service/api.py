"""`POST /v1/posts`: takes requests for posts over HTTP and writes them to Kafka. Keeps no state."""

from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, Body, Depends, Header
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from common.clock import Clock
from common.contract.account import AccountDescribed
from common.contract.post import PostRequested
from common.contract.tenant import Scope
from common.errors import NotDurable
from common.http.api_keys import ApiKeyAuth, AuthenticateBeforeBody, Caller
from common.http.errors import Problem
from common.http.openapi import problems
from common.http.problems import Code
from common.service import tracing
from common.service.tracing import RandomBytes
from common.streams import ReadOnlyView
from publisher_service import metrics
from publisher_service.api_models import Submission, too_far_ahead

_REFUSALS = (Code.NOT_READY, Code.UNKNOWN_ACCOUNT, Code.NOT_DURABLE)
"""The problems that a valid request may be answered with."""

Traceparent = Annotated[
    str | None,
    Header(description="W3C Trace Context. Continued in the events. An unreadable one is replaced."),
]


class RequestWriter(Protocol):
    """Writes requests for posts to Kafka."""

    async def write(self, request: PostRequested, traceparent: str) -> None:
        """Return once the request is durable. Raises `NotDurable`."""


class Receipt(BaseModel):
    """The request is durable. Events and the read API show what happens to the post."""

    post_id: str = Field(description="The key of the post, yours or the one made for it.")
    account_id: str = Field(description="The account that posts.")


def routes(
    *,
    api_keys: ApiKeyAuth,
    accounts: ReadOnlyView,
    requests: RequestWriter,
    clock: Clock,
    random_bytes: RandomBytes,
) -> APIRouter:
    """Build the route. `accounts` is the view of `auth.accounts`."""
    router = APIRouter(tags=["posts"], route_class=AuthenticateBeforeBody)
    may_post = Depends(api_keys.require(Scope.POSTS_WRITE))

    @router.post("/v1/posts", status_code=HTTPStatus.ACCEPTED, responses=problems(*_REFUSALS))
    async def submit(
        submission: Annotated[Submission, Body()],
        caller: Annotated[Caller, may_post],
        traceparent: Traceparent = None,
    ) -> Receipt:
        """Request a video to be posted. Two requests with the same `post_id` post it once."""
        request = submission.requested_by(caller.tenant)
        # Checked here and not by the model: the limit counts from now, and a model has no clock.
        if faults := too_far_ahead(request, clock()):
            raise RequestValidationError(faults)
        _check_owner(accounts, request.account_id, caller)
        trace = tracing.child_of(traceparent, random_bytes)
        await _write(requests, request, str(trace))
        metrics.SUBMISSIONS.labels(metrics.ACCEPTED).inc()
        return Receipt(post_id=request.post_id, account_id=request.account_id)

    return router


def _check_owner(accounts: ReadOnlyView, account_id: str, caller: Caller) -> None:
    """Refuse a post to an account that the caller's tenant has not connected.

    The uploader checks it again. Here the client gets the answer at once, instead of an event later.
    """
    # A view that is not read to its end would refuse accounts that exist.
    if not accounts.ready:
        raise _refused(Code.NOT_READY)
    account = accounts.get(account_id)
    # The account of another tenant gets the same answer as one that does not exist. A different answer would let a
    # tenant find out which accounts others have connected.
    if not isinstance(account, AccountDescribed) or account.tenant != caller.tenant:
        raise _refused(Code.UNKNOWN_ACCOUNT, f"No account `{account_id}` is connected. Connect it first.")


async def _write(requests: RequestWriter, request: PostRequested, traceparent: str) -> None:
    try:
        await requests.write(request, traceparent)
    except NotDurable as error:
        # The answer names the post, because its key may have been made here: without it a retry would post twice.
        raise _refused(
            Code.NOT_DURABLE,
            "Kafka did not confirm the request in time, so it may or may not have been written. "
            "Send it again with this `post_id`: it is posted once.",
            post_id=request.post_id,
        ) from error


def _refused(code: Code, detail: str | None = None, **members: str) -> Problem:
    metrics.SUBMISSIONS.labels(code).inc()
    return Problem(code, detail, members=members)
