"""Tests are found at the first guess: the unit tests mirror the packages, and names are short."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

Files = Mapping[str, tuple[str, ast.Module]]

LONGEST_NAME = 60
PACKAGES = {
    "common": "libs/common/src/common",
    "tiktok": "libs/tiktok/src/tiktok",
    "auth": "services/auth/src/auth_service",
    "uploader": "services/uploader/src/uploader_service",
    "publisher": "services/publisher/src/publisher_service",
    "analytics": "services/analytics/src/analytics_service",
    "sandbox": "sandbox/src/tiktok_sandbox",
    "stack": "dev/src/stack",
}
"""The folders of `tests/unit` and the packages they mirror."""

ABOUT_NO_MODULE = {
    "tests/unit/sandbox/test_readme.py": "runs the commands of the sandbox's README",
}

TESTED_ELSEWHERE: dict[str, str] = {
    # module: where its behaviour is tested, and why it is not a unit test of that name
    "libs/common/src/common/contract/body.py": "tests/contracts/events/test_samples.py: on every event",
    "libs/common/src/common/contract/codec.py": "tests/contracts/events: on every event, in every version",
    "libs/common/src/common/contract/registry.py": "tests/contracts/events/test_registry.py: against every service",
    "libs/common/src/common/http/openapi.py": "tests/contracts/http: against every route of every edge",
    "libs/common/src/common/streams/log/producer.py": "tests/integration/test_vault_rotation.py: it needs a broker",
    "dev/src/stack/api_keys.py": "tests/e2e/test_api_keys.py: it needs auth",
    "dev/src/stack/demo/scenario.py": "tests/e2e/test_demo.py: it needs the whole stack",
    "dev/src/stack/kafka.py": "tests/integration/test_stack_kafka.py: it starts a broker",
    "dev/src/stack/local.py": "tests/integration/test_stack_local.py: it starts every process",
    "dev/src/stack/mongo.py": "tests/integration/test_projector.py: it starts a server",
    "dev/src/stack/processes.py": "tests/integration/test_stack_processes.py: it starts processes",
    "dev/src/stack/servers.py": "tests/integration/test_stack_media.py: it starts a server",
    "services/analytics/src/analytics_service/read_side/queries.py": (
        "tests/integration/test_projector_read_api.py: it needs MongoDB"
    ),
    "services/analytics/src/analytics_service/wiring.py": "tests/e2e/test_first_steps.py: it connects to Kafka",
    "services/auth/src/auth_service/wiring.py": "tests/e2e/test_first_steps.py: it connects to Kafka",
    "services/publisher/src/publisher_service/wiring.py": "tests/e2e/test_first_steps.py: it connects to Kafka",
    "dev/src/stack/tied_process.py": "tests/integration/test_stack_processes.py: it becomes another process",
}

BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match, ast.comprehension)
LAYERS = ("unit", "contracts", "integration", "e2e", "simulation", "soak", "conformance", "architecture")


def long_names(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.startswith("test_")
            and len(node.name) > LONGEST_NAME
        ):
            yield f"{name}:{node.lineno} {node.name} has {len(node.name)} characters"


def has_logic(tree: ast.Module) -> bool:
    """Whether any function of a module takes a branch."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(isinstance(inner, BRANCHES) for function in functions for inner in ast.walk(function))


def modules_for(test: str, modules: Iterable[str]) -> list[str]:
    """The modules that a test file may be about by its name: `test_a_b.py` is about `a_b.py` or `a.py`."""
    path = PurePosixPath(test)
    _, _, package, *folders = path.parent.parts
    folder = PurePosixPath(PACKAGES.get(package, package), *folders)
    subject = path.stem.removeprefix("test_")
    return [
        module
        for module in modules
        for stem in (PurePosixPath(module).stem.strip("_"),)
        if PurePosixPath(module).parent == folder and (subject == stem or subject.startswith(f"{stem}_"))
    ]


def files_of_tests(files: Files, folder: str) -> Iterator[str]:
    return (name for name in files if name.startswith(f"{folder}/") and PurePosixPath(name).name.startswith("test_"))


def test_test_names_are_short(tests: Files) -> None:
    found = [each for name, (_, tree) in tests.items() for each in long_names(name, tree)]
    assert found == []


def test_unit_tests_mirror_modules(sources: Files, tests: Files) -> None:
    """A unit test's file is named by a module, and lies where that module lies in its package."""
    lost = [
        name
        for name in files_of_tests(tests, "tests/unit")
        if name not in ABOUT_NO_MODULE and not modules_for(name, sources)
    ]
    assert lost == []


def test_modules_with_logic_have_unit_tests(sources: Files, tests: Files) -> None:
    tested = {module for name in files_of_tests(tests, "tests/unit") for module in modules_for(name, sources)}
    untested = [
        module
        for package in PACKAGES.values()
        for module, (_, tree) in sources.items()
        if module.startswith(f"{package}/") and has_logic(tree) and module not in tested | TESTED_ELSEWHERE.keys()
    ]
    assert untested == []


def test_exceptions_are_needed(sources: Files, tests: Files) -> None:
    tested = {module for name in files_of_tests(tests, "tests/unit") for module in modules_for(name, sources)}
    assert [module for module in TESTED_ELSEWHERE if module not in sources or module in tested] == []


def test_helpers_are_shared_in_three_folders(tests: Files) -> None:
    """A layer of tests imports from itself and from the shared folders alone; those import no tests."""
    crossing = [
        f"{name}:{node.lineno} {node.module}"
        for name, (_, tree) in tests.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for layer in (node.module.partition(".")[0],)
        if layer in LAYERS and not name.startswith(f"tests/{layer}/")
    ]
    assert crossing == []


def test_builders_run_nothing(tests: Files) -> None:
    """Builders make values; what runs them is in the harness, and imports them."""
    crossing = [
        f"{name}:{node.lineno} {node.module}"
        for name, (_, tree) in tests.items()
        if name.startswith("tests/builders/")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("fakes.", "harness"))
    ]
    assert crossing == []


def test_long_name_is_found() -> None:
    code = f"def test_{'a' * 56}(): ...\nasync def test_{'a' * 55}(): ..."
    assert [each.partition(" ")[0] for each in long_names("f.py", ast.parse(code))] == ["f.py:1"]


def test_branch_is_logic() -> None:
    assert has_logic(ast.parse("def f(a):\n return 1 if a else 2"))
    assert not has_logic(ast.parse("def f(a):\n return a.b(2)\nif True:\n c = 1"))


def test_test_file_names_its_module() -> None:
    modules = [f"services/auth/src/auth_service/{name}.py" for name in ("decisions", "oauth/consent", "plans")]
    assert modules_for("tests/unit/auth/test_decisions_profile.py", modules) == modules[:1]
    assert modules_for("tests/unit/auth/oauth/test_consent.py", modules) == modules[1:2]
    assert modules_for("tests/unit/auth/test_planning.py", modules) == []
