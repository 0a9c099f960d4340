"""Somebody as one app may act for them: every call with an access token."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.place import PROCESSING, PUBLIC, eventually
from conformance.reply import Reply, same
from conformance.wishes import EVERYONE, JSON, PUBLISH, by_file, movie

if TYPE_CHECKING:
    from conformance.stage import App, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An accepted init of an upload."""

    publish_id: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody as one app may act for them."""

    stage: "Stage"
    app: "App"
    username: str
    open_id: str
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    def call(
        self, path: str, body: object = None, *, method: str = "POST", query: Mapping[str, str] | None = None
    ) -> Reply:
        """A call with the access token; bytes go as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", **JSON}
        return self.stage.place.send(method, path, content=content, headers=headers, query=query)

    def creator_info(self) -> Reply:
        """What a posting page shows."""
        return self.call(f"{PUBLISH}creator_info/query/")

    def init(self, source: Mapping[str, object] | None = None, **post_info: Any) -> Reply:
        """Announce a direct post; None leaves a field out."""
        chosen = {"title": "A title", "privacy_level": EVERYONE, **post_info}
        info = {name: value for name, value in chosen.items() if value is not None}
        return self.call(f"{PUBLISH}video/init/", {"post_info": info, "source_info": source or by_file(1_000)})

    def inbox(self, source: Mapping[str, object] | None = None) -> Reply:
        """Announce a draft."""
        return self.call(f"{PUBLISH}inbox/video/init/", {"source_info": source or by_file(1_000)})

    def photos(
        self,
        *urls: str,
        mode: str = "DIRECT_POST",
        cover: object = 0,
        top: Mapping[str, object] | None = None,
        **info: object,
    ) -> Reply:
        """Announce photos; None leaves a field out."""
        chosen = {"title": "A title", "privacy_level": EVERYONE, **info}
        source = {"source": "PULL_FROM_URL", "photo_images": list(urls), "photo_cover_index": cover}
        body = {
            "media_type": "PHOTO",
            "post_mode": mode,
            "post_info": {name: value for name, value in chosen.items() if value is not None},
            "source_info": {name: value for name, value in source.items() if value is not None},
            **(top or {}),
        }
        return self.call(f"{PUBLISH}content/init/", body)

    def status(self, publish_id: str) -> Reply:
        """Where a publication stands."""
        return self.call(f"{PUBLISH}status/fetch/", {"publish_id": publish_id})

    def cancel(self, publish_id: str) -> Reply:
        """Stop a download."""
        return self.call(f"{PUBLISH}cancel/", {"publish_id": publish_id})

    def user_info(self, *fields: str) -> Reply:
        """Some of the profile."""
        return self.call("/v2/user/info/", method="GET", query={"fields": ",".join(fields)})

    def videos(self, *fields: str, **body: object) -> Reply:
        """A page of public videos."""
        return self.call("/v2/video/list/", body, query={"fields": ",".join(fields or ("id",))})

    def query(self, ids: Sequence[str], *fields: str) -> Reply:
        """Some videos by id."""
        body = {"filters": {"video_ids": list(ids)}}
        return self.call("/v2/video/query/", body, query={"fields": ",".join(fields or ("id",))})

    def ticket(self, source: Mapping[str, object] | None = None, *, draft: bool = False, **post_info: Any) -> Ticket:
        """An init that has to be accepted."""
        data = (self.inbox(source) if draft else self.init(source, **post_info)).data
        return Ticket(publish_id=data["publish_id"], url=data["upload_url"])

    def uploaded(self, *, draft: bool = False, content: bytes = b"", **post_info: Any) -> str:
        """All bytes of a video are there, nothing has been decided yet; the publish id."""
        video = content or movie(1_000)
        ticket = self.ticket(by_file(len(video)), draft=draft, **post_info)
        same(self.stage.put(ticket.url, video).status, 201, "status of the only chunk")
        return ticket.publish_id

    def processed(self, *, draft: bool = False, content: bytes = b"", **post_info: Any) -> str:
        """A video that TikTok has looked at: posted, in the inbox, or failed."""
        publish_id = self.uploaded(draft=draft, content=content, **post_info)
        self.stage.advance(PROCESSING + 1)
        return publish_id

    def posted(self, *, content: bytes = b"", **post_info: Any) -> str:
        """A direct post whose moderation is over as well."""
        publish_id = self.processed(content=content, **post_info)
        self.stage.advance(PUBLIC + 1)
        return publish_id

    def video_id(self, publish_id: str) -> str:
        """The id of a post that is public."""
        ids = self.status(publish_id).data["publicaly_available_post_id"]
        return str(ids[-1])

    def fetched(self, publish_id: str) -> dict[str, Any]:
        """A download is over and decided about; its status."""

        def decided() -> dict[str, Any] | None:
            self.stage.advance(PROCESSING + 1)
            found = self.again().status(publish_id).data
            return None if found["status"] == "PROCESSING_DOWNLOAD" else found

        found = eventually(decided, what="the end of a download")
        assert found is not None
        return found

    def downloading(self, publish_id: str, size: int) -> None:
        """A download has come so far."""
        eventually(
            lambda: self.again().status(publish_id).data["downloaded_bytes"] == size, what=f"{size} downloaded bytes"
        )

    def again(self) -> "Account":
        """The same person with another token, whose minute is not used up."""
        return self.stage.account(self.app, username=self.username)

    def expect(self, publish_id: str, status: str, **fields: object) -> dict[str, Any]:
        """Where a publication stands now, and what else status/fetch must say."""
        found = self.again().status(publish_id).data
        same(
            {"status": found.get("status"), **{name: found.get(name) for name in fields}}, {"status": status, **fields}
        )
        return found
