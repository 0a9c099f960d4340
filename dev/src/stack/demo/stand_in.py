"""What TikTok does not have and its stand-in does: a ledger that judges the demo, and a hand that stops a chunk."""

import httpx
import msgspec


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A post that is out."""

    publish_id: str
    title: str
    sha256: str
    bytes: int


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An init that TikTok accepted, how much of it is stored, and how much was read, broken chunks included."""

    publish_id: str
    title: str
    size: int
    chunk_size: int
    uploaded_bytes: int
    bytes_read: int


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """What TikTok knows."""

    posts: tuple[Posted, ...] = ()
    inits: tuple[Begun, ...] = ()

    def about(self, title: str) -> "Ledger":
        """Leave out what is not about the post of this title."""
        return Ledger(
            posts=tuple(post for post in self.posts if post.title == title),
            inits=tuple(begun for begun in self.inits if begun.title == title),
        )

    @property
    def stored(self) -> int:
        """How many bytes of the post TikTok has, by whole chunks."""
        return max((begun.uploaded_bytes for begun in self.inits), default=0)

    @property
    def chunk_size(self) -> int:
        """How large a chunk is; 0 before there is an init."""
        return max((begun.chunk_size for begun in self.inits), default=0)

    @property
    def broken_off(self) -> int:
        """How many bytes TikTok has read and thrown away, since their chunk never ended."""
        return sum(begun.bytes_read - begun.uploaded_bytes for begun in self.inits)

    @property
    def dead_inits(self) -> int:
        """How many inits became nothing."""
        posted = {post.publish_id for post in self.posts}
        return sum(begun.publish_id not in posted for begun in self.inits)


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    holding: int = 0


class StandIn:
    """The stand-in's admin API, as far as one post needs it."""

    def __init__(self, web: httpx.AsyncClient, url: str, *, title: str) -> None:
        self._web = web
        self._url = f"{url}/_sandbox"
        self._title = title

    async def ledger(self) -> Ledger:
        """Tell what TikTok knows of the post."""
        answer = await self._web.get(f"{self._url}/ledger")
        return msgspec.json.decode(answer.raise_for_status().content, type=Ledger).about(self._title)

    async def hold_chunk(self, *, after_bytes: int) -> str:
        """Stop reading the next chunk that comes so far, as a network that stalls would; return what ends it."""
        rule = {
            "endpoint": "upload",
            "at": "body",
            "action": "hold",
            "after_bytes": after_bytes,
            "title": self._title,
        }
        answer = await self._web.post(f"{self._url}/rules", json=rule)
        return msgspec.json.decode(answer.raise_for_status().content, type=_Rule).id

    async def holds(self, rule_id: str) -> bool:
        """Say whether a chunk is stopped now."""
        answer = await self._web.get(f"{self._url}/rules/{rule_id}")
        return msgspec.json.decode(answer.raise_for_status().content, type=_Rule).holding > 0

    async def release(self, rule_id: str) -> None:
        """Read on."""
        (await self._web.post(f"{self._url}/rules/{rule_id}/release")).raise_for_status()
