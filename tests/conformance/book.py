"""The book of cases: each belongs to a section of docs/tiktok-api.md and says in a sentence what must hold."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from conformance import cases
from conformance.stage import Stage

Act = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rule of the API, and the calls that show it."""

    section: str
    name: str
    act: Act = field(repr=False)
    given: Mapping[str, object] = field(default_factory=dict)

    def run(self, stage: Stage) -> None:
        """Raise an AssertionError if the rule does not hold."""
        self.act(stage, **self.given)

    @property
    def text(self) -> str:
        """Everything it says and does, for whoever looks up where a code is dealt with."""
        return f"{self.name} {dict(self.given)} {inspect.getsource(self.act)}"


_BOOK: list[Case] = []


def case(
    section: str, name: str, **choices: Sequence[object] | Mapping[str, object]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Enter a function as a case; with choices, as one case for each, named `{choice}` in the sentence.

    A choice is a value, or a label and its value.
    """

    def enter(act: Act) -> Act:
        if not choices:
            _BOOK.append(Case(section=section, name=name, act=act))
        for parameter, values in choices.items():
            pairs = values.items() if isinstance(values, Mapping) else ((str(value), value) for value in values)
            for label, value in pairs:
                said = name.replace(f"{{{parameter}}}", label)
                _BOOK.append(Case(section=section, name=said, act=act, given={parameter: value}))
        return act

    return enter


def all_cases() -> tuple[Case, ...]:
    """Every case of every module, by section."""
    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module(f"{cases.__name__}.{module.name}")
    names = [(each.section, each.name) for each in _BOOK]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"two cases of one name: {twice}"
        raise ValueError(message)
    return tuple(sorted(_BOOK, key=lambda each: by_number(each.section)))


def by_number(section: str) -> tuple[int, ...]:
    """`2.10` comes after `2.9`."""
    return tuple(int(part) for part in section.split("."))
