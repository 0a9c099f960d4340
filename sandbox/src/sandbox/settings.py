"""What can be set about the stand-in: the app, its creators, lifetimes and delays."""

from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from sandbox.chunks import STRICT, ChunkLimits
from sandbox.errors import SettingsRefused

ALL_SCOPES = (
    "user.info.basic",
    "user.info.profile",
    "user.info.stats",
    "video.list",
    "video.upload",
    "video.publish",
)


class Platform(StrEnum):
    """Which login kit the app is registered for; desktop makes PKCE mandatory."""

    WEB = "web"
    DESKTOP = "desktop"


class App(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The one registered app. A port or a path of `*` in a redirect stands for any."""

    client_key: str = "sbawpostbusdemo00"
    client_secret: str = ""
    name: str = "Postbus (local)"
    platform: Platform = Platform.DESKTOP
    audited: bool = True
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1:*/*", "http://localhost:*/*")
    scopes: tuple[str, ...] = ALL_SCOPES
    verified_urls: tuple[str, ...] = ()
    active_creator_cap: int = 0

    def __repr__(self) -> str:
        return f"App({self.client_key})"


class Lifetimes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds; the defaults are those documented since November 2026."""

    access_token: int = 7_200
    refresh_token: int = 15_552_000
    authorization_code: int = 300
    upload_url: int = 3_600


class Delays(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds from the last byte to the verdict, and from the verdict to being public."""

    processing: float = 1.0
    public: float = 1.0


class Pulls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How files are fetched for PULL_FROM_URL; `resolve` sends a host to `address:port` instead of asking DNS."""

    allow_http: bool = False
    resolve: dict[str, str] = {}
    timeout: float = 3_600.0


class Abandoned(StrEnum):
    """What becomes of a transfer nobody finished in its hour; TikTok does not say."""

    STUCK = "stuck"
    FAILED = "failed"


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A creator as a person would set the account up.

    `posted_elsewhere` is how many of the day's posts other apps have used up.
    """

    username: str
    nickname: str = ""
    private_account: bool = False
    comment_disabled: bool = False
    duet_disabled: bool = False
    stitch_disabled: bool = False
    max_video_post_duration_sec: int = 3_600
    daily_post_cap: int = 15
    posted_elsewhere: int = 0
    banned: bool = False
    app_version: str = "44.0.0"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything; a settings file holds any part of it."""

    app: App = App()
    lifetimes: Lifetimes = Lifetimes()
    delays: Delays = Delays()
    chunk_limits: ChunkLimits = STRICT
    creators: tuple[Profile, ...] = (Profile(username="demo-creator", nickname="Demo Creator"),)
    oauth_errors_as_200: bool = False
    pulls: Pulls = Pulls()
    abandoned: Abandoned = Abandoned.STUCK
    check_media: bool = False


def read_settings(path: Path) -> Settings:
    """Settings from a JSON file; what it leaves out keeps its default."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except msgspec.MsgspecError as cause:
        raise SettingsRefused(path) from cause
