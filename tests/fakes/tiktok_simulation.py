"""A TikTok for the simulation: it loses answers, and bytes may arrive after their sender crashed."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from harness.simulated_processes import Faults, SimulatedProcess
from tiktok import models
from tiktok.chunks import ChunkPlan
from tiktok.models import StatusCode
from tiktok.results import CallResult, ChunkResult, Done, NotSent, Refused, Stored, Unknown

T = TypeVar("T")
URL_SECONDS = 3600.0
CREATOR = models.CreatorInfo(
    nickname="FakeMediaSource",
    username="cat",
    privacy_level_options=("PUBLIC_TO_EVERYONE", "SELF_ONLY"),
    comment_disabled=False,
    duet_disabled=False,
    stitch_disabled=False,
    max_video_post_duration_sec=600,
)


@dataclass(slots=True)
class Attempt:
    """One publish id."""

    title: str
    plan: ChunkPlan
    opened_at: float
    stored: int = 0
    status: StatusCode = StatusCode.PROCESSING_UPLOAD
    fail_reason: str = ""
    public_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class SimulatedTikTok:
    """TikTok's state. It survives every crash of ours."""

    faults: Faults
    attempts: list[Attempt] = field(default_factory=list)
    ledger: list[str] = field(default_factory=list)
    accepted_tokens: set[str] = field(default_factory=set)

    def open(self, post: models.VideoPost, plan: ChunkPlan) -> models.UploadPermit:
        """Begin an attempt: a publish id without bytes publishes nothing."""
        self.attempts.append(Attempt(title=post.title, plan=plan, opened_at=_now()))
        name = str(len(self.attempts) - 1)
        return models.UploadPermit(publish_id=name, upload_url=f"https://upload.example/{name}")

    def put(self, name: str, first: int, last: int) -> ChunkResult:
        """Take a whole chunk, if it is the one that comes next."""
        attempt = self.attempts[int(name)]
        if _now() - attempt.opened_at > URL_SECONDS:
            return _refused(403, "upload_url_expired")
        if attempt.status is not StatusCode.PROCESSING_UPLOAD or attempt.stored == attempt.plan.size:
            return _refused(404, "upload_not_found")
        if first != attempt.stored:
            return _refused(416, "upload_out_of_step")
        attempt.stored = last + 1
        if attempt.stored < attempt.plan.size:
            return Stored(complete=False)
        asyncio.get_running_loop().call_later(self.faults.random.uniform(0.5, 90), self._judge, attempt)
        return Stored(complete=True)

    def _judge(self, attempt: Attempt) -> None:
        if self.faults.happens(self.faults.lose / 3):
            attempt.status, attempt.fail_reason = StatusCode.FAILED, "internal"
            return
        attempt.status = StatusCode.PUBLISH_COMPLETE
        self.ledger.append(attempt.title)
        asyncio.get_running_loop().call_later(
            self.faults.random.uniform(0, 60), setattr, attempt, "public_ids", ("7600000000000000001",)
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _refused(status: int, code: str) -> Refused:
    return Refused(status=status, code=code, message="simulated", log_id="")


class SimulatedTikTokClient:
    """One process's client. It replaces the real client and the real uploads."""

    def __init__(self, model: SimulatedTikTok, process: SimulatedProcess) -> None:
        self._model = model
        self._process = process
        self._faults = model.faults

    async def creator_info(self, token: str) -> CallResult[models.CreatorInfo]:
        """Return the creator's options."""
        return await self._way_there("creator", token) or await self._way_back("creator", Done(CREATOR))

    async def init_video(self, token: str, post: models.VideoPost, plan: ChunkPlan) -> CallResult[models.UploadPermit]:
        """Open an attempt; its answer may be lost."""
        if (failure := await self._way_there("init", token)) is not None:
            return failure
        return await self._way_back("init", Done(self._model.open(post, plan)))

    async def status(self, token: str, publish_id: str) -> CallResult[models.PublishStatus]:
        """Return an attempt's status."""
        if (failure := await self._way_there("status", token)) is not None:
            return failure
        attempt = self._model.attempts[int(publish_id)]
        status = models.PublishStatus(
            status=attempt.status,
            fail_reason=attempt.fail_reason,
            uploaded_bytes=attempt.stored,
            public_ids=attempt.public_ids,
        )
        return await self._way_back("status", Done(status))

    def put_chunk(
        self,
        upload_url: str,
        *,
        first: int,
        last: int,
        total: int,
        content_type: str,
        pieces: Iterator[bytes],
        stop: threading.Event,
    ) -> ChunkResult:
        """Send a chunk. It may not leave, be cut off, or arrive long after the sender gave it up."""
        del total, content_type, stop
        for _ in pieces:
            pass
        name = upload_url.rpartition("/")[2]
        if self._faults.tiktok_is_down:
            return Unknown("simulated: outage")
        if self._faults.happens(self._faults.lose / 2):
            return NotSent("simulated")
        if self._faults.happens(self._faults.lose / 2):
            return Unknown("simulated: broken on the way")
        if self._faults.happens(self._faults.lose / 2):
            delay = self._faults.random.choice((0.01, 1, 30, 900))
            asyncio.get_running_loop().call_later(delay, self._model.put, name, first, last)
            return Unknown("simulated: a straggler")
        outcome = self._model.put(name, first, last)
        return Unknown("simulated: answer lost") if self._faults.happens(self._faults.lose / 2) else outcome

    async def _way_there(self, call: str, token: str) -> NotSent | Refused | None:
        await self._process.step(call)
        if self._faults.happens(self._faults.lose):
            return NotSent("simulated")
        return None if token in self._model.accepted_tokens else _refused(401, "access_token_invalid")

    async def _way_back(self, call: str, outcome: Done[T]) -> Done[T] | Unknown:
        await self._process.step(call)
        lost = self._faults.tiktok_is_down or self._faults.happens(self._faults.lose)
        return Unknown("simulated") if lost else outcome
