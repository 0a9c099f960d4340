"""Runs the sandbox on a port: within a test, or as a process of its own."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
import uvicorn
from msgspec import structs
from typing_extensions import override

from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.errors import StateUnreadable
from tiktok_sandbox.model.persistence import SaveBeforeAnswer, StateFile
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock, Pace
from tiktok_sandbox.runtime.media_store import DEFAULT_BUDGET_BYTES, MediaStore
from tiktok_sandbox.runtime.protocol import DirectProtocol

KEEP_ALIVE_SECONDS: Final = 60
SHUTDOWN_SECONDS: Final = 2
SAVE_EVERY_SECONDS: Final = 1.0


class _UvicornServer(uvicorn.Server):
    """A uvicorn server that reports when it listens.

    It leaves signals alone: within a test they belong to pytest, in a process of its own to `__main__`.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class Server:
    """A running sandbox: `async with Server(settings) as server: server.url`."""

    def __init__(
        self,
        settings: Settings,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: tuple[Path, Path] | None = None,
        clock: Clock | None = None,
        state_folder: Path | None = None,
        media_folder: Path | None = None,
        media_budget: int = DEFAULT_BUDGET_BYTES,
    ) -> None:
        """Bind the port and restore the saved state.

        Raises:
            StateUnreadable: the saved state cannot be read.
        """
        self._state = None if state_folder is None else StateFile(state_folder)
        # Bound here and not by uvicorn: with port 0 the URL is known only then, and the state contains it.
        self._socket = _bind(host, port)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://{host}:{self._socket.getsockname()[1]}"
        media = None if media_folder is None else MediaStore(media_folder, media_budget)
        try:
            self.context = _open_context(settings, self.url, clock, self._state, media)
        except StateUnreadable:
            self._socket.close()
            self._close_state()
            raise
        certificate, key = (None, None) if tls is None else tls
        self._listener = _UvicornServer(
            uvicorn.Config(
                SaveBeforeAnswer(build_app(self.context), self._save),
                http=DirectProtocol,
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="warning",
                # Upload URLs are secrets, and an access log would contain them.
                access_log=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )
        self._saved_pace = self.context.clock.pace
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Return once connections are accepted."""
        serving = asyncio.create_task(self._listener.serve([self._socket]))
        listening = asyncio.create_task(self._listener.listening.wait())
        # If the server fails to start, the event is never set. Its error is raised instead of waiting for ever.
        await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            listening.cancel()
            await serving
        self._running = [serving, asyncio.create_task(self._save_regularly())]
        # Starts restored downloads and webhooks. A receiver of webhooks may call back, so the server must listen.
        self.context.notify_change()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop background work, finish the running calls, and save."""
        serving, saving = self._running
        # Before the server stops: held calls would keep its graceful shutdown waiting.
        await self.context.close()
        saving.cancel()
        self._listener.should_exit = True
        await serving
        self._save()
        self._close_state()

    async def _save_regularly(self) -> None:
        # Calls are saved before their answer. This saves what happens without a call: downloads and webhooks.
        while True:
            await asyncio.sleep(SAVE_EVERY_SECONDS)
            self._save()

    def _save(self) -> None:
        """Save what changed since the last time; does nothing without a state folder."""
        if self._state is not None:
            self._state.save(self.context.tables)
            if self.context.clock.pace != self._saved_pace:
                self._saved_pace = self.context.clock.pace
                self._state.write_value("clock", msgspec.json.encode(self._saved_pace).decode())

    def _close_state(self) -> None:
        if self._state is not None:
            self._state.close()


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A restart must not wait for old connections to leave TIME_WAIT.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


def _open_context(
    settings: Settings, url: str, clock: Clock | None, state: StateFile | None, media: MediaStore | None
) -> AppContext:
    """Create the application, with the saved state and clock if there are any."""
    if state is not None:
        # A made-up secret must stay the same over restarts, or every client would lose access.
        secret = settings.app.client_secret or state.read_value("client_secret")
        settings = structs.replace(settings, app=structs.replace(settings.app, client_secret=secret))
    context = AppContext(settings, base_url=url, clock=clock)
    context.media = media
    if state is not None:
        state.write_value("client_secret", context.tables.settings.app.client_secret)
        state.restore(context.tables, media)
        kept = state.read_value("clock")
        if clock is None and kept:
            context.clock.resume(msgspec.json.decode(kept, type=Pace))
    return context
