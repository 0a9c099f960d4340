"""Logs and metrics are a catalogue: constant names, no ids as labels, and metrics declared in one place."""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

Files = Mapping[str, tuple[str, ast.Module]]

LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
LOGGERS = {"log", "logger", "_log", "_logger"}
METRICS = {"Counter", "Gauge", "Histogram", "Summary"}
UNBOUNDED = {"account_id", "post_id", "tenant", "publish_id", "open_id", "url", "key", "message", "attempt"}
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
KNOWS_NO_STRUCTLOG = ("sandbox/", "dev/")


def log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            logger, _, method = ast.unparse(node.func).removeprefix("self.").rpartition(".")
            if logger in LOGGERS and method in LOG_METHODS:
                yield node


def loose_events(tree: ast.Module) -> Iterator[int]:
    """Lines that log something else than one constant snake_case name with fields."""
    for call in log_calls(tree):
        match call.args:
            case [ast.Constant(value=str(event))] if SNAKE_CASE.fullmatch(event):
                pass
            case _:
                yield call.lineno


def metric_calls(tree: ast.Module) -> Iterator[ast.Call]:
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in METRICS & imported:
            yield node


def test_log_events_are_constant_snake_case_names(sources: Files) -> None:
    loose = [
        f"{name}:{line}"
        for name, (_, tree) in sources.items()
        if not name.startswith(KNOWS_NO_STRUCTLOG)
        for line in loose_events(tree)
    ]
    assert loose == []


def test_metrics_are_declared_in_metrics_modules(sources: Files) -> None:
    elsewhere = [
        f"{name}:{call.lineno}"
        for name, (_, tree) in sources.items()
        if not name.endswith("metrics.py")
        for call in metric_calls(tree)
    ]
    assert elsewhere == []


def test_metric_has_a_description_and_no_id_label(sources: Files) -> None:
    faults = []
    for name, (_, tree) in sources.items():
        for call in metric_calls(tree):
            words = {node.value for node in ast.walk(call) if isinstance(node, ast.Constant)}
            documentation = ast.literal_eval(call.args[1]) if len(call.args) > 1 else ""
            if words & UNBOUNDED or not documentation.endswith("."):
                faults.append(f"{name}:{call.lineno}")
    assert faults == []


@pytest.mark.parametrize("call", ['f"post {id}"', '"Post accepted"', '"post_%s", id', "name", ""])
def test_variable_event_name_is_found(call: str) -> None:
    assert list(loose_events(ast.parse(f"log.info({call})"))) == [1]


def test_constant_event_name_is_allowed() -> None:
    assert list(loose_events(ast.parse('self._log.info("post_accepted", post_id=id)'))) == []
