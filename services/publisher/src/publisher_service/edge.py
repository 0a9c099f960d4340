"""The front door: takes requests for posts over HTTP and writes them to Kafka. Keeps nothing."""

from http import HTTPStatus
from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from common import tracing
from common.events.account import AccountDescribed
from common.events.body import Body
from common.events.post import PostRequested
from common.http_problems import Problem
from common.instants import Clock
from common.tracing import RandomBytes
from publisher_service import metrics
from publisher_service.errors import NotDurable
from publisher_service.metrics import SubmissionOutcome
from publisher_service.submission import Submission, requested, too_far_ahead


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


def routes(*, accounts: Accounts, requests: Requests, clock: Clock, random_bytes: RandomBytes) -> APIRouter:
    """Build the edge's routes over what they need."""
    router = APIRouter(tags=["posts"])

    @router.post("/v1/posts", status_code=HTTPStatus.ACCEPTED)
    async def submit(submission: Submission, http: Request) -> Receipt:
        """Ask for a video to be posted. Asking again with the same `post_id` posts it once."""
        if faults := too_far_ahead(submission, clock()):
            raise RequestValidationError(faults)
        _check_owner(accounts, submission)
        trace = tracing.child_of(http.headers.get("traceparent"), random_bytes)
        await _write(requests, submission, str(trace))
        metrics.SUBMISSIONS.labels(SubmissionOutcome.ACCEPTED).inc()
        return Receipt(post_id=submission.post_id, account_id=submission.account_id)

    return router


def _check_owner(accounts: Accounts, submission: Submission) -> None:
    if not accounts.ready:
        raise _refused(
            SubmissionOutcome.NOT_READY,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The accounts are not loaded yet. Ask again in a few seconds.",
        )
    account = accounts.get(submission.account_id)
    if not isinstance(account, AccountDescribed):
        raise _refused(
            SubmissionOutcome.UNKNOWN_ACCOUNT,
            HTTPStatus.NOT_FOUND,
            f"No account `{submission.account_id}` is connected. Connect it first.",
        )
    if account.tenant != submission.tenant:
        raise _refused(
            SubmissionOutcome.WRONG_TENANT,
            HTTPStatus.FORBIDDEN,
            f"Account `{submission.account_id}` does not belong to tenant `{submission.tenant}`.",
        )


async def _write(requests: Requests, submission: Submission, traceparent: str) -> None:
    try:
        await requests.write(requested(submission), traceparent)
    except NotDurable as error:
        raise _refused(
            SubmissionOutcome.NOT_DURABLE,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The request may be written down or not. Ask again with this `post_id`: it is posted once.",
            post_id=error.post_id,
        ) from error


def _refused(outcome: SubmissionOutcome, status: HTTPStatus, detail: str, **members: str) -> Problem:
    metrics.SUBMISSIONS.labels(outcome).inc()
    return Problem(status=status, code=outcome, detail=detail, members=members)
