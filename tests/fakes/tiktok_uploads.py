"""A TikTok in memory that keeps uploads, and fails where a test wants it to."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from builders.credentials import TOKEN
from tiktok import models, results
from tiktok.chunks import ChunkPlan
from tiktok.models import StatusCode
from tiktok.results import Done, NotSent, Refused, Stored, Unknown

URL = "https://open-upload.tiktokapis.com/video/?upload_token=planted-secret"
CREATOR_INFO = models.CreatorInfo(
    nickname="FakeMediaSource",
    username="cat",
    privacy_level_options=("PUBLIC_TO_EVERYONE",),
    comment_disabled=True,
    duet_disabled=False,
    stitch_disabled=False,
    max_video_post_duration_sec=300,
)


@dataclass
class Attempt:
    """What the model knows of one publish_id."""

    total: int
    stored: int = 0


@dataclass
class FakeUploadTikTok:
    """Keeps attempts as TikTok does. `failures` maps a call to the way in which it fails once."""

    failures: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    posts: list[models.VideoPost] = field(default_factory=list)

    @property
    def complete(self) -> list[str]:
        """The attempts that publish."""
        return [name for name, attempt in self.attempts.items() if attempt.stored == attempt.total]

    def _meet(self, call: str) -> str:
        self.calls.append(call)
        return self.failures.pop(call, "")

    async def creator_info(self, token: str) -> results.CallResult[models.CreatorInfo]:
        assert token == TOKEN
        trouble = self._meet("creator")
        return _failure(trouble) or Done(CREATOR_INFO)

    async def init_video(
        self, token: str, post: models.VideoPost, plan: ChunkPlan
    ) -> results.CallResult[models.UploadPermit]:
        assert token == TOKEN
        trouble = self._meet("init")
        if trouble in {"", "lost"}:
            name = f"p{len(self.attempts) + 1}"
            self.attempts[name] = Attempt(total=plan.size)
            self.posts.append(post)
            permit = models.UploadPermit(publish_id=name, upload_url=f"{URL}&id={name}")
            return _failure(trouble) or Done(permit)
        return _failure(trouble) or Unknown("")

    async def status(self, token: str, publish_id: str) -> results.CallResult[models.PublishStatus]:
        assert token == TOKEN
        stored = self.attempts[publish_id].stored
        status = models.PublishStatus(
            status=StatusCode.PROCESSING_UPLOAD, fail_reason="", uploaded_bytes=stored, public_ids=()
        )
        return _failure(self._meet("status")) or Done(status)

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
    ) -> results.ChunkResult:
        url, _, name = upload_url.partition("&id=")
        assert (url, content_type) == (URL, "video/mp4")
        attempt = self.attempts[name]
        assert b"".join(pieces) == f"{first}-{last}".encode()
        assert not stop.is_set()
        trouble = self._meet(f"chunk {first}")
        if trouble == "not_sent":
            return NotSent("no route")
        if attempt.stored != first:
            return Refused(status=416, code="upload_out_of_step", message="", log_id="")
        if trouble != "unstored":
            attempt.stored = last + 1
        return Unknown("reset") if trouble else Stored(complete=attempt.stored == total)


def _failure(trouble: str) -> NotSent | Unknown | Refused | None:
    match trouble:
        case "not_sent":
            return NotSent("no route")
        case "lost" | "unstored":
            return Unknown("reset")
        case "":
            return None
        case code:
            return Refused(status=403, code=code, message="no", log_id="log")
