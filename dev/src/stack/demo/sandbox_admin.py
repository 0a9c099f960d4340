"""The sandbox's admin API: its ledger judges the demo, its rules stop a chunk.

TikTok has no such API.
"""

import httpx
import msgspec


class PublishedPost(msgspec.Struct, frozen=True, kw_only=True):
    """A post that TikTok has published."""

    publish_id: str
    title: str
    sha256: str
    bytes: int


class Init(msgspec.Struct, frozen=True, kw_only=True):
    """An init that TikTok accepted.

    `uploaded_bytes` counts whole chunks only; `bytes_read` also counts those of chunks that broke off.
    """

    publish_id: str
    title: str
    size: int
    chunk_size: int
    uploaded_bytes: int
    bytes_read: int


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What TikTok has stored: published posts, and inits."""

    posts: tuple[PublishedPost, ...] = ()
    inits: tuple[Init, ...] = ()

    def for_title(self, title: str) -> "Ledger":
        """Keep the entries of the post with this title."""
        return Ledger(
            posts=tuple(post for post in self.posts if post.title == title),
            inits=tuple(init for init in self.inits if init.title == title),
        )

    @property
    def stored_bytes(self) -> int:
        """How many bytes of the post TikTok has, in whole chunks."""
        return max((init.uploaded_bytes for init in self.inits), default=0)

    @property
    def chunk_size(self) -> int:
        """Bytes in a chunk; 0 before the first init."""
        return max((init.chunk_size for init in self.inits), default=0)

    @property
    def discarded_bytes(self) -> int:
        """How many bytes TikTok read and discarded, because their chunk never ended."""
        return sum(init.bytes_read - init.uploaded_bytes for init in self.inits)

    @property
    def dead_inits(self) -> int:
        """How many inits led to no post."""
        posted = {post.publish_id for post in self.posts}
        return sum(init.publish_id not in posted for init in self.inits)


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    holding: int = 0


class SandboxAdmin:
    """The admin API, restricted to the post of one title."""

    def __init__(self, web: httpx.AsyncClient, url: str, *, title: str) -> None:
        self._web = web
        self._url = f"{url}/_sandbox"
        self._title = title

    async def ledger(self) -> Ledger:
        """Return what TikTok has stored about the post."""
        answer = await self._web.get(f"{self._url}/ledger")
        return msgspec.json.decode(answer.raise_for_status().content, type=Ledger).for_title(self._title)

    async def hold_chunk(self, *, after_bytes: int) -> str:
        """Stop reading the next chunk after so many bytes; return the rule's id.

        To the uploader it looks like a network that stalls.
        """
        # `at: body` stops within the chunk, `title` spares every other post on the sandbox.
        rule = {
            "endpoint": "upload",
            "at": "body",
            "action": "hold",
            "after_bytes": after_bytes,
            "title": self._title,
        }
        answer = await self._web.post(f"{self._url}/rules", json=rule)
        return msgspec.json.decode(answer.raise_for_status().content, type=_Rule).id

    async def is_holding(self, rule_id: str) -> bool:
        """Return whether a chunk is stopped now."""
        answer = await self._web.get(f"{self._url}/rules/{rule_id}")
        return msgspec.json.decode(answer.raise_for_status().content, type=_Rule).holding > 0

    async def release(self, rule_id: str) -> None:
        """Continue to read the stopped chunk."""
        (await self._web.post(f"{self._url}/rules/{rule_id}/release")).raise_for_status()
