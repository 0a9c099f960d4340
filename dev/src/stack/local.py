"""The stack on one machine: starts every part in order, keeps it running, and takes it down again."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import TracebackType
from typing import Self

from common.streams.log.topics import WrongTopics, ensure_topics
from stack import kafka as kafkas
from stack import keys, servers, services, state, tls
from stack import store as stores
from stack.api_keys import SCOPES, Operator
from stack.errors import Unsupported
from stack.kafka import wait_for_cluster
from stack.options import Options
from stack.parts import choose_kafka, choose_mongo
from stack.ports import pick
from stack.services import ServiceProcess, Surroundings
from stack.waiting import apart

API_KEY_FILE = "api-key"
USUAL_PORTS = {
    "kafka": kafkas.USUAL_PORT,
    "controller": kafkas.USUAL_CONTROLLER_PORT,
    "store": stores.USUAL_PORT,
    "sandbox": servers.USUAL_SANDBOX_PORT,
    "media": servers.USUAL_MEDIA_PORT,
    **services.USUAL_PORTS,
}


class Stack:
    """Kafka, the store, the sandbox, the media server and the services, all of one folder.

    A context manager, plain or asynchronous. Starting it again in the same folder finds its data, keys and, while
    they are free, its ports again. Nothing it started outlives the process that started it.
    """

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.folder = folder.absolute()
        self._options = options or Options()
        self._held = contextlib.ExitStack()
        self._workers: dict[str, ServiceProcess] = {}
        self._api_keys: dict[tuple[str, tuple[str, ...]], str] = {}
        self._issuing = threading.Lock()
        self.media_dir = self.folder / "media"
        self.ports: dict[str, int] = {}

    @property
    def bootstrap_servers(self) -> str:
        """Where Kafka's clients connect first."""
        return self._kafka.bootstrap_servers

    @property
    def mongodb_url(self) -> str:
        """Where the store is."""
        return self._mongo.url

    @property
    def sandbox_url(self) -> str:
        """Where the stand-in TikTok is; its certificate is signed by `ca_file`."""
        return self.sandbox.url

    @property
    def media_url(self) -> str:
        """Where the files of `media_dir` are served; its certificate is signed by `ca_file`."""
        return self.media.url

    @property
    def ca_file(self) -> Path:
        """The authority that clients of the sandbox and the media server must trust."""
        return self._certificates.ca

    @property
    def urls(self) -> dict[str, str]:
        """Where each service's HTTP edge is."""
        return {name: self.service(name).url for name in self._options.services}

    @property
    def api_key_file(self) -> Path:
        """Where the API key of the tenant to begin with is kept."""
        return self.folder / API_KEY_FILE

    @property
    def keys(self) -> keys.Keys:
        """What is secret in this stack."""
        return self._keys

    @property
    def bootstrap_secret(self) -> str:
        """What opens auth's admin API."""
        return self._keys.bootstrap

    def api_key(self, tenant: str, scopes: tuple[str, ...] = SCOPES) -> str:
        """Return an API key of the tenant's with these scopes, always the same while the stack runs."""
        with self._issuing:
            if (tenant, scopes) not in self._api_keys:
                self._api_keys[tenant, scopes] = self._operator.issue(tenant, scopes)
            return self._api_keys[tenant, scopes]

    def service(self, name: str) -> ServiceProcess:
        """Return the worker of a service, or one of its further workers by the instance it was given."""
        return self._workers[name if name in self._workers else f"{name}-0"]

    def start(self) -> None:
        """Start everything; return once every part says that it is ready. On failure nothing stays behind."""
        try:
            self._held.enter_context(state.claimed(self.folder))
            self._describe()
            self._write_state(ready=False)
            self._together([self._kafka.start, self._mongo.start, *map(_started, (self.sandbox, self.media))])
            self._ensure_topics()
            self._together([_started(self._add(name, f"{name}-0")) for name in self._options.services])
            if self._options.tenant:
                self._operator.keep(self.api_key_file, self._options.tenant)
                self._api_keys[self._options.tenant, SCOPES] = self.api_key_file.read_text().strip()
            self._write_state(ready=True)
        except BaseException:
            self.stop()
            raise

    def start_extra(self, service: str, *, instance: str) -> ServiceProcess:
        """Start one more worker of a service under its own membership id; return once it is ready."""
        worker = self._add(service, instance)
        _started(worker)()
        return worker

    def stop(self) -> None:
        """Stop the services first, all at once, then what they rest on. May be repeated."""
        self._end_all()
        self._held.close()

    def _describe(self) -> None:
        self._pick_ports()
        logs = self.folder / "logs"
        self._keys = keys.load(self.folder / "keys")
        self._certificates = tls.certificates(self.folder / "tls")
        self._kafka = choose_kafka(self._options, self.folder, self.ports)
        self._mongo = choose_mongo(self._options, self.folder, self.ports)
        self.sandbox = servers.sandbox(
            self.folder / "sandbox",
            port=self.ports["sandbox"],
            certificates=self._certificates,
            client_secret=self._keys.client_secret,
            webhook_url=services.webhook_url(self.ports["publisher"]) if "publisher" in self._options.services else "",
            log=logs / "sandbox.log",
            options=self._options.sandbox,
        )
        self.media = servers.media(
            self.media_dir,
            port=self.ports["media"],
            certificates=self._certificates,
            log=logs / "media.log",
            options=self._options.media,
        )

    def _pick_ports(self) -> None:
        last = state.read(self.folder)
        wanted = {**(USUAL_PORTS if self._options.usual_ports else {}), **(last.ports if last else {})}
        for name in USUAL_PORTS:
            self.ports[name] = pick(wanted.get(name), avoid=set(self.ports.values()))

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            bootstrap_servers=self.bootstrap_servers,
            mongodb_url=self.mongodb_url,
            sandbox_url=self.sandbox_url,
            media_url=self.media_url,
            ca_file=self.ca_file,
            auth_port=self.ports["auth"],
            partitions=self._options.partitions,
            replication_factor=self._options.replication_factor,
            keys=self._keys,
            further=self._options.environment,
        )

    @property
    def _operator(self) -> Operator:
        return Operator(self.urls, self._keys.bootstrap)

    def _add(self, service: str, instance: str) -> ServiceProcess:
        first = instance == f"{service}-0"
        self._workers[instance] = ServiceProcess(
            service,
            instance=instance,
            port=self.ports[service] if first else pick(avoid=set(self.ports.values())),
            surroundings=self._surroundings(),
            log=self.folder / "logs" / f"{service if first else instance}.log",
        )
        return self._workers[instance]

    def _ensure_topics(self) -> None:
        partitions, copies = self._options.partitions, self._options.replication_factor
        wait_for_cluster(self.bootstrap_servers)
        try:
            apart(lambda: ensure_topics(self.bootstrap_servers, partitions=partitions, replication_factor=copies))
        except WrongTopics as wrong:
            raise Unsupported(what=f"POSTBUS_PARTITIONS={partitions}", why=str(wrong)) from wrong

    def _write_state(self, *, ready: bool) -> None:
        addresses = {
            "kafka": self.bootstrap_servers,
            "mongodb": self.mongodb_url,
            "sandbox": self.sandbox_url,
            "media": self.media_url,
            **{name.removesuffix("-0"): worker.url for name, worker in self._workers.items()},
        }
        now = state.State(
            pid=os.getpid(), ready=ready, ports=self.ports, addresses=addresses, ca_file=str(self.ca_file)
        )
        state.write(self.folder, now)

    def _together(self, works: Sequence[Callable[[], None]]) -> None:
        with ThreadPoolExecutor(max_workers=len(works) or 1) as pool:
            try:
                for started in as_completed([pool.submit(work) for work in works]):
                    started.result()
            except BaseException:
                # Whoever still waits for a part to become ready gives up once the part is gone.
                self._end_all()
                raise

    def _end_all(self) -> None:
        for worker in self._workers.values():
            worker.begin_stop()
        for worker in self._workers.values():
            worker.stop()
        for part in ("sandbox", "media", "_mongo", "_kafka"):
            if hasattr(self, part):
                getattr(self, part).stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)


def _started(part: servers.Server | ServiceProcess) -> Callable[[], None]:
    def start() -> None:
        part.start()
        part.wait_ready()

    return start
