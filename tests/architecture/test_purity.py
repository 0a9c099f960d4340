"""Deciding modules are pure: they never await, log, read a clock or use random numbers, and load no client."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

Files = Mapping[str, tuple[str, ast.Module]]

SERVICES = ("auth", "uploader", "publisher", "analytics")
PURE = (
    *("states", "decisions", "transitions", "plans", "admission"),
    *("lanes", "post", "video"),
    *("decisions_disconnect", "tenants/states", "tenants/decisions"),
)
CLIENTS = (
    "httpx",
    "aiokafka",
    "pymongo",
    "fastapi",
    "starlette",
    "uvicorn",
    "requests",
    "structlog",
    "logging",
    "socket",
)
IMPURE = {
    *CLIENTS,
    *("asyncio", "concurrent", "http", "io", "os", "pathlib", "random", "secrets", "ssl", "subprocess", "threading"),
    *("prometheus_client", "pydantic", "pydantic_settings", "time", "urllib.request"),
    *(
        "common.http.app",
        "common.service.logs",
        "common.security.sealing",
        "common.service.settings",
        "common.streams.log.kafka",
    ),
    *("tiktok.client", "tiktok.uploads"),
}
IMPURE_CALLS = {"now", "utcnow", "today", "system_clock", "uuid1", "uuid4", "print", "open", "input"}


def package_of(service: str) -> str:
    return f"services/{service}/src/{service}_service"


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, also as `from package import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def pure_modules(sources: Files, service: str) -> list[str]:
    """The modules that have to be pure, and the modules of their own package that they import."""
    package = package_of(service)
    waiting = [f"{package}/{name}.py" for name in PURE if f"{package}/{name}.py" in sources]
    found: list[str] = []
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.append(name)
        own = (module.removeprefix(f"{service}_service.").replace(".", "/") for module in imports(sources[name][1]))
        waiting += [path for module in own if (path := f"{package}/{module}.py") in sources]
    return sorted(found)


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def impurities(tree: ast.Module) -> Iterator[str]:
    for module in set(imports(tree)):
        if any(module == impure or module.startswith(f"{impure}.") for impure in IMPURE):
            yield f"imports {module}"
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"line {node.lineno} is asynchronous"
        elif isinstance(node, ast.Call) and called(node) in IMPURE_CALLS:
            yield f"line {node.lineno} calls {called(node)}()"
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield f"line {node.lineno} keeps something beside its state"


@pytest.mark.parametrize("service", SERVICES)
def test_deciding_modules_are_pure(sources: Files, service: str) -> None:
    modules = pure_modules(sources, service)
    assert f"{package_of(service)}/decisions.py" in modules
    assert [f"{name} {fault}" for name in modules for fault in impurities(sources[name][1])] == []


@pytest.mark.parametrize("service", SERVICES)
def test_deciding_modules_load_no_client(sources: Files, service: str) -> None:
    names = [f"{service}_service.{Path(name).stem}" for name in pure_modules(sources, service)]
    script = f"import sys, {', '.join(names)}; print(*set(sys.modules) & set({CLIENTS[:-2]!r}))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (ran.stdout.split(), ran.stderr) == ([], "")


def test_contract_and_streams_load_no_web_framework() -> None:
    names = "codec, registry"
    script = (
        f"import sys; from common.contract import {names}; from common.security import sealing; "
        "from common.service import tracing, logs, settings; "
        "from common.streams import api; from common.streams.log import port; "
        "print(*set(sys.modules) & {'fastapi', 'starlette', 'uvicorn', 'aiokafka'})"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (ran.stdout.split(), ran.stderr) == ([], "")


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import httpx", "imports httpx"),
        ("from common.streams.log import kafka", "imports common.streams.log.kafka"),
        ("from tiktok.client import TikTok", "imports tiktok.client"),
        ("async def decide(): ...", "line 1 is asynchronous"),
        ("at = datetime.now(UTC)", "line 1 calls now()"),
        ("id = uuid4()", "line 1 calls uuid4()"),
    ],
)
def test_impure_code_is_found(code: str, fault: str) -> None:
    assert fault in list(impurities(ast.parse(code)))


def test_pure_code_is_allowed() -> None:
    code = (
        "from datetime import datetime\nfrom tiktok.errors import Remedy\ndef decide(now: datetime) -> None: later(now)"
    )
    assert list(impurities(ast.parse(code))) == []
