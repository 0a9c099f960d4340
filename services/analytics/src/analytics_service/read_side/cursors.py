"""The opaque pagination cursor of the metrics route."""

import base64

import msgspec

from analytics_service.errors import NotACursor
from analytics_service.read_side.documents import clamp_to_utc
from common.contract.body import Time


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """The last sample of an answer. Several may share a moment, so the sample's `_id` is part of it."""

    at: Time
    id: str

    def text(self) -> str:
        """Return the cursor as text that needs no quoting in a URL."""
        return base64.urlsafe_b64encode(_encode(self)).rstrip(b"=").decode()


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that `Cursor.text` wrote.

    Raises:
        NotACursor: the text is something else.
    """
    try:
        cursor = _decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, msgspec.DecodeError):
        raise NotACursor from None
    # A client may have made it up: its time could be one that the driver cannot take.
    return Cursor(at=clamp_to_utc(cursor.at), id=cursor.id)


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Cursor).decode
