"""`python -m auth_service rotate-keys`: seals everything in auth's state under the newest vault key.

Workers and edges keep running. The command reads `auth.state` and asks the workers, by commands, to replace each text.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from auth_service import service, states
from auth_service.errors import TokenPairUnreadable
from auth_service.settings import AuthSettings
from auth_service.tokens.rotation import RotationProgress, progress_line, summary
from auth_service.tokens.sealed_items import describe_item, reseal, sealed_text
from common.contract.body import Body
from common.security.sealing import CannotOpen, Vault, key_id_of
from common.service.settings import KafkaSettings, read
from common.streams import Log, LogUnavailable, Reader, Record, TopicPartition
from common.streams.log.kafka import KafkaLog
from common.streams.log.producer import EventProducer
from common.streams.log.topics import check_topics
from common.streams.runtime import Changelog, StateRecord, read_to_end

FETCH_TIMEOUT_SECONDS = 0.5
"""How long one read may wait for records."""

WAIT_SECONDS = 1.0
"""How long to wait for a change before looking again."""

REPORT_EVERY_SECONDS = 2.0
"""Least time between two lines of progress."""

DONE = 0

NOT_DONE = 1


class Rotation:
    """One run. It stores nothing: if it is stopped, the next run finds in the state what is left."""

    def __init__(
        self,
        *,
        log: Log,
        partitions: int,
        vault: Vault,
        write: Callable[[Body], Awaitable[None]],
        report: Callable[[str], None],
    ) -> None:
        """Take the log, the vault, the function that writes commands, and the one that prints lines."""
        self._log = log
        self._vault = vault
        self._write = write
        self._report = report
        self._progress = RotationProgress(vault.sealing_key_id)
        self._changelogs = {
            number: Changelog[states.State](service=service.NAME, partition=number, state_type=states.State)
            for number in range(partitions)
        }
        self._changed = asyncio.Event()
        self._last_error = ""
        self._reported = ""
        self._reported_at = 0.0

    async def run(self, stop: asyncio.Event) -> int:
        """Work until nothing is left, nothing moves, or `stop`. Return the exit status after reporting the reason."""
        try:
            # A reader of its own, outside the group: the command must not move any worker's partitions.
            reader = await self._log.reader(low_latency=True)
            try:
                await read_to_end(reader, self._partitions(), self._take, lambda: None)
                # From here on a change means a worker did it, so it counts as progress.
                self._progress.follow(_now())
                self._report_progress()
                await self._follow(reader, stop)
            finally:
                await reader.close()
        except LogUnavailable as error:
            self._report(f"{error}; run this again")
            return NOT_DONE
        self._report_progress()
        for line in summary(self._progress, stopped=stop.is_set(), trouble=self._last_error):
            self._report(line)
        return DONE if self._progress.settled else NOT_DONE

    async def _follow(self, reader: Reader, stop: asyncio.Event) -> None:
        """Request reseals and read the state until nothing is left or moves."""
        ended = asyncio.Event()
        pump = asyncio.create_task(self._read_on(reader, ended))
        try:
            while not (stop.is_set() or await self._settled(reader) or self._progress.stalled(_now())):
                await self._request_reseals()
                await self._wait_for_change()
                if pump.done():
                    break
                if _now() - self._reported_at >= REPORT_EVERY_SECONDS:
                    self._report_progress()
        finally:
            ended.set()
            pump.cancel()
            await asyncio.wait((pump,))
        if not pump.cancelled():
            pump.result()

    async def _read_on(self, reader: Reader, ended: asyncio.Event) -> None:
        """Read new state records until `ended`."""
        # Looks at `ended` too: a client may swallow the one cancellation it gets.
        while not ended.is_set():
            for record in await reader.fetch(FETCH_TIMEOUT_SECONDS):
                self._take(record)
            self._changed.set()

    async def _settled(self, reader: Reader) -> bool:
        """Whether nothing is left of all that is committed by now."""
        # The cheap question first: the ends of all partitions are a round trip.
        if self._progress.left:
            return False
        ends = await reader.ends()
        behind = [slice_ for slice_, end in ends.items() if await reader.position(slice_) < end]
        return not behind and not self._progress.left

    async def _request_reseals(self) -> None:
        """Seal the next items under the newest key and send the commands."""
        commands = []
        # A bounded number at once, so that commands of people do not wait behind thousands of these.
        for key, item in self._progress.next(_now()):
            try:
                commands.append(reseal(self._vault, key, item))
            except (CannotOpen, TokenPairUnreadable) as error:
                self._progress.mark_unreadable(key)
                key_id = key_id_of(sealed_text(item))
                self._report(f"cannot open {describe_item(key, item)}, sealed under key `{key_id}`: {error}")
        await asyncio.gather(*map(self._request, commands))

    async def _request(self, command: Body) -> None:
        """Send one command; note if Kafka does not confirm it."""
        try:
            await self._write(command)
        except LogUnavailable as error:
            # It may be there or not; what has no effect is asked for again.
            self._last_error = str(error)

    async def _wait_for_change(self) -> None:
        """Wait until a state record arrives, but not for long."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def _take(self, record: Record) -> None:
        """Take in one state record."""
        entry = self._changelogs[record.topic_partition.partition].read(record)
        if isinstance(entry, StateRecord):
            self._progress.take(entry.key, entry.state)

    def _partitions(self) -> dict[TopicPartition, int]:
        return {journal.topic_partition: 0 for journal in self._changelogs.values()}

    def _report_progress(self) -> None:
        """Print the progress, at most every few seconds."""
        line = progress_line(self._progress)
        if self._progress.total and line != self._reported:
            self._report(line)
        # Also when nothing was printed: the time counts from the last look.
        self._reported, self._reported_at = line, _now()


async def rotate_keys(stop: asyncio.Event) -> int:
    """Rotate, on the Kafka and with the keys that the environment names.

    Raises:
        SettingsRefused: the environment lacks something; names each variable.
        KeyMaterialRefused: a configured key cannot be used.
        WrongTopics: Kafka's topics are not what this installation needs.
        UnreadableRecord: a record of auth's state is of a newer version than this.
    """
    kafka, settings = read(KafkaSettings), read(AuthSettings)
    await check_topics(kafka.bootstrap_servers, partitions=kafka.partitions)
    async with EventProducer.open(bootstrap_servers=kafka.bootstrap_servers, source=service.NAME) as producer:
        rotation = Rotation(
            log=KafkaLog(bootstrap_servers=kafka.bootstrap_servers, partitions=kafka.partitions, group=service.NAME),
            partitions=kafka.partitions,
            vault=Vault.parse(settings.vault_keys.get_secret_value()),
            write=producer.produce,
            report=_print,
        )
        return await rotation.run(stop)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _now() -> float:
    return asyncio.get_running_loop().time()
