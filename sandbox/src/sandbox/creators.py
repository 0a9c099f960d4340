"""The people who post: their accounts and what creator_info tells about them."""

from msgspec import Struct, structs

from sandbox.answers import Answer, done
from sandbox.identifiers import open_id_of
from sandbox.settings import Profile
from sandbox.tables import Table


class Creator(Struct, frozen=True, kw_only=True):
    """One account as one app knows it."""

    open_id: str
    profile: Profile

    @property
    def nickname(self) -> str:
        """The name shown to people."""
        return self.profile.nickname or self.profile.username

    @property
    def privacy_levels(self) -> tuple[str, ...]:
        """What this account may choose from; a private one has no public choice."""
        first = "FOLLOWER_OF_CREATOR" if self.profile.private_account else "PUBLIC_TO_EVERYONE"
        return (first, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY")


class Creators:
    """Every account, found by open id or by name."""

    def __init__(self, client_key: str) -> None:
        self._client_key = client_key
        self.rows: Table[str, Creator] = Table()

    def save(self, profile: Profile) -> Creator:
        """Create the account or change it; the name decides which."""
        creator = Creator(open_id=open_id_of(self._client_key, profile.username), profile=profile)
        self.rows[creator.open_id] = creator
        return creator

    def named(self, username: str) -> Creator:
        """The account of that name, created with usual settings if there is none."""
        found = self.rows.get(open_id_of(self._client_key, username))
        return found or self.save(Profile(username=username))

    def get(self, open_id: str) -> Creator:
        """The account a grant belongs to; it exists, for the grant was given by it."""
        return self.rows[open_id]

    def all(self) -> tuple[Creator, ...]:
        """Every account, oldest first."""
        return tuple(self.rows.values())


def creator_info(creator: Creator, base_url: str) -> Answer:
    """What a posting page must show."""
    profile = creator.profile
    return done(
        {
            "creator_avatar_url": f"{base_url}/avatar/{profile.username}.jpg",
            "creator_username": profile.username,
            "creator_nickname": creator.nickname,
            "privacy_level_options": list(creator.privacy_levels),
            "comment_disabled": profile.comment_disabled,
            "duet_disabled": profile.private_account or profile.duet_disabled,
            "stitch_disabled": profile.private_account or profile.stitch_disabled,
            "max_video_post_duration_sec": profile.max_video_post_duration_sec,
        }
    )


def describe(creator: Creator) -> dict[str, object]:
    """The account as the admin API shows it."""
    return {"open_id": creator.open_id, **structs.asdict(creator.profile)}
