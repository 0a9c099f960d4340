"""Settings of the stand-in: apps, creators, lifetimes, delays.

They also choose how TikTok behaves where its documentation is silent.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tiktok_sandbox.errors import SettingsUnreadable
from tiktok_sandbox.faults.rules import Rule
from tiktok_sandbox.model.chunk_plan import STRICT, ChunkLimits

ALL_SCOPES = (
    "user.info.basic",
    "user.info.profile",
    "user.info.stats",
    "video.list",
    "video.upload",
    "video.publish",
)


class Platform(StrEnum):
    """The login kit an app is registered for. Desktop makes PKCE mandatory."""

    WEB = "web"
    DESKTOP = "desktop"


class App(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A registered app.

    A port or path of `*` in a redirect URI matches any. `verified_urls` are domains (`example.com`) and prefixes
    (`https://example.com/clips/`). `active_creator_cap` 0 means TikTok's own limit: 5 creators in 24 hours for an
    unaudited app, none for an audited one. With `sandbox_targets` only these users can connect, as in TikTok's own
    sandbox.
    """

    client_key: str = "sbawpostbusdemo00"
    client_secret: str = ""
    name: str = "Postbus (local)"
    platform: Platform = Platform.DESKTOP
    audited: bool = True
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1:*/*", "http://localhost:*/*")
    scopes: tuple[str, ...] = ALL_SCOPES
    verified_urls: tuple[str, ...] = ()
    active_creator_cap: int = 0
    webhook_url: str = ""
    sandbox_targets: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        """Show the key only; the secret must not reach a log."""
        return f"App({self.client_key})"


class TokenProfile(StrEnum):
    """How long tokens live: as documented since November 2026, or as before."""

    NOV2026 = "nov2026"
    CLASSIC = "classic"


# Both sets are documented. Clients have to go by `expires_in`, so tests run with either.
_ACCESS_SECONDS: Final = {TokenProfile.NOV2026: 7_200, TokenProfile.CLASSIC: 86_400}
_REFRESH_SECONDS: Final = {TokenProfile.NOV2026: 15_552_000, TokenProfile.CLASSIC: 31_536_000}


class Lifetimes(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lifetimes in seconds. A token's own value takes precedence over the profile's.

    TikTok does not document whether a refresh ends the previous access token, nor whether the new refresh token
    gets a full lifetime again. Both are switches, so that clients can be tested against either.
    """

    token_profile: TokenProfile = TokenProfile.NOV2026
    access_token: int | None = None
    refresh_token: int | None = None
    client_token: int = 7_200
    authorization_code: int = 300
    upload_url: int = 3_600
    refresh_ends_access: bool = False
    refresh_renews: bool = True

    @property
    def access_token_seconds(self) -> int:
        """Lifetime of a user access token."""
        return _ACCESS_SECONDS[self.token_profile] if self.access_token is None else self.access_token

    @property
    def refresh_token_seconds(self) -> int:
        """Lifetime of a refresh token."""
        return _REFRESH_SECONDS[self.token_profile] if self.refresh_token is None else self.refresh_token


class Delays(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of processing, and seconds of moderation after it.

    Processing begins with the last byte. The post becomes public after moderation.
    """

    processing: float = 1.0
    public: float = 1.0


class Pulls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How PULL_FROM_URL downloads files.

    `resolve` maps a host to `address:port` instead of asking DNS. `timeout` is TikTok's hour.
    """

    # TikTok takes https only. Plain http is for tests whose file server has no certificate.
    allow_http: bool = False
    resolve: dict[str, str] = {}
    timeout: float = 3_600.0


class Webhooks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time limit of a webhook's answer (real seconds), and the schedule of retries.

    The first pause is `first_retry`, each further one twice as long, until `give_up` seconds after the event.
    TikTok does not document whether each attempt is signed again; `renew_signature` decides.
    """

    answer_seconds: float = 10.0
    first_retry: float = 30.0
    give_up: float = 259_200.0
    # With an old signature a late retry looks like a replay to a receiver that checks the age.
    renew_signature: bool = True


class AbandonedUpload(StrEnum):
    """What happens to an upload that is not finished in its hour.

    TikTok does not document it.
    """

    STUCK = "stuck"
    FAILED = "failed"


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A creator's account as its owner would set it up.

    `posted_elsewhere` is how many of today's posts other apps have used up.
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
    bio_description: str = ""
    is_verified: bool = False
    follower_count: int = 1_000
    following_count: int = 10
    # TikTok's app on the person's phone: photo drafts need 31.8 or later.
    app_version: str = "44.0.0"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings.

    A settings file may hold any part of it. `app` is the default app, `apps` are more.

    `rules` are created at the first start only; after that `--state` keeps them with their counters.
    """

    app: App = App()
    apps: tuple[App, ...] = ()
    lifetimes: Lifetimes = Lifetimes()
    delays: Delays = Delays()
    chunk_limits: ChunkLimits = STRICT
    creators: tuple[Profile, ...] = (Profile(username="demo-creator", nickname="Demo Creator"),)
    oauth_errors_as_200: bool = False
    pulls: Pulls = Pulls()
    webhooks: Webhooks = Webhooks()
    abandoned: AbandonedUpload = AbandonedUpload.STUCK
    check_media: bool = False
    rules: tuple[Rule, ...] = ()


def read_settings(path: Path) -> Settings:
    """Read settings from a JSON file; what it leaves out keeps its default.

    Raises:
        SettingsUnreadable: the file is missing, or is not valid settings.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except (OSError, msgspec.MsgspecError) as cause:
        raise SettingsUnreadable(path, cause) from cause


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read a JSON list of rules from a file.

    Raises:
        SettingsUnreadable: the file is missing, or is not a list of valid rules.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Rule, ...])
    except (OSError, msgspec.MsgspecError) as cause:
        raise SettingsUnreadable(path, cause) from cause
