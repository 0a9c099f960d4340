"""A TikTok and a source in memory behind the uploader's ports, and the uploader driven by hand."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from builders.uploader_states import KEY, NOW, REQUEST
from common.contract.account import CredentialIssued
from common.contract.body import Body
from common.contract.topics import AUTH_CREDENTIALS, Topic
from common.security.sealing import seal_for
from common.streams.api import Due, Wait
from tiktok import models, outcomes
from tiktok.chunks import ChunkPlan
from tiktok.models import StatusCode
from tiktok.outcomes import Done, NotSent, Refused, Stored, Unknown
from uploader_service.decisions import decide
from uploader_service.effects import UploaderEffects
from uploader_service.facts import AccountSeen, Fact, Requested
from uploader_service.plans import todo
from uploader_service.post import Finished, HandedOver, Post
from uploader_service.source_problems import SourceFailed, SourceProblem
from uploader_service.sources import Probed

PRIVATE_KEY = X25519PrivateKey.generate()
TOKEN = "act.secret"
URL = "https://open-upload.tiktokapis.com/video/?upload_token=planted-secret"
EVERYTHING = models.CreatorInfo(
    nickname="Cat",
    username="cat",
    privacy_level_options=("PUBLIC_TO_EVERYONE",),
    comment_disabled=True,
    duet_disabled=False,
    stitch_disabled=False,
    max_video_post_duration_sec=300,
)


def credential(*, version: int = 3, expires_in: float = 3600, **changes: Any) -> CredentialIssued:
    context = f"acc_a|access_token|{version}"
    sealed = {"uploader": seal_for(PRIVATE_KEY.public_key(), TOKEN.encode(), context)}
    expires_at = NOW + timedelta(seconds=expires_in)
    fields: dict[str, Any] = {"scopes": ("video.publish",), "expires_at": expires_at, "sealed": sealed} | changes
    return CredentialIssued(account_id="acc_a", version=version, **fields)


@dataclass(frozen=True)
class Views:
    """A view of one account's credential."""

    body: Body | None = field(default_factory=credential)

    def get(self, topic: Topic, account_id: str) -> Body | None:
        return self.body if (topic, account_id) == (AUTH_CREDENTIALS, KEY.lane) else None


@dataclass
class Cat:
    """A source of zeros. `breaks_after` this many pieces, once."""

    size: int = 75_000_000
    problem: SourceProblem | None = None
    breaks: SourceProblem | None = None

    def probe(self, url: str) -> Probed | SourceProblem:
        assert url == REQUEST.source.url
        return self.problem or Probed(size=self.size, validator="v1", content_type="video/mp4")

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        assert (url, validator) == (REQUEST.source.url, "v1")
        if self.breaks is not None:
            problem, self.breaks = self.breaks, None
            raise SourceFailed(problem)
        yield f"{first}-{last}".encode()


@dataclass
class Attempt:
    """What the model knows of one publish_id."""

    total: int
    stored: int = 0


@dataclass
class ModelTikTok:
    """Keeps attempts as TikTok does; the calls named in `trouble` go wrong, each once, in the way it says."""

    trouble: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    posts: list[models.VideoPost] = field(default_factory=list)

    @property
    def whole(self) -> list[str]:
        """The attempts that publish."""
        return [name for name, attempt in self.attempts.items() if attempt.stored == attempt.total]

    def _meet(self, call: str) -> str:
        self.calls.append(call)
        return self.trouble.pop(call, "")

    async def creator_info(self, token: str) -> outcomes.Outcome[models.CreatorInfo]:
        assert token == TOKEN
        trouble = self._meet("creator")
        return _failure(trouble) or Done(EVERYTHING)

    async def init_video(self, token: str, post: models.VideoPost, plan: ChunkPlan) -> outcomes.Outcome[models.Ticket]:
        assert token == TOKEN
        trouble = self._meet("init")
        if trouble in {"", "lost"}:
            name = f"p{len(self.attempts) + 1}"
            self.attempts[name] = Attempt(total=plan.size)
            self.posts.append(post)
            ticket = models.Ticket(publish_id=name, upload_url=f"{URL}&id={name}")
            return _failure(trouble) or Done(ticket)
        return _failure(trouble) or Unknown("")

    async def status(self, token: str, publish_id: str) -> outcomes.Outcome[models.PublishStatus]:
        assert token == TOKEN
        stored = self.attempts[publish_id].stored
        told = models.PublishStatus(
            status=StatusCode.PROCESSING_UPLOAD, fail_reason="", uploaded_bytes=stored, public_ids=()
        )
        return _failure(self._meet("status")) or Done(told)

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
    ) -> outcomes.ChunkOutcome:
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


def effects_over(tiktok: Any, sources: Any, threads: ThreadPoolExecutor, **changes: Any) -> UploaderEffects:
    parts: dict[str, Any] = {
        "tiktok": tiktok,
        "chunks": tiktok,
        "sources": sources,
        "private_key": PRIVATE_KEY,
        "threads": threads,
        "clock": lambda: NOW,
    }
    return UploaderEffects(**parts | changes)


async def drive(effects: UploaderEffects, state: Post | None = None, *, crash_at: int = -1) -> tuple[Post, list[Body]]:
    """Play the runtime until the post leaves the uploader; at step `crash_at` an outcome is lost with its process."""
    now, events = NOW, list[Body]()
    facts: list[Fact | Due] = [] if state else [Requested(request=REQUEST, recorded_at=now), AccountSeen("t1")]
    for number in range(200):
        if not facts:
            assert state is not None
            wanted = todo(KEY, state, now)
            if isinstance(wanted, Wait):
                now = max(now, wanted.until)
                facts.append(Due())
            else:
                fact = await effects.perform(KEY, wanted, Views())
                facts += [] if number == crash_at else [fact]
            continue
        decision = decide(KEY, state, facts.pop(0), now)
        events += decision.events
        state = decision.state
        if isinstance(state, HandedOver | Finished):
            return state, events
    message = f"the post never left: {state}"
    raise AssertionError(message)
