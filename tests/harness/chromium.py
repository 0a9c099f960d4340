"""A real browser for tests: headless Chromium, driven over a pipe with its DevTools protocol."""

import asyncio
import base64
import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
TIMEOUT: Final = 30.0

# Chromium wants its pipes to be 3 and 4.
_START: Final = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_OPTIONS: Final = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    # Nothing but this machine can be reached.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def find_chromium() -> str | None:
    """Where it lies, if it is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page, and everything it complained about."""

    def __init__(self, reader: asyncio.StreamReader, writer: int) -> None:
        self._reader = reader
        self._writer = writer
        self._session = ""
        self._asked = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.errors: list[str] = []

    async def listen(self) -> None:
        """Read the browser's messages until it ends."""
        while True:
            message = json.loads((await self._reader.readuntil(b"\0"))[:-1])
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            elif message["method"] in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.errors.append(json.dumps(message["params"]))
            elif message["method"] == "Runtime.consoleAPICalled" and message["params"]["type"] in {"error", "warning"}:
                self.errors.append(json.dumps(message["params"]["args"]))

    async def send(self, method: str, **parameters: Any) -> Any:
        """One command and its result."""
        self._asked += 1
        answer = self._waiting[self._asked] = asyncio.get_running_loop().create_future()
        message: dict[str, Any] = {"id": self._asked, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        reply = await asyncio.wait_for(answer, TIMEOUT)
        assert "error" not in reply, reply
        return reply["result"]

    async def open(self) -> None:
        """Make a page and listen to its complaints."""
        target = (await self.send("Target.createTarget", url="about:blank"))["targetId"]
        self._session = (await self.send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            await self.send(f"{domain}.enable")

    async def go(self, url: str) -> None:
        """Begin to load a page."""
        await self.send("Page.navigate", url=url)

    async def set_viewport(self, *, width: int, height: int, dark: bool = False) -> None:
        """Set how large the window is, and whether its person likes it dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def evaluate(self, expression: str) -> Any:
        """What an expression is on the page, waited for if it is a promise."""
        found = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        """Return once a condition is true on the page."""
        asked = (
            "new Promise((done) => { const look = () => "
            f"({condition}) ? done(true) : setTimeout(look, 50); look(); }})"
        )
        assert await self.evaluate(asked)

    async def screenshot(self, path: Path) -> None:
        """Keep a picture of the whole page."""
        found = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(found["data"]))


@asynccontextmanager
async def browsing(program: str) -> AsyncIterator[Tab]:
    """A browser with one empty page, ended with the block."""
    (their_end, ours), (our_end, theirs) = os.pipe(), os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (their_end, theirs)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = (sys.executable, "-c", _START, *map(str, high), program, *_OPTIONS, f"--user-data-dir={home}")
        process = await asyncio.create_subprocess_exec(
            *command, pass_fds=high, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        for end in (their_end, theirs, *high):
            os.close(end)
        reader = asyncio.StreamReader(limit=LARGEST_MESSAGE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(our_end, "rb")
        )
        tab = Tab(reader, ours)
        listening = asyncio.create_task(tab.listen())
        try:
            await tab.open()
            yield tab
        finally:
            os.close(ours)
            process.kill()
            await process.wait()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            transport.close()
