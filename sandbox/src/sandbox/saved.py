"""What survives a restart of the stand-in: people, what they allowed, and everything that was ever posted."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sandbox.errors import StateRefused
from sandbox.oauth import Grants
from sandbox.posting import Publication
from sandbox.settings import Profile
from sandbox.world import World

FILE_NAME: Final = "sandbox.json"


class Saved(Struct, frozen=True, kw_only=True):
    """The file. Half-done uploads are not in it: a hash cannot be written down, so their urls are unknown later."""

    client_secret: str
    profiles: tuple[Profile, ...]
    grants: Grants
    publications: dict[str, Publication]
    bytes_read: dict[str, int]


def save(world: World, folder: Path) -> None:
    """Write the state in one step, readable by its owner only."""
    state = Saved(
        client_secret=world.settings.app.client_secret,
        profiles=tuple(creator.profile for creator in world.creators.all()),
        grants=world.grants,
        publications=world.publications,
        bytes_read=world.bytes_read,
    )
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{FILE_NAME}.new"
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(folder / FILE_NAME)


def load(folder: Path) -> Saved | None:
    """The saved state, if there is one.

    Raises:
        StateRefused: the file is not one of ours.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Saved)
    except msgspec.MsgspecError as cause:
        raise StateRefused(path) from cause


def restore(world: World, state: Saved) -> None:
    """Go on where the saved state ends."""
    for profile in state.profiles:
        world.creators.save(profile)
    world.grants = state.grants
    for publication in state.publications.values():
        world.remember(publication)
    world.bytes_read = state.bytes_read
