"""What stands between the pure tables and HTTP: the clock, rules that act, and the list of calls."""

from collections import deque
from collections.abc import Awaitable, Callable
from random import Random, SystemRandom
from typing import Final

from sandbox.answers import Answer
from sandbox.clock import Clock
from sandbox.errors import AnswerLost
from sandbox.holds import Holds
from sandbox.identifiers import Identifiers
from sandbox.media import Media
from sandbox.rules import Action, Endpoint, Moment, Subject, answer_of
from sandbox.settings import Settings
from sandbox.world import World

CALLS_REMEMBERED: Final = 10_000


class Shell:
    """One running stand-in."""

    def __init__(
        self, settings: Settings, *, base_url: str, clock: Clock | None = None, random: Random | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.ids = Identifiers(random or SystemRandom())
        self.world = World(settings, self.ids, base_url)
        self.holds = Holds()
        self.calls: deque[dict[str, object]] = deque(maxlen=CALLS_REMEMBERED)
        self.calls_seen = 0
        self.changes = 0
        self.media: Media | None = None
        self.after_change: list[Callable[[], None]] = []
        self.before_end: list[Callable[[], Awaitable[None]]] = []

    def changed(self) -> None:
        """Something in the tables is new: whoever works in the background may have something to do."""
        self.changes += 1
        for look in self.after_change:
            look()

    async def close(self) -> None:
        """Nobody waits or works in the background any more."""
        await self.holds.close()
        for end in self.before_end:
            await end()

    def record(self, endpoint: Endpoint, subject: Subject, status: int, code: str) -> None:
        """Remember a call; never a token, a code or an upload url."""
        self.changes += 1
        self.calls_seen += 1
        self.calls.append(
            {
                "number": self.calls_seen,
                "at": self.clock.now(),
                "endpoint": endpoint.value,
                "open_id": subject.open_id,
                "publish_id": subject.publish_id,
                "status": status,
                "code": code,
            }
        )


async def meddle(
    shell: Shell, endpoint: Endpoint, at: Moment, subject: Subject, span: range = range(0)
) -> Answer | None:
    """Let the rules act on a moment of a call: an answer to give instead, or None to go on.

    Raises:
        AnswerLost: a rule wants the connection cut.
    """
    struck = shell.world.rules.strike(endpoint, at, subject, span)
    if struck is None:
        return None
    await shell.holds.tell()
    match struck.rule.action:
        case Action.HOLD:
            await shell.holds.hold(struck.rule_id)
            return None
        case Action.LOSE_ANSWER:
            shell.record(endpoint, subject, 0, "answer_lost")
            raise AnswerLost
        case Action.STATUS | Action.ERROR:
            return answer_of(struck.rule)


async def carry_out(shell: Shell, endpoint: Endpoint, subject: Subject, act: Callable[[], Answer]) -> Answer:
    """A whole call: rules before it, the call itself, rules after it."""
    answer = await meddle(shell, endpoint, Moment.REQUEST, subject)
    if answer is None:
        answer = act()
        shell.changed()
        answer = await meddle(shell, endpoint, Moment.ANSWER, subject) or answer
    shell.record(endpoint, subject, answer.status, answer.code)
    return answer
