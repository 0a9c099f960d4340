"""A FakeProducer producer in memory that can be switched off."""

from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.streams import LogUnavailable


class FakeProducer:
    """What edges write to. What cannot be written as bytes fails here as it would there."""

    down = False

    async def produce(self, body: Body, traceparent: str | None = None) -> None:
        if self.down:
            raise LogUnavailable(ConnectionError())
        encode(Envelope(id="1", source="test", time=None, traceparent=traceparent, body=body))
