"""Collects the cases: functions that each show one rule of the API."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from conformance import cases
from conformance.scenario import Scenario

CaseFunction = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rule of the API, and the calls that show it."""

    section: str
    name: str
    function: CaseFunction = field(repr=False)
    given: Mapping[str, object] = field(default_factory=dict)

    def run(self, scenario: Scenario) -> None:
        """Raise an AssertionError if the rule does not hold."""
        self.function(scenario, **self.given)

    @property
    def text(self) -> str:
        """Name, parameters and source, in which the coverage page looks for codes."""
        return f"{self.name} {dict(self.given)} {inspect.getsource(self.function)}"


_CASES: list[Case] = []


def case(
    section: str, name: str, **choices: Sequence[object] | Mapping[str, object]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a case.

    With choices it becomes one case for each, named `{choice}` in the name. A choice is a value, or a label and its
    value.
    """

    def register_case(function: CaseFunction) -> CaseFunction:
        if not choices:
            _CASES.append(Case(section=section, name=name, function=function))
        for parameter, values in choices.items():
            pairs = values.items() if isinstance(values, Mapping) else ((str(value), value) for value in values)
            for label, value in pairs:
                title = name.replace(f"{{{parameter}}}", label)
                _CASES.append(Case(section=section, name=title, function=function, given={parameter: value}))
        return function

    return register_case


def all_cases() -> tuple[Case, ...]:
    """Return every case of every module, by section.

    Raises:
        ValueError: two cases have the same name.
    """
    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module(f"{cases.__name__}.{module.name}")
    names = [(each.section, each.name) for each in _CASES]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"two cases of one name: {twice}"
        raise ValueError(message)
    return tuple(sorted(_CASES, key=lambda each: by_number(each.section)))


def by_number(section: str) -> tuple[int, ...]:
    """Return a sort key by which `2.10` comes after `2.9`."""
    return tuple(int(part) for part in section.split("."))
