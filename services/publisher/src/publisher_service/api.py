"""The front door: takes requests for posts over HTTP and writes them to Kafka. Keeps nothing."""

from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Header
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from common.clock import Clock
from common.contract.account import AccountDescribed
from common.contract.body import Body
from common.contract.post import PostRequested
from common.contract.tenant import Scope
from common.errors import NotDurable
from common.http.api_keys import ApiKeyAuth, AuthenticateBeforeBody, Caller
from common.http.errors import Problem
from common.http.openapi import problems
from common.http.problems import Code
from common.service import tracing
from common.service.tracing import RandomBytes
from publisher_service import metrics
from publisher_service.api_models import Submission, requested, too_far_ahead

REFUSALS = (Code.NOT_READY, Code.UNKNOWN_ACCOUNT, Code.NOT_DURABLE)
"""What an understood request may be answered with, beside a receipt."""


Traceparent = Annotated[
    str | None,
    Header(description="W3C Trace Context; continued in the events; a new one where unreadable."),
]


class Accounts(Protocol):
    """Which accounts there are, as far as it is known here."""

    @property
    def ready(self) -> bool:
        """Whether what is known is whole and recent."""

    def get(self, account_id: str) -> Body | None:
        """Return what is known of the account."""


class Requests(Protocol):
    """Where requests are written to."""

    async def write(self, request: PostRequested, traceparent: str) -> None:
        """Return once the request is durable. Raises `NotDurable`."""


class Receipt(BaseModel):
    """The request is written down; what becomes of it is told by events and the read API."""

    post_id: str = Field(description="The key of the post, yours or the one made for it.")
    account_id: str = Field(description="The account that posts.")


def routes(
    *, gate: ApiKeyAuth, accounts: Accounts, requests: Requests, clock: Clock, random_bytes: RandomBytes
) -> APIRouter:
    """Build the edge's routes over what they need."""
    router = APIRouter(tags=["posts"], route_class=AuthenticateBeforeBody)
    may_post = Depends(gate.require(Scope.POSTS_WRITE))

    @router.post("/v1/posts", status_code=HTTPStatus.ACCEPTED, responses=problems(*REFUSALS))
    async def submit(
        submission: Submission, caller: Annotated[Caller, may_post], traceparent: Traceparent = None
    ) -> Receipt:
        """Ask for a video to be posted. Asking again with the same `post_id` posts it once."""
        if faults := too_far_ahead(submission, clock()):
            raise RequestValidationError(faults)
        _check_owner(accounts, submission.account_id, caller)
        trace = tracing.child_of(traceparent, random_bytes)
        await _write(requests, requested(submission, caller.tenant), str(trace))
        metrics.SUBMISSIONS.labels(metrics.ACCEPTED).inc()
        return Receipt(post_id=submission.post_id, account_id=submission.account_id)

    return router


def _check_owner(accounts: Accounts, account_id: str, caller: Caller) -> None:
    if not accounts.ready:
        raise _refused(Code.NOT_READY)
    account = accounts.get(account_id)
    # Another tenant's account is as unknown as one that nobody connected.
    if not isinstance(account, AccountDescribed) or account.tenant != caller.tenant:
        raise _refused(Code.UNKNOWN_ACCOUNT, f"No account `{account_id}` is connected. Connect it first.")


async def _write(requests: Requests, request: PostRequested, traceparent: str) -> None:
    try:
        await requests.write(request, traceparent)
    except NotDurable as error:
        raise _refused(
            Code.NOT_DURABLE,
            "The request may be written down or not. Ask again with this `post_id`: it is posted once.",
            post_id=error.about,
        ) from error


def _refused(code: Code, detail: str | None = None, **members: str) -> Problem:
    metrics.SUBMISSIONS.labels(code).inc()
    return Problem(code, detail, members=members)
