"""Kafka's jars are used only if they are the locked ones."""

import hashlib
import os
from pathlib import Path

import pytest

from stack.jars import Jar, cache_folder, classpath, locked_jars


def cached(folder: Path, name: str, content: bytes) -> Jar:
    jar = Jar(group="org.example", artifact=name, version="1", sha256=hashlib.sha256(content).hexdigest())
    (folder / "jars").mkdir(exist_ok=True)
    (folder / "jars" / jar.filename).write_bytes(content)
    return jar


def test_classpath_of_cached_jars_fetches_nothing(tmp_path: Path) -> None:
    jars = [cached(tmp_path, name, name.encode()) for name in ("first", "second")]
    paths = classpath(jars, cache=tmp_path).split(os.pathsep)
    assert [Path(path).name for path in paths] == ["first-1.jar", "second-1.jar"]


def test_locked_jars_name_kafka_with_its_checksum() -> None:
    jars = {jar.artifact: jar for jar in locked_jars()}
    assert "kafka_2.13" in jars
    assert all(len(jar.sha256) == 64 for jar in jars.values())


@pytest.mark.parametrize(
    ("variable", "folder"),
    [("POSTBUS_CACHE", "/somewhere"), ("XDG_CACHE_HOME", "/somewhere/postbus")],
)
def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str, folder: str) -> None:
    for name in ("POSTBUS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/somewhere")
    assert cache_folder() == Path(folder)
