"""Takes in the body of a chunk: hashed as it comes, kept to be looked at, ended by rules or the client."""

from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tiktok_sandbox.api.api_call import Visit, respond, visit_of
from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.faults.actions import Endpoint, Moment
from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.model import chunks, rule_subjects
from tiktok_sandbox.model.answers import Answer, upload_refused
from tiktok_sandbox.model.uploads import Incoming, PutHead
from tiktok_sandbox.runtime.media_store import Taking
from tiktok_sandbox.runtime.protocol import divert

_STORED: Final = frozenset({HTTPStatus.CREATED, HTTPStatus.PARTIAL_CONTENT})


class Intake:
    """A chunk's body on its way in."""

    def __init__(self, visit: Visit, incoming: Incoming) -> None:
        self._visit = visit
        self._shell = visit.shell
        self._incoming = incoming
        self._taking = _taking(visit.shell, visit.subject, incoming)

    def feed(self, piece: bytes) -> bool:
        """Take bytes at once, unless a rule wants them slowly or may want to do something in their middle."""
        if self._visit.bytes_per_second or self._shell.world.rules.watches_bodies():
            return False
        self._take(piece)
        return True

    async def watch(self, piece: bytes) -> Answer | None:
        """Take bytes and let rules act on them: an answer to give instead of going on, or None."""
        before = self._incoming.read
        self._take(piece)
        await self._visit.keep_pace(self._incoming.read)
        if not piece or not self._shell.world.rules.watches_bodies():
            return None
        span = range(before + 1, self._incoming.read + 1)
        return await self._visit.meddle(Moment.BODY, span)

    def _take(self, piece: bytes) -> None:
        self._incoming.feed(piece)
        if self._taking is not None:
            self._taking.write(piece)

    def end(self) -> Answer:
        """The body is over."""
        answer = chunks.end_chunk(self._shell.world, self._incoming, self._shell.clock.now())
        if self._taking is not None and answer.status in _STORED:
            self._taking.keep()
        return answer

    def close(self) -> None:
        """Whatever became of it."""
        self._visit.size = self._incoming.read
        chunks.count_bytes(self._shell.world, self._incoming)
        if self._taking is not None:
            self._taking.drop()


def _taking(shell: Shell, subject: Subject, incoming: Incoming) -> Taking | None:
    if shell.media is None or subject.publish_id is None:
        return None
    return shell.media.take(subject.publish_id, incoming.span.first)


async def receive(visit: Visit, request: Request, incoming: Incoming) -> Answer:
    """Read a chunk's body to its end, or to where a rule or the client ends it."""
    intake = Intake(visit, incoming)
    divert(request, intake.feed)
    try:
        async for piece in request.stream():
            instead = await intake.watch(piece)
            if instead is not None:
                return instead
        return intake.end()
    except ClientDisconnect:
        return upload_refused(400, "client_gone")
    finally:
        intake.close()


def upload_routes(shell: Shell) -> list[Route]:
    """The addresses of upload urls."""
    return [
        Route("/upload/video/", _upload(shell), methods=["PUT"]),
        # `curl -T` puts the file's name behind a path that ends in a slash.
        Route("/upload/video/{file_name}", _upload(shell), methods=["PUT"]),
    ]


def _upload(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        upload_id = request.query_params.get("upload_id", "")
        token = request.query_params.get("upload_token", "")
        subject = rule_subjects.subject_of_upload(shell.world, chunks.find_upload(shell.world, upload_id, token))
        visit = visit_of(shell, Endpoint.UPLOAD, subject, request)
        answer = await visit.meddle(Moment.REQUEST)
        if answer is None:
            begun = chunks.begin_chunk(shell.world, upload_id, token, _head(request), shell.clock.now())
            answer = await receive(visit, request, begun) if isinstance(begun, Incoming) else begun
            answer = await visit.meddle(Moment.ANSWER) or answer
        return visit.finish(respond(shell, answer), answer.code)

    return handle


def _head(request: Request) -> PutHead:
    return PutHead(
        content_type=request.headers.get("content-type", ""),
        content_length=request.headers.get("content-length", ""),
        content_range=request.headers.get("content-range", ""),
    )
