"""The people who post: their accounts, and the open ids by which apps know them."""

from collections.abc import Iterable
from urllib.parse import quote

from msgspec import Struct, structs

from tiktok_sandbox.model.answers import Answer, success
from tiktok_sandbox.model.identifiers import open_id_of
from tiktok_sandbox.model.settings import Profile
from tiktok_sandbox.runtime.table import Table


class Creator(Struct, frozen=True, kw_only=True):
    """One account as one app knows it."""

    open_id: str
    profile: Profile

    @property
    def nickname(self) -> str:
        """The display name; the username if none is set."""
        return self.profile.nickname or self.profile.username

    @property
    def privacy_levels(self) -> tuple[str, ...]:
        """The privacy levels this account can choose. A private account has no public one."""
        first = "FOLLOWER_OF_CREATOR" if self.profile.private_account else "PUBLIC_TO_EVERYONE"
        return (first, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY")


class Account(Struct, frozen=True, kw_only=True):
    """A person's account, and the other apps that have met it."""

    profile: Profile
    known_to: tuple[str, ...] = ()


class Creators:
    """Every account by username, also found by any open id that an app knows."""

    def __init__(self, client_key: str) -> None:
        self._client_key = client_key
        self.rows: Table[str, Account] = Table()
        self._username_by_open_id: dict[str, str] = {}

    def put(self, account: Account) -> None:
        """Store an account, and index its open ids."""
        username = account.profile.username
        self.rows[username] = account
        for client_key in (self._client_key, *account.known_to):
            self._username_by_open_id[open_id_of(client_key, username)] = username

    def save(self, profile: Profile) -> Creator:
        """Create the account or replace its profile; the username decides which."""
        existing = self.rows.get(profile.username)
        self.put(Account(profile=profile, known_to=existing.known_to if existing else ()))
        return self.get_or_create(profile.username)

    def get_or_create(self, username: str, client_key: str = "") -> Creator:
        """Return the account with this name as an app knows it.

        A missing account is created with default settings: typing a new name on the consent page is enough to have
        one.
        """
        if username not in self.rows:
            self.put(Account(profile=Profile(username=username)))
        app = client_key or self._client_key
        open_id, account = open_id_of(app, username), self.rows[username]
        # The app meets this person for the first time: save that, or the open id is unknown after a restart.
        if open_id not in self._username_by_open_id:
            self.put(structs.replace(account, known_to=(*account.known_to, app)))
        return Creator(open_id=open_id, profile=account.profile)

    def find(self, open_id: str) -> Creator | None:
        """Return the account behind an open id, or None if no app has met it."""
        username = self._username_by_open_id.get(open_id)
        return None if username is None else Creator(open_id=open_id, profile=self.rows[username].profile)

    def get(self, open_id: str) -> Creator:
        """Return the account behind an open id that is known to exist, as in a grant.

        Raises:
            KeyError: no app has met such an account.
        """
        return Creator(open_id=open_id, profile=self.rows[self._username_by_open_id[open_id]].profile)

    def all(self) -> tuple[Creator, ...]:
        """Return every account as the default app knows it, oldest first."""
        return tuple(self.get_or_create(username) for username in self.rows)


def creator_info_answer(creator: Creator, base_url: str) -> Answer:
    """Answer creator_info: what a posting page must show."""
    profile = creator.profile
    return success(
        {
            "creator_avatar_url": f"{base_url}/avatar/{quote(profile.username)}.svg",
            "creator_username": profile.username,
            "creator_nickname": creator.nickname,
            "privacy_level_options": list(creator.privacy_levels),
            "comment_disabled": profile.comment_disabled,
            "duet_disabled": profile.private_account or profile.duet_disabled,
            "stitch_disabled": profile.private_account or profile.stitch_disabled,
            "max_video_post_duration_sec": profile.max_video_post_duration_sec,
        }
    )


def describe(creator: Creator, client_keys: Iterable[str]) -> dict[str, object]:
    """Return the account as the admin API shows it, with its open id in every app."""
    # Computed, not looked up: an app that has never met the person has an open id too.
    open_ids = {key: open_id_of(key, creator.profile.username) for key in client_keys}
    return {"open_id": creator.open_id, "open_ids": open_ids, **structs.asdict(creator.profile)}
