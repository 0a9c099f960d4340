"""An auth worker in memory that carries out each command at once."""

from collections.abc import Callable
from datetime import datetime

from auth_service import facts, states
from auth_service.effect_handler import AuthEffectHandler
from auth_service.processor import AuthProcessor
from auth_service.tokens.token_pairs import Recipients
from common.contract.account import ConnectRequested
from common.contract.body import Body
from common.contract.codec import Envelope
from common.errors import NotDurable
from common.security.sealing import Vault
from common.streams import Background, Due, StateKey, Wait
from fakes.views import EmptyViews, FakeView

VAULT = Vault({"one": b"1" * 32})


class InstantWorker:
    """What the worker does of a command, at once: its own machine and effects, without a log between."""

    def __init__(self, effects: AuthEffectHandler, recipients: Recipients, clock: Callable[[], datetime]) -> None:
        self._machine = AuthProcessor(recipients.fingerprint)
        self._effects = effects
        self._clock = clock
        self.states: dict[StateKey, states.State] = {}
        self.views: dict[str, FakeView] = {}
        self.published: list[Body] = []
        self.written: list[Body] = []
        self.log_available = True
        self.running = True

    async def write(self, command: Body) -> None:
        """Take a command, and carry out what it leads to."""
        if not self.log_available:
            raise NotDurable(about=command.key)
        self.written.append(command)
        envelope = Envelope(id="1", source="test", time=None, traceparent=None, body=command)
        addressed = self._machine.translate(envelope)
        if addressed is None or not self.running:
            return
        await self._go_on(addressed.key, addressed.fact)

    async def on_due(self, account_id: str) -> None:
        """Let the time come that the account waits for, if it has; carry out what it then wants."""
        await self._go_on(StateKey(account_id), Due())

    async def _go_on(self, key: StateKey, fact: facts.AnyFact | Due) -> None:
        while True:
            decision = self._machine.decide(key, self.states.get(key), fact, self._clock())
            if decision.state is not None:
                self.states[key] = decision.state
            for event in decision.events:
                self._tell(event)
            state = decision.state
            wanted = None if state is None else self._machine.next_effect(key, state, self._clock())
            if wanted is None or isinstance(wanted, Wait):
                return
            effect = wanted.effect if isinstance(wanted, Background) else wanted
            fact = await self._effects.perform(key, effect, EmptyViews())

    def _tell(self, event: Body) -> None:
        self.published.append(event)
        if event.topic.compacted:
            self.views.setdefault(event.topic.name, FakeView()).bodies[event.key] = event

    @property
    def connects(self) -> list[ConnectRequested]:
        return [command for command in self.written if isinstance(command, ConnectRequested)]
