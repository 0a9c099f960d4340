"""Saves the state in one SQLite file; every change is saved before it is answered."""

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
VERSION: Final = 2

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS rows (
    position INTEGER PRIMARY KEY,
    table_name TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (table_name, key)
)"""
_PUT: Final = """
INSERT INTO rows (table_name, key, value) VALUES (?, ?, ?)
ON CONFLICT (table_name, key) DO UPDATE SET value = excluded.value
"""
_DROP: Final = "DELETE FROM rows WHERE table_name = ? AND key = ?"
_READ: Final = "SELECT key, value FROM rows WHERE table_name = ? ORDER BY position"

Value = TypeVar("Value")


class SavedUpload(Struct, frozen=True, kw_only=True):
    """An upload without its running hash, which cannot be saved."""

    publish_id: str
    token: str
    plan: ChunkPlan
    expires_at: float
    stored: int
    head: bytes

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"SavedUpload({self.publish_id})"


class PersistedTable(Generic[Value]):
    """A table, the type of its saved rows, and how a saved row is put back."""

    def __init__(
        self,
        name: str,
        table: Table[str, Value],
        kind: Any,  # noqa: ANN401 -- any type that msgspec can decode
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
    """Return every table that is saved."""
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
    """Restore an upload, unless the hash of its stored bytes cannot be rebuilt.

    Such an upload is left out, and its URL answers 404 from then on.
    """
    digest = hashlib.sha256()
    # An upload without bytes, or a complete one, needs no hash.
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
    """The open file, locked against a second sandbox."""

    def __init__(self, folder: Path) -> None:
        """Open the file, or create it.

        Raises:
            StateUnreadable: it is locked, damaged or of another version.
        """
        self._path = folder / FILE_NAME
        folder.mkdir(parents=True, exist_ok=True)
        # The file holds tokens and secrets.
        self._path.touch(mode=0o600)
        with self._translating_errors():
            self._file = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._file.close()
                raise

    def _prepare(self) -> None:
        """Lock the file, check its version and create the table.

        Raises:
            StateUnreadable: the file was written by another version.
        """
        # Two sandboxes on one file would each overwrite the other's rows.
        self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._file.execute("PRAGMA journal_mode = WAL")
        # NORMAL: a killed process loses nothing; a power cut may lose the last transactions. FULL would sync on every
        # call.
        self._file.execute("PRAGMA synchronous = NORMAL")
        [version] = self._file.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise StateUnreadable(self._path)
        self._file.execute(_SCHEMA)
        self._file.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        """Turn errors of SQLite and msgspec into StateUnreadable."""
        try:
            yield
        except (sqlite3.Error, msgspec.MsgspecError) as cause:
            raise StateUnreadable(self._path) from cause

    def read_value(self, name: str) -> str:
        """Return a single saved value; empty if it was never saved."""
        with self._translating_errors():
            rows: dict[str, bytes] = dict(self._file.execute(_READ, ("values",)))
            return rows.get(name, b"").decode()

    def write_value(self, name: str, value: str) -> None:
        """Save a single value."""
        self._file.execute(_PUT, ("values", name, value.encode()))

    def restore(self, tables: Tables, media: MediaStore | None) -> None:
        """Fill the tables with the saved rows.

        An upload whose hash cannot be rebuilt is left out.

        Raises:
            StateUnreadable: the file holds something else.
        """
        with self._translating_errors():
            for saved_table in persisted_tables(tables, media):
                for name, content in self._file.execute(_READ, (saved_table.name,)):
                    saved_table.put(name, msgspec.json.decode(content, type=saved_table.kind))
                    # The row is in the file already.
                    saved_table.table.changed_keys.discard(name)

    def save(self, tables: Tables) -> int:
        """Save everything that changed since the last call in one transaction.

        Return the number of rows.
        """
        changed = [saved_table for saved_table in persisted_tables(tables) if saved_table.table.changed_keys]
        if not changed:
            return 0
        count = 0
        self._file.execute("BEGIN")
        # One transaction: a killed process leaves either the whole change or nothing of it.
        for saved_table in changed:
            for name in saved_table.table.changed_keys:
                if name in saved_table.table:
                    content = msgspec.json.encode(saved_table.pack(saved_table.table[name]))
                    self._file.execute(_PUT, (saved_table.name, name, content))
                else:
                    self._file.execute(_DROP, (saved_table.name, name))
            count += len(saved_table.table.changed_keys)
            saved_table.table.changed_keys.clear()
        self._file.execute("COMMIT")
        return count

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._file.close()


class SaveBeforeAnswer:
    """ASGI middleware that saves before the first byte of an answer leaves.

    An answer that a client has seen then survives a kill of the process.
    """

    def __init__(self, app: ASGIApp, save: Callable[[], None]) -> None:
        self._app = app
        self._save = save

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the wrapped app does."""

        async def send_saved(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._save()
            await send(message)

        await self._app(scope, receive, send_saved)
