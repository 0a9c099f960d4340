"""Downloads the files that PULL_FROM_URL names.

Each publication has one task, which runs until its files are there or its time is up.
"""

import asyncio
import hashlib
import ssl
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from tiktok_sandbox.api.api_call import ApiCall
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.errors import AnswerLost
from tiktok_sandbox.faults.actions import CallPhase, Endpoint
from tiktok_sandbox.model import publication_updates, publications
from tiktok_sandbox.model.chunk_plan import MAX_VIDEO_BYTES
from tiktok_sandbox.model.file_formats import HEAD_BYTES
from tiktok_sandbox.model.processing import start_processing
from tiktok_sandbox.model.publications import FAIL_REASONS, PULL_FAILED, File, Medium, Publication
from tiktok_sandbox.model.rule_subjects import subject_of_publication
from tiktok_sandbox.model.settings import Pulls

MAX_PHOTO_BYTES: Final = 20_000_000
CONNECT_SECONDS: Final = 30.0

_HEADERS: Final = {"Accept-Encoding": "identity"}
_MAX_BYTES: Final = {Medium.VIDEO: MAX_VIDEO_BYTES, Medium.PHOTO: MAX_PHOTO_BYTES}
_TOO_LARGE: Final = {Medium.VIDEO: "file_format_check_failed", Medium.PHOTO: "picture_size_check_failed"}


class DownloadedFile(Struct, frozen=True, kw_only=True):
    """One complete file."""

    file: File
    head: bytes


class DownloadFailed(Struct, frozen=True, kw_only=True):
    """A failed download, and the reason with which its publication fails."""

    reason: str
    status: int = 0


class Downloader:
    """Every running download."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._http: httpx.AsyncClient | None = None

    def update(self) -> None:
        """Start missing downloads and cancel those that ended otherwise.

        Cheap if there is nothing to do.
        """
        unfetched = self._context.tables.pending_downloads
        for publish_id in [each for each in self._tasks if each not in unfetched]:
            self._tasks.pop(publish_id).cancel()
        for publish_id in unfetched - self._tasks.keys():
            # The task removes itself from the pending set when it ends, so no second one starts for it.
            self._tasks[publish_id] = asyncio.create_task(self._download_until_deadline(publish_id))

    async def close(self) -> None:
        """Stop. Unfinished downloads begin again after a restart."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    async def _download_until_deadline(self, publish_id: str) -> None:
        """Download until all files are there or the publication's deadline passes."""
        publication = self._context.tables.publications[publish_id]
        pulling = asyncio.create_task(self._download(publication))
        overdue = asyncio.create_task(self._context.clock.wait_until(publication.deadline or 0.0))
        try:
            # The deadline runs by the sandbox's clock, which asyncio's timeouts do not know.
            await asyncio.wait({pulling, overdue}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            overdue.cancel()
            pulling.cancel()
            await asyncio.wait({pulling, overdue})
        self._context.tables.pending_downloads.discard(publish_id)
        await self._context.breakpoints.notify()
        if not pulling.cancelled():
            pulling.result()
        self._context.notify_change()

    async def _download(self, publication: Publication) -> None:
        """Download all files, then start processing or fail the publication."""
        current = self._context.tables.publications[publication.publish_id]
        if current.failure is not None:
            # The publication failed before this task first ran.
            return
        # A download interrupted by a restart starts from its first byte.
        self._context.tables.put_publication(publication_updates.with_transferred_bytes(current, 0))
        api_call = ApiCall(self._context, Endpoint.PULL, subject_of_publication(publication))
        outcome = await self._fetch_all(api_call, publication)
        now = self._context.clock.now()
        current = self._context.tables.publications[publication.publish_id]
        if publications.failure_of(current, now) is not None:
            return
        api_call.size = self._context.tables.bytes_read.get(publication.publish_id, 0)
        if isinstance(outcome, DownloadFailed):
            api_call.record(outcome.status, outcome.reason)
            self._context.tables.save_publication(publication_updates.with_failure(current, outcome.reason, now))
            return
        api_call.record(HTTPStatus.OK, "ok")
        files, heads = tuple(each.file for each in outcome), [each.head for each in outcome]
        start_processing(self._context.tables, current, files, heads, now)

    async def _fetch_all(self, api_call: ApiCall, publication: Publication) -> list[DownloadedFile] | DownloadFailed:
        """Download file by file; stop at the first that fails."""
        failed = PULL_FAILED[publication.medium]
        found: list[DownloadedFile] = []
        try:
            instead = await api_call.apply_rules(CallPhase.REQUEST)
            if instead is not None:
                return DownloadFailed(reason=instead.code if instead.code in FAIL_REASONS else failed)
            # One after the other, as the order of photos is part of the post.
            for part, url in enumerate(publication.urls):
                fetched = await self._fetch(api_call, publication, url, part)
                if isinstance(fetched, DownloadFailed):
                    return fetched
                found.append(fetched)
        except (httpx.HTTPError, httpx.InvalidURL, AnswerLost):
            return DownloadFailed(reason=failed)
        return found

    async def _fetch(
        self, api_call: ApiCall, publication: Publication, url: str, part: int
    ) -> DownloadedFile | DownloadFailed:
        http, pulls = self._client(), self._context.tables.settings.pulls
        found, headers, extensions = _request_target(url, pulls)
        async with http.stream("GET", found, headers=headers, extensions=extensions) as answer:
            if answer.status_code != HTTPStatus.OK:
                # TikTok does not follow redirects.
                return DownloadFailed(reason=PULL_FAILED[publication.medium], status=answer.status_code)
            return await self._read(api_call, publication, answer, part)

    async def _read(
        self, api_call: ApiCall, publication: Publication, answer: httpx.Response, part: int
    ) -> DownloadedFile | DownloadFailed:
        """Read one file: hash it, count it, store it, and stop if it is too large."""
        digest, head, size = hashlib.sha256(), b"", 0
        media = self._context.media
        chunk_file = None if media is None else media.open_chunk(publication.publish_id, 0, part)
        try:
            async for piece in answer.aiter_raw():
                head, size = (head + piece[:HEAD_BYTES])[:HEAD_BYTES], size + len(piece)
                # Checked while reading: a server may send more than it announces.
                if size > _MAX_BYTES[publication.medium]:
                    return DownloadFailed(reason=_TOO_LARGE[publication.medium], status=answer.status_code)
                digest.update(piece)
                await self._count_bytes(publication.publish_id, len(piece))
                await api_call.limit_rate(size)
                if chunk_file is not None:
                    chunk_file.write(piece)
            if chunk_file is not None:
                chunk_file.commit()
        finally:
            if chunk_file is not None:
                chunk_file.discard()
        if not size:
            return DownloadFailed(reason=PULL_FAILED[publication.medium], status=answer.status_code)
        return DownloadedFile(file=File(sha256=digest.hexdigest(), size=size), head=head)

    async def _count_bytes(self, publish_id: str, size: int) -> None:
        """Count received bytes, and wake up tests that wait for progress."""
        tables = self._context.tables
        current = tables.publications[publish_id]
        tables.put_publication(publication_updates.with_transferred_bytes(current, current.uploaded_bytes + size))
        tables.bytes_read[publish_id] = tables.bytes_read.get(publish_id, 0) + size
        await self._context.breakpoints.notify()

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                verify=ssl.create_default_context(),
                # No read timeout: the deadline of the whole download ends a silent server.
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
                follow_redirects=False,
                trust_env=False,
            )
        return self._http


def _request_target(url: str, pulls: Pulls) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return address, headers and extensions of the GET.

    The settings may map a host to another address. The certificate must still be that of the host.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host not in pulls.resolve:
        return url, _HEADERS, {}
    elsewhere = parts._replace(netloc=pulls.resolve[host]).geturl()
    return elsewhere, {**_HEADERS, "Host": parts.netloc}, {"sni_hostname": host}
