"""The stack on one machine: starts, keeps and stops every process."""

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
from stack import mongo as mongos
from stack.api_keys import SCOPES, Operator
from stack.errors import Unsupported
from stack.infrastructure import choose_kafka, choose_mongo
from stack.kafka import wait_for_cluster
from stack.options import Options
from stack.polling import run_in_own_loop
from stack.ports import pick_port
from stack.services import ServiceEnvironment, ServiceProcess

API_KEY_FILE = "api-key"
MEDIA_FOLDER = "media"
USUAL_PORTS = {
    "kafka": kafkas.USUAL_PORT,
    "controller": kafkas.USUAL_CONTROLLER_PORT,
    "mongodb": mongos.USUAL_PORT,
    "sandbox": servers.USUAL_SANDBOX_PORT,
    "media": servers.USUAL_MEDIA_PORT,
    **services.USUAL_PORTS,
}


class Stack:
    """Every process of one stack, with everything that they keep in one folder.

    A context manager, plain or asynchronous. Started again in the same folder, it has its data and keys again, and
    its ports if they are free. No child outlives the process that started it.
    """

    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.folder = folder.absolute()
        self._options = options or Options()
        self._folder_lock = contextlib.ExitStack()
        self._workers: dict[str, ServiceProcess] = {}
        self._api_keys: dict[tuple[str, tuple[str, ...]], str] = {}
        self._api_keys_lock = threading.Lock()
        self.media_dir = self.folder / MEDIA_FOLDER
        self.ports: dict[str, int] = {}

    @property
    def bootstrap_servers(self) -> str:
        """The addresses that Kafka clients connect to first."""
        return self._kafka.bootstrap_servers

    @property
    def mongodb_url(self) -> str:
        """The address that MongoDB clients connect to."""
        return self._mongo.url

    @property
    def sandbox_url(self) -> str:
        """The address of TikTok's stand-in; its certificate is signed by `ca_file`."""
        return self.sandbox.url

    @property
    def media_url(self) -> str:
        """The address that serves `media_dir`; its certificate is signed by `ca_file`."""
        return self.media.url

    @property
    def ca_file(self) -> Path:
        """The authority that clients of the sandbox and the media server have to trust."""
        return self._certificates.ca

    @property
    def urls(self) -> dict[str, str]:
        """The address of each service's HTTP port."""
        return {name: self.service(name).url for name in self._options.services}

    @property
    def api_key_file(self) -> Path:
        """The file with the API key of the first tenant."""
        return self.folder / API_KEY_FILE

    @property
    def keys(self) -> keys.Keys:
        """Every secret of this stack."""
        return self._keys

    @property
    def bootstrap_secret(self) -> str:
        """The operators' secret for auth's admin API."""
        return self._keys.bootstrap

    def api_key(self, tenant: str, scopes: tuple[str, ...] = SCOPES) -> str:
        """Return an API key of the tenant with these scopes.

        It is created at the first call and stays the same while the stack runs.
        """
        with self._api_keys_lock:
            if (tenant, scopes) not in self._api_keys:
                self._api_keys[tenant, scopes] = self._operator.create_key(tenant, scopes)
            return self._api_keys[tenant, scopes]

    def service(self, name: str) -> ServiceProcess:
        """Return the process of a service by its name, or an extra one by its instance."""
        return self._workers[name if name in self._workers else f"{name}-0"]

    def start(self) -> None:
        """Start every process; return once all are ready. If one fails, all are stopped."""
        try:
            # Before anything else: two stacks would corrupt each other's data.
            self._folder_lock.enter_context(state.locked(self.folder))
            self._build()
            # `down` finds the process here, even of a stack that is still starting.
            self._write_state(ready=False)
            self._run_all([self._kafka.start, self._mongo.start, *map(_start_and_wait, (self.sandbox, self.media))])
            # Services refuse to start without their topics.
            self._ensure_topics()
            self._run_all([_start_and_wait(self._add(name, f"{name}-0")) for name in self._options.services])
            if self._options.tenant:
                self._operator.write_key(self.api_key_file, self._options.tenant)
                self._api_keys[self._options.tenant, SCOPES] = self.api_key_file.read_text().strip()
            self._write_state(ready=True)
        except BaseException:
            self.stop()
            raise

    def start_extra(self, service: str, *, instance: str) -> ServiceProcess:
        """Start one more process of a service; return once it is ready.

        `instance` is its membership id, and its name for `service`.
        """
        worker = self._add(service, instance)
        _start_and_wait(worker)()
        return worker

    def stop(self) -> None:
        """Stop the services, all at once, then the servers they use. May be repeated."""
        self._stop_processes()
        self._folder_lock.close()

    def _build(self) -> None:
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
        # The ports of the last start win over the usual ones: clients and registered redirects know them.
        last = state.read(self.folder)
        preferred = {**(USUAL_PORTS if self._options.usual_ports else {}), **(last.ports if last else {})}
        for name in USUAL_PORTS:
            self.ports[name] = pick_port(preferred.get(name), avoid=set(self.ports.values()))

    def _service_environment(self) -> ServiceEnvironment:
        return ServiceEnvironment(
            bootstrap_servers=self.bootstrap_servers,
            mongodb_url=self.mongodb_url,
            sandbox_url=self.sandbox_url,
            media_url=self.media_url,
            ca_file=self.ca_file,
            auth_port=self.ports["auth"],
            partitions=self._options.partitions,
            replication_factor=self._options.replication_factor,
            keys=self._keys,
            overrides=self._options.environment,
        )

    @property
    def _operator(self) -> Operator:
        return Operator(self.urls, self._keys.bootstrap)

    def _add(self, service: str, instance: str) -> ServiceProcess:
        # Only the first process of a service has the known port. Extra ones are reached through `service(instance)`.
        first = instance == f"{service}-0"
        self._workers[instance] = ServiceProcess(
            service,
            instance=instance,
            port=self.ports[service] if first else pick_port(avoid=set(self.ports.values())),
            environment=self._service_environment(),
            log=self.folder / "logs" / f"{service if first else instance}.log",
        )
        return self._workers[instance]

    def _ensure_topics(self) -> None:
        partitions, copies = self._options.partitions, self._options.replication_factor
        wait_for_cluster(self.bootstrap_servers)
        try:
            run_in_own_loop(
                lambda: ensure_topics(self.bootstrap_servers, partitions=partitions, replication_factor=copies)
            )
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

    def _run_all(self, starts: Sequence[Callable[[], None]]) -> None:
        with ThreadPoolExecutor(max_workers=len(starts) or 1) as pool:
            try:
                for started in as_completed([pool.submit(start) for start in starts]):
                    started.result()
            except BaseException:
                # The pool waits for the other starts. Each of them gives up once its process is stopped.
                self._stop_processes()
                raise

    def _stop_processes(self) -> None:
        for worker in self._workers.values():
            worker.request_stop()
        for worker in self._workers.values():
            worker.stop()
        # Some are missing if the start failed early.
        for server in ("sandbox", "media", "_mongo", "_kafka"):
            if hasattr(self, server):
                getattr(self, server).stop()

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


def _start_and_wait(process: servers.Server | ServiceProcess) -> Callable[[], None]:
    def start() -> None:
        process.start()
        process.wait_ready()

    return start
