"""One session as a machine without input or output: bytes in, events out; calls in, bytes out.

It knows what the peer may do at any time and raises `Breach` for everything else, so that
its user sees only what makes sense: content of packets that were requested, in order, up to
the announced size, and confirmations of packets that were offered.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.links.sync.breach import Breach
from gateway.links.sync.channel import AnsweringChannel, CallingChannel
from gateway.links.sync.messages import (
    MAX_PAYLOAD,
    Done,
    File,
    Freq,
    Halt,
    Info,
    Message,
    Ping,
    decode,
    pad,
)

MOST_ANNOUNCED = 65536
"""Announcements of the peer that may wait at a time; more are passed over until the next session."""

_LONGEST = len(Info(0, 0, bytes(32)).encode())


class Called(NamedTuple):
    """Somebody calls, with this public key; look whether we know it, then `answer`."""

    key: bytes


class Announced(NamedTuple):
    """The peer has a packet: `request`, `confirm` or `decline` it."""

    info: Info


class Content(NamedTuple):
    """The next piece of a requested packet; `complete` says that it is the last one.

    After that piece: `confirm`, `decline`, or `request` it again.
    """

    hash: bytes
    data: bytes | memoryview
    complete: bool


class Confirmed(NamedTuple):
    """The peer has a packet that we offered."""

    hash: bytes


Event = Called | Announced | Content | Confirmed


class Wanted(NamedTuple):
    """What the peer waits for next: the packet, from where [bytes], and the packet's size."""

    hash: bytes
    offset: int
    size: int


class Machine:
    """A session, from either end; `max_niceness` bounds what is heard and what is offered.

    Without `receive` the peer's announcements are passed over.
    """

    def __init__(
        self, channel: CallingChannel | AnsweringChannel, *, receive: bool = True, max_niceness: int = 255
    ) -> None:
        self._channel = channel
        self._receive = receive
        self._max_niceness = max_niceness
        self._control: deque[Message] = deque()
        self._infos: deque[Message] = deque()
        self._supplied: list[bytes | memoryview] = []
        self._first = b""
        self._sizes: dict[bytes, int] = {}
        self._expected: dict[bytes, int] = {}
        self._offered: dict[bytes, Info] = {}
        self._asked: dict[bytes, int] = {}
        self._queue: list[tuple[int, int, bytes]] = []
        self._serial = 0
        self.heard = 0
        """Messages that came, other than Ping."""
        self.passed_over = 0
        """Announcements and requests that could not be heeded."""

    @property
    def open(self) -> bool:
        """Whether the handshake is over."""
        return self._channel.open

    @property
    def inside(self) -> bool:
        """Whether an envelope has begun to arrive and is not whole yet."""
        return self._channel.inside

    @property
    def unconfirmed(self) -> int:
        """How many packets were offered that the peer has not confirmed."""
        return len(self._offered)

    @property
    def backlog(self) -> int:
        """How many answers to the peer wait for `control` to be called."""
        return len(self._control)

    def limit(self, max_niceness: int) -> None:
        """Set the limit of niceness, once it is known who calls."""
        self._max_niceness = max_niceness

    # The handshake

    def hello(self, offers: Iterable[Info] = ()) -> bytes:
        """Return what a caller begins with; it offers what fits, the rest goes later.

        Raises:
            NoiseError: temporary; the peer's configured key is no key.
        """
        assert isinstance(self._channel, CallingChannel)
        self.offer(offers)
        return self._channel.hello(pad(self._payload()))

    def answer(
        self, offers: Iterable[Info] = (), *, step: int = MAX_PAYLOAD
    ) -> tuple[bytes, Iterator[Event]]:
        """Return what one who was called answers, and then what the caller's first payload held.

        `step` [bytes] is what the size of the first payload is a multiple of.

        Raises:
            NoiseError: temporary; the caller's keys are no keys.
        """
        assert isinstance(self._channel, AnsweringChannel)
        self.offer(offers)
        answer = self._channel.answer(pad(self._payload(), step))
        first, self._first = self._first, b""
        return answer, self._events(first, greeting=True)

    # From the peer

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield what the peer's bytes mean; exhaust it before the next call.

        Raises:
            Breach: temporary; the peer does what is not allowed: end the session.
            NoiseError: temporary; a message does not open: end the session.
        """
        greeting = not self.open
        for payload in self._channel.feed(data):
            if not self.open:
                assert isinstance(self._channel, AnsweringChannel)
                self._first = payload
                yield Called(self._channel.caller)
            else:
                yield from self._events(payload, greeting=greeting)
            greeting = False

    def _events(self, payload: bytes, *, greeting: bool) -> Iterator[Event]:
        for message in decode(payload):
            if greeting and not isinstance(message, (Info, Halt, Ping)):
                raise Breach(f"a {type(message).__name__} before the handshake was over")
            if not isinstance(message, Ping):
                self.heard += 1
            event = self._heed(message)
            if event is not None:
                yield event

    def _heed(self, message: Message) -> Event | None:
        match message:
            case File():
                return self._content(message)
            case Info():
                return self._announced(message)
            case Freq():
                self._ask(message)
            case Done(hash):
                if self._offered.pop(hash, None) is not None:
                    self._asked.pop(hash, None)
                    return Confirmed(hash)
            case Halt():
                self._asked.clear()
                self._queue.clear()
        return None

    def _announced(self, info: Info) -> Event | None:
        if not self._receive or info.niceness > self._max_niceness or info.hash in self._sizes:
            return None
        if len(self._sizes) >= MOST_ANNOUNCED:
            self.passed_over += 1
            return None
        self._sizes[info.hash] = info.size
        return Announced(info)

    def _content(self, piece: File) -> Event:
        expected = self._expected.get(piece.hash)
        if expected is None:
            raise Breach("content of a packet that was not requested, or is complete")
        size, end = self._sizes[piece.hash], piece.offset + len(piece.data)
        if piece.offset != expected or end > size:
            raise Breach(f"content for bytes {piece.offset} to {end} of {size}, when {expected} was next")
        if not piece.data:
            raise Breach("content without any")
        if end == size:
            del self._expected[piece.hash]
        else:
            self._expected[piece.hash] = end
        return Content(piece.hash, piece.data, end == size)

    def _ask(self, wish: Freq) -> None:
        offer = self._offered.get(wish.hash)
        if offer is None:
            return
        if wish.offset > offer.size:
            self.passed_over += 1
            return
        if wish.hash not in self._asked:
            self._serial += 1
            heapq.heappush(self._queue, (offer.niceness, self._serial, wish.hash))
        self._asked[wish.hash] = wish.offset

    # To the peer

    def offer(self, packets: Iterable[Info]) -> None:
        """Announce packets, each once a session; too nice ones are passed over."""
        for info in packets:
            if info.hash not in self._offered and info.niceness <= self._max_niceness:
                self._offered[info.hash] = info
                self._infos.append(info)

    def request(self, hash: bytes, offset: int) -> None:  # noqa: A002 - as in the messages
        """Ask for an announced packet from this offset, less than its size."""
        if hash in self._expected or not 0 <= offset < self._sizes[hash]:
            raise RuntimeError("requested twice at a time, or nothing of it")
        self._expected[hash] = offset
        self._control.append(Freq(hash, offset))

    def confirm(self, hash: bytes) -> None:  # noqa: A002 - as in the messages
        """Say that we have a packet for good; it may be announced again, for all we know."""
        self.decline(hash)
        self._control.append(Done(hash))

    def decline(self, hash: bytes) -> None:  # noqa: A002 - as in the messages
        """Have nothing to do with an announced packet any more; the peer is not told."""
        self._sizes.pop(hash, None)
        self._expected.pop(hash, None)

    def ping(self) -> None:
        """Let the peer know that we are there."""
        self._control.append(Ping())

    def control(self) -> bytes:
        """Return the next envelope of everything but content; empty if there is none."""
        return self._channel.seal(self._payload()) if self._control or self._infos else b""

    def wanted(self) -> Wanted | None:
        """Return what the peer waits for, the most urgent packet first."""
        while self._queue:
            name = self._queue[0][2]
            if name in self._asked:
                return Wanted(name, self._asked[name], self._offered[name].size)
            heapq.heappop(self._queue)
        return None

    def supply(self, wanted: Wanted, data: bytes) -> int:
        """Take the next bytes of the packet that is `wanted` for the next envelope of content.

        Return how many bytes of its payload they take. No data is right only at the end of a
        packet, for a peer that has all of it.
        """
        end = wanted.offset + len(data)
        if end > wanted.size or (not data and end < wanted.size):
            raise RuntimeError("content beyond the packet's end, or none before it")
        if end == wanted.size:
            self.withhold(wanted)
        else:
            self._asked[wanted.hash] = end
        parts = File(wanted.hash, wanted.offset, data).parts()
        self._supplied += parts
        return sum(map(len, parts))

    def content(self) -> bytes:
        """Return the envelope of what was supplied; empty if nothing was."""
        payload = b"".join(self._supplied)
        self._supplied.clear()
        return self._channel.seal(payload) if payload else b""

    def withhold(self, wanted: Wanted) -> None:
        """Send no more of a packet, such as one that went away."""
        self._asked.pop(wanted.hash, None)

    def _payload(self) -> bytes:
        """Return as many of the waiting messages as fit, answers first."""
        payload = bytearray()
        for waiting in (self._control, self._infos):
            while waiting and len(payload) <= MAX_PAYLOAD - _LONGEST:
                payload += waiting.popleft().encode()
        return bytes(payload)
