"""Runs the roles of a process: joins Kafka, serves HTTP, and stops all of them together."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, TypeVar

from fastapi import APIRouter, FastAPI

from common.contract.body import Body
from common.contract.topics import Topic
from common.errors import NotDurable
from common.http.app import create_app, serve
from common.service.settings import KafkaSettings, ServiceSettings, read
from common.streams import EffectHandler, Log, LogUnavailable, Processor
from common.streams.log.kafka import KafkaLog
from common.streams.log.membership import GroupMembership, join_group
from common.streams.log.producer import EventProducer
from common.streams.log.topics import check_topics
from common.streams.runtime import WholeView, Worker, run_worker

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

Run = Callable[[asyncio.Event], Coroutine[None, None, None]]
"""Runs until the event is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRole:
    """A role that was built: what it runs, whether it is ready, and what it adds to the HTTP app.

    `not_ready` is the reason that `/readyz` gives while `ready` is false.
    """

    runs: Sequence[Run]
    ready: Callable[[], bool]
    not_ready: str
    extend: Callable[[FastAPI], None] = lambda _app: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The Kafka cluster that all roles of a process share. Its topics were checked."""

    settings: KafkaSettings
    service: str

    def log(self, group: str | None = None) -> KafkaLog:
        """Return the log; offsets are committed to `group`, by default the service's name."""
        return KafkaLog(
            bootstrap_servers=self.settings.bootstrap_servers,
            partitions=self.settings.partitions,
            group=group or self.service,
        )

    def view(self, topic: Topic) -> WholeView:
        """Return a view of a whole compacted topic. It is empty until its `follow` runs."""
        return WholeView(self.log(), topic, partitions=self.settings.partitions)

    async def producer(self, opened: AsyncExitStack) -> EventProducer:
        """Open a producer of single events; `opened` closes it."""
        return await opened.enter_async_context(
            EventProducer.open(bootstrap_servers=self.settings.bootstrap_servers, source=self.service)
        )

    async def join(
        self, opened: AsyncExitStack, settings: ServiceSettings, *, topic: Topic, group: str | None = None
    ) -> GroupMembership:
        """Join a consumer group that assigns the partition numbers of `topic`; `opened` leaves it."""
        return await opened.enter_async_context(
            join_group(
                bootstrap_servers=self.settings.bootstrap_servers,
                group=group or self.service,
                topic=topic.name,
                instance=settings.instance,
                session_timeout_ms=settings.session_timeout_ms,
            )
        )


def add_routers(*routers: APIRouter) -> Callable[[FastAPI], None]:
    """Return an `extend` that adds these routers."""

    def extend(app: FastAPI) -> None:
        for router in routers:
            app.include_router(router)

    return extend


class Producer(Protocol):
    """Writes single events, as `EventProducer` does."""

    async def produce(self, body: Body, traceparent: str | None = None) -> None:
        """Return once the event is durable. Raises `LogUnavailable`: it may have been written or not."""


class DurableWriter:
    """Writes single events for an edge, which may answer only once they are durable."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def write(self, body: Body, traceparent: str | None = None) -> None:
        """Return once every in-sync replica has the event.

        Raises `NotDurable` when Kafka did not confirm it: the event may have been written or not.
        """
        try:
            await self._producer.produce(body, traceparent)
        except LogUnavailable as error:
            # The edge knows only this error; that Kafka is the log stays in here.
            raise NotDurable(about=body.subject) from error


async def open_cluster(service: str) -> Cluster:
    """Read Kafka's settings and check the topics.

    A process with another partition count would look for accounts on the wrong partitions, so it must not start.

    Raises:
        SettingsRefused: a setting is missing or wrong; names each variable.
        WrongTopics: Kafka's topics are not what this installation needs.
    """
    settings = read(KafkaSettings)
    await check_topics(settings.bootstrap_servers, partitions=settings.partitions)
    return Cluster(settings=settings, service=service)


async def join_and_run(
    opened: AsyncExitStack,
    cluster: Cluster,
    settings: ServiceSettings,
    *,
    processor: Processor[S, F, E],
    effects: EffectHandler[E, F],
    topic: Topic,
    max_effects: int,
    hand_off: Callable[[Body], Coroutine[None, None, None]] | None = None,
    before: Run | None = None,
) -> RunningRole:
    """Join the service's group and return the worker role, which serves the partitions of `topic`.

    `max_effects` bounds the effects that run at once in this process. `hand_off` writes a result that must not be lost
    with its partition; only a processor whose `hand_off` returns events needs it. `before` runs to its end before the
    first partition opens.
    """
    membership = await cluster.join(opened, settings, topic=topic)
    worker = Worker(membership)
    log: Log = cluster.log()

    async def work(stop: asyncio.Event) -> None:
        if before is not None:
            await before(stop)
        await run_worker(
            processor=processor,
            effects=effects,
            log=log,
            membership=membership,
            hand_off=hand_off,
            max_effects=max_effects,
            stop=stop,
            worker=worker,
        )

    return RunningRole(runs=(work,), ready=lambda: worker.ready, not_ready="not all partitions are open")


async def serve_roles(
    roles: Mapping[str, RunningRole], *, service: str, settings: ServiceSettings, stop: asyncio.Event
) -> None:
    """Run the roles and their HTTP until `stop`. If one of them fails, all of them stop.

    A process that went on with a dead role would look alive and do half of its work.
    """
    app = create_app(service=service, ready=lambda: not_ready(roles))
    for role in roles.values():
        role.extend(app)
    async with asyncio.TaskGroup() as group:
        # A task group, because it cancels the others when one task fails.
        for name, run in ((name, run) for name, role in roles.items() for run in role.runs):
            group.create_task(run(stop), name=name)
        group.create_task(serve(app, host=settings.http_host, port=settings.http_port, stop=stop), name="http")


def not_ready(roles: Mapping[str, RunningRole]) -> Mapping[str, str]:
    """Name the roles that are not ready, each with its reason."""
    return {str(name): role.not_ready for name, role in roles.items() if not role.ready()}
