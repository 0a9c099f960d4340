"""What survives a restart of the stand-in: one SQLite file; every change is in it before it is answered."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tiktok_sandbox.errors import StateUnreadable
from tiktok_sandbox.faults.rules import RuleState
from tiktok_sandbox.model.chunk_plan import ChunkPlan
from tiktok_sandbox.model.creators import Account
from tiktok_sandbox.model.grants import AuthorizationCode, Permission
from tiktok_sandbox.model.pending_webhooks import PendingWebhook
from tiktok_sandbox.model.publications import Publication
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import Tables
from tiktok_sandbox.model.uploads import Upload
from tiktok_sandbox.model.webhook_deliveries import Delivery
from tiktok_sandbox.runtime.media_store import MediaStore
from tiktok_sandbox.runtime.table import Table

FILE_NAME: Final = "sandbox.sqlite"
VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS rows (
    place INTEGER PRIMARY KEY, shelf TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, UNIQUE (shelf, name)
)"""
_PUT: Final = """
INSERT INTO rows (shelf, name, content) VALUES (?, ?, ?)
ON CONFLICT (shelf, name) DO UPDATE SET content = excluded.content
"""
_DROP: Final = "DELETE FROM rows WHERE shelf = ? AND name = ?"
_READ: Final = "SELECT name, content FROM rows WHERE shelf = ? ORDER BY place"

Value = TypeVar("Value")


class SavedUpload(Struct, frozen=True, kw_only=True):
    """An upload without its running hash, which cannot be written down."""

    publish_id: str
    token: str
    plan: ChunkPlan
    expires_at: float
    stored: int
    head: bytes

    def __repr__(self) -> str:
        return f"SavedUpload({self.publish_id})"


class PersistedTable(Generic[Value]):
    """A table, what is kept of its rows, and how a kept row comes back into it."""

    def __init__(
        self,
        name: str,
        table: Table[str, Value],
        kind: Any,  # noqa: ANN401 -- whatever msgspec can read
        *,
        pack: Callable[[Value], object] = lambda value: value,
        put: Callable[[str, Any], object] | None = None,
    ) -> None:
        self.name = name
        self.table = table
        self.kind = kind
        self.pack = pack
        self.put = put or table.__setitem__


def persisted_tables(tables: Tables, media: MediaStore | None = None) -> tuple[PersistedTable[Any], ...]:
    """Every table that is kept."""
    grants, creators = tables.grants, tables.creators
    return (
        PersistedTable("apps", tables.apps.rows, App, put=lambda _, app: tables.apps.restore(app)),
        PersistedTable("creators", creators.rows, Account, put=lambda _, account: creators.put(account)),
        PersistedTable("codes", grants.codes, AuthorizationCode),
        PersistedTable("access", grants.access, Permission),
        PersistedTable("refresh", grants.refresh, Permission),
        PersistedTable(
            "publications", tables.publications, Publication, put=lambda _, kept: tables.put_publication(kept)
        ),
        PersistedTable("bytes_read", tables.bytes_read, int),
        PersistedTable(
            "uploads",
            tables.uploads,
            SavedUpload,
            pack=_pack_upload,
            put=lambda name, kept: _put_upload(tables, media, name, kept),
        ),
        PersistedTable("rules", tables.rules.rows, RuleState),
        PersistedTable("notices", tables.pending_webhooks.rows, PendingWebhook, put=tables.pending_webhooks.put),
        PersistedTable("deliveries", tables.deliveries.rows, Delivery, put=tables.deliveries.put),
    )


def _put_upload(tables: Tables, media: MediaStore | None, name: str, kept: SavedUpload) -> None:
    """The upload as it was, unless the hash of what is stored cannot be had any more."""
    digest = hashlib.sha256()
    if 0 < kept.stored < kept.plan.size:
        found = None if media is None else media.digest(kept.publish_id, kept.stored)
        if found is None:
            return
        digest = found
    tables.uploads[name] = Upload(
        publish_id=kept.publish_id,
        token=kept.token,
        plan=kept.plan,
        expires_at=kept.expires_at,
        digest=digest,
        stored=kept.stored,
        head=kept.head,
    )


def _pack_upload(upload: Upload) -> SavedUpload:
    return SavedUpload(
        publish_id=upload.publish_id,
        token=upload.token,
        plan=upload.plan,
        expires_at=upload.expires_at,
        stored=upload.stored,
        head=upload.head,
    )


class StateFile:
    """The open file; nobody else can open it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        folder.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        with self._translating_errors():
            self._file = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._file.close()
                raise

    def _prepare(self) -> None:
        self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._file.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing; a machine that loses its power may lose the last moments.
        self._file.execute("PRAGMA synchronous = NORMAL")
        [version] = self._file.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise StateUnreadable(self._path)
        self._file.execute(_SCHEMA)
        self._file.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.MsgspecError) as cause:
            raise StateUnreadable(self._path) from cause

    def read_value(self, name: str) -> str:
        """A single value as it was last noted; empty if it never was."""
        with self._translating_errors():
            rows: dict[str, bytes] = dict(self._file.execute(_READ, ("facts",)))
            return rows.get(name, b"").decode()

    def write_value(self, name: str, value: str) -> None:
        """Keep a single value."""
        self._file.execute(_PUT, ("facts", name, value.encode()))

    def restore(self, tables: Tables, media: MediaStore | None) -> None:
        """Fill the tables with what is kept; an upload whose hash is lost is left out.

        Raises:
            StateRefused: the file holds something else.
        """
        with self._translating_errors():
            for shelf in persisted_tables(tables, media):
                for name, content in self._file.execute(_READ, (shelf.name,)):
                    shelf.put(name, msgspec.json.decode(content, type=shelf.kind))
                    shelf.table.changed_keys.discard(name)

    def save(self, tables: Tables) -> int:
        """Write down what changed since the last time, all of it or nothing; how many rows that was."""
        changed = [shelf for shelf in persisted_tables(tables) if shelf.table.changed_keys]
        if not changed:
            return 0
        count = 0
        self._file.execute("BEGIN")
        for shelf in changed:
            for name in shelf.table.changed_keys:
                if name in shelf.table:
                    content = msgspec.json.encode(shelf.pack(shelf.table[name]))
                    self._file.execute(_PUT, (shelf.name, name, content))
                else:
                    self._file.execute(_DROP, (shelf.name, name))
            count += len(shelf.table.changed_keys)
            shelf.table.changed_keys.clear()
        self._file.execute("COMMIT")
        return count

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self._file.close()


class SaveBeforeAnswer:
    """Writes down what a call changed before its answer leaves: what was answered survives being killed."""

    def __init__(self, app: ASGIApp, save: Callable[[], None]) -> None:
        self._app = app
        self._save = save

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""

        async def send_saved(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._save()
            await send(message)

        await self._app(scope, receive, send_saved)
