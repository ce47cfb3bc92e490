"""The path of an acknowledgement: which packet, and between gateways also what became of it.

NNCP's acknowledgement is the 32 bytes of a packet's name and says that the packet arrived.
NNCP reads no further than that, so what a gateway adds behind it disturbs nobody:

=========  =====================================================================
bytes      what
=========  =====================================================================
32         the packet's name, as its bytes
state      ``delivered`` or ``held`` (a word of ASCII letters), if anything
NUL        if a text follows
text       UTF-8, as much of it as fits into the 255 bytes of a path
=========  =====================================================================
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.packet.failures import Corrupt
from gateway.packet.identity import KEY_SIZE, decode, encode
from gateway.packet.plain import PATH_SIZE

DELIVERED, HELD = "delivered", "held"

_LONGEST_STATE = 32


class Receipt(NamedTuple):
    """What a node says became of a packet; without a `state` only that it arrived.

    For ``delivered`` `text` are the queue ids of the MTA that took it, for ``held`` the reason.
    """

    packet: str
    state: str = ""
    text: str = ""

    def encode(self) -> bytes:
        """Return the path; a text that is too long is cut off."""
        path = decode(self.packet) + self.state.encode("ascii")
        if self.text:
            text = self.text.encode("utf-8", "replace")[: PATH_SIZE - len(path) - 1]
            path += b"\0" + text.decode("utf-8", "ignore").encode()
        return path

    @classmethod
    def decode(cls, path: bytes) -> Receipt:
        """Return what a path says; what is no state of a gateway's is left out.

        Raises:
            Corrupt: temporary; it is too short to name a packet.
        """
        if len(path) < KEY_SIZE:
            raise Corrupt(f"an acknowledgement of {len(path)} bytes names no packet")
        state, _, text = path[KEY_SIZE:].partition(b"\0")
        packet = encode(path[:KEY_SIZE])
        if not state.isalpha() or not state.islower() or len(state) > _LONGEST_STATE:
            return cls(packet)
        return cls(packet, state.decode("ascii"), text.decode("utf-8", "replace"))
