"""Fetches what PULL_FROM_URL names: one task for each publication, until its files are there or its time is over."""

import asyncio
import hashlib
import ssl
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from tiktok_sandbox.api.api_call import Visit
from tiktok_sandbox.app_context import Shell
from tiktok_sandbox.errors import AnswerLost
from tiktok_sandbox.faults.actions import Endpoint, Moment
from tiktok_sandbox.model import publication_updates, publications
from tiktok_sandbox.model.chunk_plan import LARGEST_VIDEO
from tiktok_sandbox.model.file_formats import HEAD_BYTES
from tiktok_sandbox.model.processing import arrive
from tiktok_sandbox.model.publications import FAIL_REASONS, PULL_FAILED, File, Medium, Publication
from tiktok_sandbox.model.rule_subjects import subject_of_publication
from tiktok_sandbox.model.settings import Pulls

LARGEST_PHOTO: Final = 20_000_000
CONNECT_SECONDS: Final = 30.0

_HEADERS: Final = {"Accept-Encoding": "identity"}
_LARGEST: Final = {Medium.VIDEO: LARGEST_VIDEO, Medium.PHOTO: LARGEST_PHOTO}
_TOO_LARGE: Final = {Medium.VIDEO: "file_format_check_failed", Medium.PHOTO: "picture_size_check_failed"}


class Fetched(Struct, frozen=True, kw_only=True):
    """One file, whole."""

    file: File
    head: bytes


class Lacking(Struct, frozen=True, kw_only=True):
    """A file that cannot be had, and the reason its publication fails with."""

    reason: str
    status: int = 0


class Puller:
    """Every download under way."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._http: httpx.AsyncClient | None = None

    def start(self) -> None:
        """Begin what nobody fetches yet, and stop what has ended otherwise; cheap when there is nothing to do."""
        unfetched = self._shell.world.unfetched
        for publish_id in [each for each in self._tasks if each not in unfetched]:
            self._tasks.pop(publish_id).cancel()
        for publish_id in unfetched - self._tasks.keys():
            self._tasks[publish_id] = asyncio.create_task(self._pull_in_time(publish_id))

    async def close(self) -> None:
        """Stop; what is not there yet is fetched anew after a restart."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    async def _pull_in_time(self, publish_id: str) -> None:
        publication = self._shell.world.publications[publish_id]
        pulling = asyncio.create_task(self._pull(publication))
        overdue = asyncio.create_task(self._shell.clock.wait_until(publication.deadline or 0.0))
        try:
            await asyncio.wait({pulling, overdue}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            overdue.cancel()
            pulling.cancel()
            await asyncio.wait({pulling, overdue})
        self._shell.world.unfetched.discard(publish_id)
        await self._shell.holds.tell()
        if not pulling.cancelled():
            pulling.result()
        self._shell.changed()

    async def _pull(self, publication: Publication) -> None:
        current = self._shell.world.publications[publication.publish_id]
        if current.failure is not None:
            # Cancelled before this task had its first turn.
            return
        # After a restart it begins anew.
        self._shell.world.remember(publication_updates.grown(current, 0))
        visit = Visit(self._shell, Endpoint.PULL, subject_of_publication(publication))
        outcome = await self._fetch_all(visit, publication)
        now = self._shell.clock.now()
        current = self._shell.world.publications[publication.publish_id]
        if publications.failure_of(current, now) is not None:
            return
        visit.size = self._shell.world.bytes_read.get(publication.publish_id, 0)
        if isinstance(outcome, Lacking):
            visit.record(outcome.status, outcome.reason)
            self._shell.world.keep(publication_updates.failed_with(current, outcome.reason, now))
            return
        visit.record(HTTPStatus.OK, "ok")
        files, heads = tuple(each.file for each in outcome), [each.head for each in outcome]
        arrive(self._shell.world, current, files, heads, now)

    async def _fetch_all(self, visit: Visit, publication: Publication) -> list[Fetched] | Lacking:
        failed = PULL_FAILED[publication.medium]
        found: list[Fetched] = []
        try:
            instead = await visit.meddle(Moment.REQUEST)
            if instead is not None:
                return Lacking(reason=instead.code if instead.code in FAIL_REASONS else failed)
            for part, url in enumerate(publication.urls):
                fetched = await self._fetch(visit, publication, url, part)
                if isinstance(fetched, Lacking):
                    return fetched
                found.append(fetched)
        except (httpx.HTTPError, httpx.InvalidURL, AnswerLost):
            return Lacking(reason=failed)
        return found

    async def _fetch(self, visit: Visit, publication: Publication, url: str, part: int) -> Fetched | Lacking:
        http, pulls = self._open(), self._shell.world.settings.pulls
        found, headers, extensions = _where(url, pulls)
        async with http.stream("GET", found, headers=headers, extensions=extensions) as answer:
            if answer.status_code != HTTPStatus.OK:
                # A redirect is as good as nothing: TikTok does not follow.
                return Lacking(reason=PULL_FAILED[publication.medium], status=answer.status_code)
            return await self._read(visit, publication, answer, part)

    async def _read(
        self, visit: Visit, publication: Publication, answer: httpx.Response, part: int
    ) -> Fetched | Lacking:
        digest, head, size = hashlib.sha256(), b"", 0
        media = self._shell.media
        taking = None if media is None else media.take(publication.publish_id, 0, part)
        try:
            async for piece in answer.aiter_raw():
                head, size = (head + piece[:HEAD_BYTES])[:HEAD_BYTES], size + len(piece)
                if size > _LARGEST[publication.medium]:
                    return Lacking(reason=_TOO_LARGE[publication.medium], status=answer.status_code)
                digest.update(piece)
                await self._count(publication.publish_id, len(piece))
                await visit.keep_pace(size)
                if taking is not None:
                    taking.write(piece)
            if taking is not None:
                taking.keep()
        finally:
            if taking is not None:
                taking.drop()
        if not size:
            return Lacking(reason=PULL_FAILED[publication.medium], status=answer.status_code)
        return Fetched(file=File(sha256=digest.hexdigest(), size=size), head=head)

    async def _count(self, publish_id: str, size: int) -> None:
        tables = self._shell.world
        current = tables.publications[publish_id]
        tables.remember(publication_updates.grown(current, current.uploaded_bytes + size))
        tables.bytes_read[publish_id] = tables.bytes_read.get(publish_id, 0) + size
        await self._shell.holds.tell()

    def _open(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                verify=ssl.create_default_context(),
                # The hour of the whole download is what ends a silent server.
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
                follow_redirects=False,
                trust_env=False,
            )
        return self._http


def _where(url: str, pulls: Pulls) -> tuple[str, dict[str, str], dict[str, str]]:
    """Address, headers and extensions of the GET.

    The settings may say where a host lives; the certificate must be that of the host all the same.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host not in pulls.resolve:
        return url, _HEADERS, {}
    elsewhere = parts._replace(netloc=pulls.resolve[host]).geturl()
    return elsewhere, {**_HEADERS, "Host": parts.netloc}, {"sni_hostname": host}
