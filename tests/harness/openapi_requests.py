"""The routes of an OpenAPI document, and requests with every field of a route filled in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

KEY, OPERATOR, TIKTOK = "ApiKey", "BootstrapSecret", "TikTokSignature"

ValueOf = Callable[[str], Any]
"""Gives the value of a field by its name; raises `KeyError` for an unknown one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. `schemas` are the document's, for what its body refers to."""

    service: str
    method: str
    path: str
    described: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """What an API key needs here; None where none is asked for."""
        return next((tuple(each[KEY]) for each in self._security() if KEY in each), None)

    @property
    def asks_for(self) -> frozenset[str]:
        """The kinds of secrets that open it; none where it is open."""
        return frozenset(kind for each in self._security() for kind in each)

    def _security(self) -> list[dict[str, list[str]]]:
        security: list[dict[str, list[str]]] = self.described.get("security", [])
        return security


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A request for an operation, with all its fields."""

    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


def operations(service: str, document: Mapping[str, Any]) -> Iterator[Operation]:
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield Operation(service=service, method=method.upper(), path=path, described=described, schemas=schemas)


def fill(operation: Operation, value_of: ValueOf, *, optional: bool = True) -> Filled:
    """Fill in a request: with every field there is, or only with those that it needs."""
    path = operation.path
    places: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
    for parameter in operation.described.get("parameters", []):
        name, place = parameter["name"], parameter["in"]
        if not (optional or parameter.get("required")):
            continue
        places[place][name] = _value(value_of, f"{operation.name} {name}", name)
    for name, value in places["path"].items():
        path = path.replace(f"{{{name}}}", str(value))
    body = _body(operation, value_of, optional=optional)
    return Filled(path=path, query=places["query"], headers=places["header"], body=body)


def _body(operation: Operation, value_of: ValueOf, *, optional: bool) -> Any:
    if (body := operation.described.get("requestBody")) is None:
        return None
    assert list(body["content"]) == ["application/json"], f"{operation.name}: no test fills {list(body['content'])}"
    return _object(operation, body["content"]["application/json"]["schema"], value_of, optional=optional)


def _object(operation: Operation, schema: Mapping[str, Any], value_of: ValueOf, *, optional: bool) -> dict[str, Any]:
    kind = schema.get("$ref", "").rpartition("/")[2]
    known = operation.schemas[kind] if kind else schema
    return {
        name: _object(operation, inner, value_of, optional=optional)
        if _is_object(operation, inner)
        else _value(value_of, f"{kind or operation.name}.{name}", name)
        for name, inner in known["properties"].items()
        if optional or name in known.get("required", ())
    }


def _is_object(operation: Operation, schema: Mapping[str, Any]) -> bool:
    name = schema.get("$ref", "").rpartition("/")[2]
    return bool(name) and "properties" in operation.schemas[name]


def _value(value_of: ValueOf, special: str, name: str) -> Any:
    try:
        return value_of(special)
    except KeyError:
        return value_of(name)
