"""The upload host: receives the bodies of chunks, hashes and stores them."""

from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tiktok_sandbox.api.api_call import ApiCall, call_of_request, respond
from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.faults.actions import CallPhase, Endpoint
from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.model import chunks, rule_subjects
from tiktok_sandbox.model.answers import Answer, upload_error
from tiktok_sandbox.model.uploads import ChunkHeaders, IncomingChunk
from tiktok_sandbox.runtime.media_store import ChunkFile
from tiktok_sandbox.runtime.protocol import send_body_to

_STORED: Final = frozenset({HTTPStatus.CREATED, HTTPStatus.PARTIAL_CONTENT})


class ChunkReceiver:
    """The body of a chunk while it is received."""

    def __init__(self, api_call: ApiCall, incoming: IncomingChunk) -> None:
        self._api_call = api_call
        self._context = api_call.context
        self._incoming = incoming
        self._file = _open_file(api_call.context, api_call.subject, incoming)

    def feed(self, piece: bytes) -> bool:
        """Take bytes on the fast path.

        Decline if a rule limits the speed or may act within the body.
        """
        if self._api_call.bytes_per_second or self._context.tables.rules.has_body_rules():
            return False
        self._add(piece)
        return True

    async def feed_with_rules(self, piece: bytes) -> Answer | None:
        """Take bytes and let rules act on them.

        Return an answer to give instead, or None to continue.
        """
        before = self._incoming.read
        self._add(piece)
        await self._api_call.limit_rate(self._incoming.read)
        if not piece or not self._context.tables.rules.has_body_rules():
            return None
        # Rules count bytes from 1: `after_bytes` 1 means that the first byte was read.
        span = range(before + 1, self._incoming.read + 1)
        return await self._api_call.apply_rules(CallPhase.BODY, span)

    def _add(self, piece: bytes) -> None:
        self._incoming.feed(piece)
        if self._file is not None:
            self._file.write(piece)

    def finish(self) -> Answer:
        """Store the chunk: its body has ended."""
        answer = chunks.finish_chunk(self._context.tables, self._incoming, self._context.clock.now())
        # A refused chunk must not become part of the file.
        if self._file is not None and answer.status in _STORED:
            self._file.commit()
        return answer

    def close(self) -> None:
        """Count the bytes, and delete a file that was not committed."""
        self._api_call.size = self._incoming.read
        chunks.count_bytes(self._context.tables, self._incoming)
        if self._file is not None:
            self._file.discard()


def _open_file(context: AppContext, subject: Subject, incoming: IncomingChunk) -> ChunkFile | None:
    if context.media is None or subject.publish_id is None:
        return None
    return context.media.open_chunk(subject.publish_id, incoming.span.first)


async def receive_chunk(api_call: ApiCall, request: Request, incoming: IncomingChunk) -> Answer:
    """Receive a chunk's body, until it ends or a rule or the client ends it."""
    receiver = ChunkReceiver(api_call, incoming)
    # Bytes now arrive through `feed`; the loop below sees only the ones it declines, and the end.
    send_body_to(request, receiver.feed)
    try:
        async for piece in request.stream():
            instead = await receiver.feed_with_rules(piece)
            if instead is not None:
                return instead
        return receiver.finish()
    except ClientDisconnect:
        # The client is gone and does not see this answer. The list of calls does.
        return upload_error(400, "client_gone")
    finally:
        receiver.close()


def upload_routes(context: AppContext) -> list[Route]:
    """Return the routes of upload URLs."""
    return [
        Route("/upload/video/", _upload(context), methods=["PUT"]),
        # `curl -T` appends the file's name to a path that ends in a slash.
        Route("/upload/video/{file_name}", _upload(context), methods=["PUT"]),
    ]


def _upload(context: AppContext) -> Handler:
    """Handle a PUT: rules, headers, body, rules."""

    async def handle(request: Request) -> Response:
        upload_id = request.query_params.get("upload_id", "")
        token = request.query_params.get("upload_token", "")
        subject = rule_subjects.subject_of_upload(context.tables, chunks.find_upload(context.tables, upload_id, token))
        api_call = call_of_request(context, Endpoint.UPLOAD, subject, request)
        answer = await api_call.apply_rules(CallPhase.REQUEST)
        if answer is None:
            begun = chunks.begin_chunk(context.tables, upload_id, token, _headers_of(request), context.clock.now())
            answer = await receive_chunk(api_call, request, begun) if isinstance(begun, IncomingChunk) else begun
            answer = await api_call.apply_rules(CallPhase.ANSWER) or answer
        return api_call.finish(respond(context, answer), answer.code)

    return handle


def _headers_of(request: Request) -> ChunkHeaders:
    return ChunkHeaders(
        content_type=request.headers.get("content-type", ""),
        content_length=request.headers.get("content-length", ""),
        content_range=request.headers.get("content-range", ""),
    )
