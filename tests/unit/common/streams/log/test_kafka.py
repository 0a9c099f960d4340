"""Whatever the Kafka client raises becomes one of the log's errors; a cancellation only if it is not ours."""

import asyncio

import pytest
from aiokafka.errors import IllegalOperation, ProducerFenced

from common.streams import LogUnavailable
from common.streams.log.kafka import translated
from common.streams.log.port import TransactionInDoubt

FOREIGN = (
    ProducerFenced(),
    IllegalOperation("Can't send messages while not in transaction"),
    ConnectionRefusedError("refused"),
    TimeoutError(),
    AssertionError("Did we not perform bootstrap?"),
    asyncio.CancelledError(),
)


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("into", [TransactionInDoubt, LogUnavailable])
async def test_translated_client_error_is_the_logs_error(
    error: BaseException, into: type[TransactionInDoubt] | type[LogUnavailable]
) -> None:
    with pytest.raises(into, match=type(error).__name__), translated(into):
        raise error


async def test_translated_bug_is_left_alone() -> None:
    with pytest.raises(ZeroDivisionError), translated(LogUnavailable):
        raise ZeroDivisionError


async def test_translated_own_cancellation_is_left_alone() -> None:
    async def read() -> None:
        with translated(LogUnavailable):
            await asyncio.Event().wait()

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled()
