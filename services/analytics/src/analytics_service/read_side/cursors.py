"""Where an answer ended, as text that a client hands back unread to go on from there."""

import base64

import msgspec

from analytics_service.errors import NotACursor
from analytics_service.read_side.documents import storable
from common.contract.body import Time


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """The last numbers of an answer: their moment and, since several may share it, their name in the store."""

    at: Time
    id: str

    def text(self) -> str:
        """Write it in letters that need no quoting in an address."""
        return base64.urlsafe_b64encode(_encode(self)).rstrip(b"=").decode()


def parse_cursor(text: str) -> Cursor:
    """Read what `Cursor.text` wrote.

    Raises:
        NotACursor: it is something else.
    """
    try:
        cursor = _decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, msgspec.DecodeError):
        raise NotACursor from None
    return Cursor(at=storable(cursor.at), id=cursor.id)


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Cursor).decode
