"""A connected account: every call with its access token."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.checks import Reply, check_equal
from conformance.request_bodies import EVERYONE, JSON, PUBLISH, file_source, mp4_bytes
from conformance.sandbox_client import PROCESSING, PUBLIC, wait_until

if TYPE_CHECKING:
    from conformance.scenario import App, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTarget:
    """An accepted init of an upload."""

    publish_id: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One person connected to one app."""

    scenario: "Scenario"
    app: "App"
    username: str
    open_id: str
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    def call(
        self, path: str, body: object = None, *, method: str = "POST", query: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a call with the access token; bytes are sent as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", **JSON}
        return self.scenario.sandbox.send(method, path, content=content, headers=headers, query=query)

    def creator_info(self) -> Reply:
        """Ask what a posting page must show."""
        return self.call(f"{PUBLISH}creator_info/query/")

    def init(self, source: Mapping[str, object] | None = None, **post_info: Any) -> Reply:
        """Announce a direct post; None leaves a field out."""
        chosen = {"title": "A title", "privacy_level": EVERYONE, **post_info}
        info = {name: value for name, value in chosen.items() if value is not None}
        return self.call(f"{PUBLISH}video/init/", {"post_info": info, "source_info": source or file_source(1_000)})

    def inbox(self, source: Mapping[str, object] | None = None) -> Reply:
        """Announce a draft."""
        return self.call(f"{PUBLISH}inbox/video/init/", {"source_info": source or file_source(1_000)})

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
        """Ask for the status of a publication."""
        return self.call(f"{PUBLISH}status/fetch/", {"publish_id": publish_id})

    def cancel(self, publish_id: str) -> Reply:
        """Cancel a download."""
        return self.call(f"{PUBLISH}cancel/", {"publish_id": publish_id})

    def user_info(self, *fields: str) -> Reply:
        """Ask for fields of the profile."""
        return self.call("/v2/user/info/", method="GET", query={"fields": ",".join(fields)})

    def videos(self, *fields: str, **body: object) -> Reply:
        """Ask for a page of public videos."""
        return self.call("/v2/video/list/", body, query={"fields": ",".join(fields or ("id",))})

    def query(self, ids: Sequence[str], *fields: str) -> Reply:
        """Ask for videos by id."""
        body = {"filters": {"video_ids": list(ids)}}
        return self.call("/v2/video/query/", body, query={"fields": ",".join(fields or ("id",))})

    def open_upload(
        self, source: Mapping[str, object] | None = None, *, draft: bool = False, **post_info: Any
    ) -> UploadTarget:
        """Send an init that must be accepted."""
        data = (self.inbox(source) if draft else self.init(source, **post_info)).data
        return UploadTarget(publish_id=data["publish_id"], url=data["upload_url"])

    def upload_video(self, *, draft: bool = False, content: bytes = b"", **post_info: Any) -> str:
        """Upload a whole video, which is not processed yet; return its publish id."""
        video = content or mp4_bytes(1_000)
        target = self.open_upload(file_source(len(video)), draft=draft, **post_info)
        check_equal(self.scenario.put(target.url, video).status, 201, "status of the only chunk")
        return target.publish_id

    def upload_and_process(self, *, draft: bool = False, content: bytes = b"", **post_info: Any) -> str:
        """Upload a video and wait for the end of processing: it is posted, in the inbox, or failed."""
        publish_id = self.upload_video(draft=draft, content=content, **post_info)
        self.scenario.advance(PROCESSING + 1)
        return publish_id

    def post_publicly(self, *, content: bytes = b"", **post_info: Any) -> str:
        """Post a video and wait for the end of moderation."""
        publish_id = self.upload_and_process(content=content, **post_info)
        self.scenario.advance(PUBLIC + 1)
        return publish_id

    def video_id(self, publish_id: str) -> str:
        """Return the id of a public post."""
        ids = self.status(publish_id).data["publicaly_available_post_id"]
        return str(ids[-1])

    def wait_for_download(self, publish_id: str) -> dict[str, Any]:
        """Wait for the end of a download and its processing; return its status."""

        def decided() -> dict[str, Any] | None:
            self.scenario.advance(PROCESSING + 1)
            found = self.with_new_token().status(publish_id).data
            return None if found["status"] == "PROCESSING_DOWNLOAD" else found

        found = wait_until(decided, what="the end of a download")
        assert found is not None
        return found

    def wait_for_progress(self, publish_id: str, size: int) -> None:
        """Wait until a download has this many bytes."""
        wait_until(
            lambda: self.with_new_token().status(publish_id).data["downloaded_bytes"] == size,
            what=f"{size} downloaded bytes",
        )

    def with_new_token(self) -> "Account":
        """Return the same person with another token, whose rate limit is not used up."""
        return self.scenario.account(self.app, username=self.username)

    def check_status(self, publish_id: str, status: str, **fields: object) -> dict[str, Any]:
        """Check the status of a publication, and other fields of status/fetch."""
        found = self.with_new_token().status(publish_id).data
        check_equal(
            {"status": found.get("status"), **{name: found.get(name) for name in fields}}, {"status": status, **fields}
        )
        return found
