"""How large the pieces of content may be: so that each crosses the link in a few seconds.

NNCP's programs give up on a peer whose envelope takes longer than ten seconds, and what is
more urgent waits behind the piece that is on its way.
"""

from __future__ import annotations

from collections import deque

from gateway.links.sync.messages import MAX_CHUNK, MAX_PAYLOAD

SMALLEST = 2048
"""[bytes]"""
SLOW_HANDSHAKE = 10.0
"""[s] A link on which a first payload takes longer is slow, whatever its buffers swallow at once."""
_FIRST = 16 * 1024
_FAST, _SLOW = 1.0, 4.0
_PROBES = 4


class Pace:
    """Watches how long pieces stay unsent; `chunk` is the size of the next one [bytes]."""

    def __init__(self, most: int = MAX_CHUNK) -> None:
        self._most = most
        self.chunk = min(_FIRST, most)
        self._written = 0
        self._probes: deque[tuple[int, float]] = deque()

    def handshake(self, took: float) -> None:
        """Learn how long [s] a first payload took from end to end, which no buffer on the way hides."""
        if took > SLOW_HANDSHAKE:
            self._most = max(min(SMALLEST, self._most), min(self._most, int(MAX_PAYLOAD * _SLOW / took)))
            self.chunk = min(self.chunk, self._most)

    def sent(self, size: int, now: float) -> None:
        """Count an envelope that is to be written."""
        self._written += size
        if len(self._probes) < _PROBES:
            self._probes.append((self._written, now))

    def waiting(self, size: int, now: float) -> None:
        """Learn that of all that was counted so many bytes have not arrived yet."""
        arrived = self._written - size
        while self._probes and self._probes[0][0] <= arrived:
            took = now - self._probes.popleft()[1]
            if took < _FAST:
                self.chunk = min(self._most, self.chunk * 2)
            elif took > _SLOW:
                self.chunk = max(min(SMALLEST, self._most), self.chunk // 2)
                self._probes.clear()
