"""Opening: an encrypted packet is verified to its last byte while its payload streams out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import count
from typing import NamedTuple, Protocol

from gateway.packet.blocks import ALONE, BLOCK, GROUP, SIZES, TAG, keep_heap
from gateway.packet.failures import BadPadding, BadSize, Corrupt, NotForUs, TrailingBytes, UnknownSender
from gateway.packet.header import HEADER_SIZE, Header
from gateway.packet.identity import Identity, encode
from gateway.packet.keys import Keys
from gateway.packet.mth import MerkleTree
from gateway.packet.plain import HEADER_SIZE as PLAIN_SIZE
from gateway.packet.plain import Plain

_FULL = BLOCK + TAG


class Source(Protocol):
    """What a packet is read from: a file or another stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none only at the end."""
        ...


def open_packet(source: Source, *, identity: Identity, signpub_of: Callable[[bytes], bytes | None]) -> Opened:
    """Begin to open the packet that `source` gives from its first byte.

    `signpub_of` returns the public signing key of a neighbour by id, None for strangers. On
    return the sender is authentic; the payload is only when it was drained.

    Raises:
        NotAPacket, UnsupportedPacket, NotForUs, UnknownSender, BadSignature, Corrupt, BadSize:
            temporary; the packet must not be acted on.
    """
    start = _read(source, HEADER_SIZE)
    header = Header.decode(start)
    if header.recipient != identity.id:
        raise NotForUs(f"the packet is for {encode(header.recipient)}", header.recipient)
    signpub = signpub_of(header.sender)
    if signpub is None:
        raise UnknownSender(f"no neighbour has the id {encode(header.sender)}", header.sender)
    header.verify(signpub)
    try:
        keys = Keys.agree(identity.exchprv, header.exchpub, header.signed_part())
    except ValueError as error:
        raise Corrupt(f"the header has {error}") from error
    return Opened(header, _Blocks(source, start, keys))


class Opened:
    """A packet whose sender is authentic; `payload` must be drained before anything is believed.

    `header` and `plain` say what it is. `name` (of the whole file), `payload_size` and `pad`
    [bytes] exist once `payload` has ended.
    """

    def __init__(self, header: Header, blocks: _Blocks) -> None:
        self.header = header
        self._blocks = blocks
        self._pieces = blocks.plain()
        self._first = next(self._pieces)
        self.plain = Plain.decode(self._first)

    def payload(self) -> Iterator[bytes]:
        """Yield the payload, once, and end only if the packet is good to its last byte.

        Raises:
            Corrupt, BadSize, BadPadding, TrailingBytes: temporary; what was yielded is void.
        """
        if len(self._first) > PLAIN_SIZE:
            first, self._first = self._first[PLAIN_SIZE:], b""
            yield first
        yield from self._pieces

    @property
    def name(self) -> str:
        """The name of the packet by its content."""
        return self._blocks.end().name

    @property
    def payload_size(self) -> int:
        """Bytes of payload."""
        return self._blocks.end().length - PLAIN_SIZE

    @property
    def pad(self) -> int:
        """Bytes of padding, inside and behind the last block."""
        return self._blocks.end().pad


class _End(NamedTuple):
    """What is known of a packet once all of it was seen."""

    name: str
    length: int
    pad: int


class _Task(NamedTuple):
    """Blocks to try, and the number of the first."""

    number: int
    ciphertexts: list[bytes]


class _Blocks:
    """The blocks of a packet; everything in them that is not payload is checked here."""

    def __init__(self, source: Source, header: bytes, keys: Keys) -> None:
        self._source = source
        self._keys = keys
        self._tree = MerkleTree()
        self._tree.update(header)
        self._taken: deque[bytes] = deque()
        """Blocks that were read before their turn."""
        self._found: deque[bytes | None] = deque()
        """What is in them, as `_tried` yields it."""
        self._all_found = False
        self._end: _End | None = None

    def plain(self) -> Iterator[bytes]:
        """Yield the plain packet; the first piece holds its whole header."""
        delivered = number = 0
        with closing(self._tried()) as blocks:
            for block in blocks:
                if block is None:
                    break
                self._taken.popleft()
                delivered += len(block)
                number += 1
                if number == 1:
                    keep_heap()
                yield block
        ciphertext = self._next()
        if not ciphertext:
            raise Corrupt("the packet ends early")
        block = self._open(self._keys.size, number, ciphertext)
        length, pad = _sizes(block, delivered)
        rest = memoryview(block)[SIZES.size :]
        missing = length - delivered
        if missing > len(rest) and len(ciphertext) == _FULL:
            yield bytes(rest)
            missing -= len(rest)
            rest = memoryview(self._open(self._keys.full, number + 1, self._next()))
        if missing > len(rest):
            raise BadSize(f"the packet announces {missing - len(rest)} bytes more than it has")
        if missing:
            yield bytes(rest[:missing])
        self._check_padding(rest[missing:], pad)
        self._end = _End(self._tree.name(), length, pad)

    def end(self) -> _End:
        """Return what is known at the end.

        Raises:
            ValueError: the end was not reached.
        """
        if self._end is None:
            raise ValueError("the payload was not drained")
        return self._end

    def _tried(self) -> Generator[bytes | None, None, None]:
        """Yield what is in the full blocks, and None for the first block that is not one.

        They stay in `_taken` until somebody has seen to them; those before the None are hashed.
        """
        for number in range(ALONE):
            self._note(self._try(self._take(number, 1)))
            yield self._found.popleft()
        from gateway.packet.behind import Behind  # noqa: PLC0415 - threads are for large packets

        behind = Behind(self._try, self._note)
        try:
            for number in count(ALONE, GROUP):
                task = self._take(number, GROUP)
                behind.put(task)
                while self._found:
                    yield self._found.popleft()
                if len(task.ciphertexts[-1]) < _FULL:
                    break
            behind.finish()
            yield from self._found
        finally:
            behind.give_up()

    def _take(self, number: int, most: int) -> _Task:
        """Read blocks, none of them behind the end."""
        ciphertexts: list[bytes] = []
        while len(ciphertexts) < most:
            ciphertexts.append(_read(self._source, _FULL))
            if len(ciphertexts[-1]) < _FULL:
                break
        self._taken += ciphertexts
        return _Task(number, ciphertexts)

    def _try(self, task: _Task) -> list[tuple[bytes, bytes | None]]:
        return [
            (ciphertext, self._full(number, ciphertext))
            for number, ciphertext in enumerate(task.ciphertexts, task.number)
        ]

    def _full(self, number: int, ciphertext: bytes) -> bytes | None:
        return self._keys.open(self._keys.full, number, ciphertext) if len(ciphertext) == _FULL else None

    def _note(self, tried: list[tuple[bytes, bytes | None]]) -> None:
        """Hash the full blocks and pass on what is in them, up to the first block that is not one."""
        for ciphertext, block in tried:
            if self._all_found:
                return
            if block is None:
                self._all_found = True
            else:
                self._tree.update(ciphertext)
            self._found.append(block)

    def _next(self) -> bytes:
        """Return the next block as it is in the file; no bytes at the end."""
        ciphertext = self._taken.popleft() if self._taken else _read(self._source, _FULL)
        self._tree.update(ciphertext)
        return ciphertext

    def _open(self, key: bytes, number: int, ciphertext: bytes) -> bytes:
        block = self._keys.open(key, number, ciphertext)
        if block is None:
            raise Corrupt(f"block {number} was changed or cut")
        return block

    def _check_padding(self, inner: memoryview, pad: int) -> None:
        if pad < len(inner):
            raise BadPadding(f"{len(inner)} bytes follow the payload where {pad} of padding belong")
        if inner != bytes(len(inner)):
            raise BadPadding("the padding behind the payload is not zero")
        offset, outer = 0, pad - len(inner)
        while data := self._next():
            expected = min(len(data), outer - offset)
            if data[:expected] != self._keys.padding(offset, expected):
                raise BadPadding("the outer padding was changed")
            if len(data) > expected:
                raise TrailingBytes("bytes follow the end of the packet")
            offset += expected
        if offset < outer:
            raise BadPadding(f"{outer - offset} bytes of the outer padding are missing")


def _sizes(block: bytes, delivered: int) -> tuple[int, int]:
    if len(block) < SIZES.size:
        raise BadSize("the block with the sizes is too short for them")
    length, pad = SIZES.unpack_from(block)
    if length < PLAIN_SIZE:
        raise BadSize(f"the packet announces {length} bytes, less than a plain header")
    if not delivered <= length < delivered + BLOCK:
        raise BadSize(f"the packet announces {length} bytes after {delivered} in full blocks")
    return length, pad


def _read(source: Source, size: int) -> bytes:
    data = source.read(size)
    while data and len(data) < size:
        more = source.read(size - len(data))
        if not more:
            break
        data += more
    return data
