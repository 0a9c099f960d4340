"""The commands in the README work as written."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Final

import pytest

import tiktok_sandbox
from tiktok_sandbox.model.settings import App, Settings
from tiktok_sandbox.server import Server

README: Final = Path(tiktok_sandbox.__file__).parents[2] / "README.md"


NEEDED: Final = ("sh", "curl", "sed", "sha256sum")


PORT: Final = "http://127.0.0.1:8200"


def _block(title: str) -> str:
    section = README.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}")
async def test_readme_posts_with_curl(tmp_path: Path) -> None:
    async with Server(Settings(app=App(client_secret="local-secret"))) as server:
        script = _block("A post with nothing but curl").replace(PORT, server.url)
        process = await asyncio.create_subprocess_exec(
            "sh", "-eu", "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, env={"PATH": "/usr/bin:/bin"}
        )
        output, _ = await process.communicate()

    status, _, rest = output.decode().partition("\n")
    fetched, ledger = (json.loads(text) for text in rest.replace("}{", "}\n{").splitlines() if text)
    assert (process.returncode, status) == (0, "201")
    assert fetched["data"]["status"] == "PUBLISH_COMPLETE"
    assert ledger["posts"][0]["title"] == "Hello"
