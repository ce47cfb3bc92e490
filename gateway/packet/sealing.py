"""Sealing: a plain packet becomes an encrypted one, wrapped once for every relay on its way."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from nacl import bindings

from gateway.errors import ConfigError
from gateway.packet.blocks import ALONE, BLOCK, GROUP, SIZES, Buffer, Cutter, body_size, keep_heap
from gateway.packet.failures import TooLarge
from gateway.packet.header import HEADER_SIZE, Header
from gateway.packet.identity import KEY_SIZE, Identity, encode
from gateway.packet.keys import Keys
from gateway.packet.mth import MerkleTree
from gateway.packet.niceness import MAX
from gateway.packet.plain import HEADER_SIZE as PLAIN_SIZE
from gateway.packet.plain import PacketType, Plain

if TYPE_CHECKING:
    from gateway.packet.behind import Behind

_Task = tuple[bytes, int, bytes]
"""A key, the number of a block, and the block."""


class Hop(NamedTuple):
    """A node on the way of a packet: its id and its public exchange key, 32 bytes each."""

    id: bytes
    exchpub: bytes


class Sealed(NamedTuple):
    """What became of a plain packet.

    `name` and `size` [bytes] are those of the file; `inner_name` is the name that the packet
    has once all relays are behind it; `plain_size` is `payload_size` and the plain header.
    `layers` are the names that it has on its way, from `name` to `inner_name`.
    """

    name: str
    size: int
    payload_size: int
    inner_name: str
    plain_size: int
    layers: tuple[str, ...] = ()


def sealed_size(plain_length: int) -> int:
    """Return the file size [bytes] of an unpadded packet, given header and payload of its plain one."""
    return HEADER_SIZE + body_size(plain_length)


class Sealer:
    """Seals one packet as its payload is written; whole memory is a few blocks.

    `route` holds the first hop first and the recipient last; all layers are signed by
    `identity` and carry `niceness`. `min_size` [bytes of the file] pads the innermost layer;
    `max_size` [bytes of plain header and payload] limits it. `ephemerals`, in the order of
    the route, replace the random private keys: for test vectors only, a key must never seal
    two packets.

    A relay that passes a sealed packet on along a route of its own writes it as the payload
    of a plain packet of type TRNS whose path is the target's id; the route then ends at the
    last relay.

    Raises:
        ConfigError: temporary; a public key on the route cannot be used.
        PathTooLong: permanent; see `Plain.encode`.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        *,
        identity: Identity,
        route: Sequence[Hop],
        niceness: int,
        plain: Plain,
        min_size: int = 0,
        max_size: int | None = None,
        ephemerals: Sequence[bytes] = (),
    ) -> None:
        if not route:
            raise ValueError("a route has at least one hop")
        if not 1 <= niceness <= MAX:
            raise ValueError(f"niceness {niceness} is out of 1 to {MAX}")
        self._min_size, self._max_size = min_size, max_size
        self._payload_size = 0
        self._write = write
        self._tree = MerkleTree()
        insides = [Plain(PacketType.TRNS, 0, hop.id) for hop in route[1:]] + [plain]
        privates = ephemerals or [os.urandom(KEY_SIZE) for _ in route]
        self._layers: list[_Layer] = []
        sink = self._out
        for hop, private, inside in zip(route, privates, insides, strict=True):
            header, keys = _begin(identity, hop, niceness, private)
            self._layers.append(_Layer(sink, header, keys, inside))
            sink = self._layers[-1].write
        self._innermost = self._layers[-1]
        self._innermost.innermost = True
        for layer in self._layers[1:]:
            layer.tree = MerkleTree()
        self._check_size()

    def write(self, data: Buffer) -> None:
        """Add the next bytes of the payload.

        Raises:
            TooLarge: permanent; the plain packet exceeds `max_size`.
        """
        self._payload_size += len(data)
        self._check_size()
        self._innermost.write(data)

    def finish(self) -> Sealed:
        """Seal what is left, pad, and return what came out; nothing may follow."""
        size = self._payload_size
        for _ in self._layers:
            size = sealed_size(PLAIN_SIZE + size)
        self._innermost.finish(pad=max(0, self._min_size - size))
        for layer in reversed(self._layers[:-1]):
            layer.finish(pad=0)
        names = (self._tree.name(), *(layer.tree.name() for layer in self._layers[1:] if layer.tree))
        return Sealed(
            name=names[0],
            size=self._layers[0].size,
            payload_size=self._payload_size,
            inner_name=names[-1],
            plain_size=PLAIN_SIZE + self._payload_size,
            layers=names,
        )

    def give_up(self) -> None:
        """Stop sealing: nothing more is written once this returns; harmless after `finish`."""
        self._innermost.give_up()

    def _out(self, data: bytes) -> None:
        self._tree.update(data)
        self._write(data)

    def _check_size(self) -> None:
        if self._max_size is not None and PLAIN_SIZE + self._payload_size > self._max_size:
            raise TooLarge(f"the packet exceeds {self._max_size} bytes")


def _begin(identity: Identity, hop: Hop, niceness: int, private: bytes) -> tuple[bytes, Keys]:
    if len(hop.id) != KEY_SIZE or len(hop.exchpub) != KEY_SIZE or len(private) != KEY_SIZE:
        raise ValueError(f"ids and exchange keys have {KEY_SIZE} bytes")
    header = Header(
        niceness=niceness,
        sender=identity.id,
        recipient=hop.id,
        exchpub=bindings.crypto_scalarmult_base(private),
    ).sign(identity.signprv)
    try:
        return header.encode(), Keys.agree(private, hop.exchpub, header.signed_part())
    except ValueError as error:
        raise ConfigError(f"exchpub of node {encode(hop.id)} cannot be used: {error}") from error


class _Layer:
    """One encrypted packet in the making, around a plain packet or around the next layer."""

    def __init__(self, out: Callable[[bytes], None], header: bytes, keys: Keys, plain: Plain) -> None:
        self._out = out
        self._header = header
        self._keys = keys
        self._blocks = 0
        self._length = 0
        self._cutter = Cutter()
        self.size = 0
        self.innermost = False
        self.tree: MerkleTree | None = None
        self._group: list[_Task] = []
        self._behind: Behind[list[_Task], bytes] | None = None
        self.write(plain.encode())

    def write(self, data: Buffer) -> None:
        """Add bytes of the plain packet."""
        self._length += len(data)
        for block in self._cutter.cut(data):
            self._seal(self._keys.full, block)

    def finish(self, pad: int) -> None:
        """Seal the rest and the sizes, followed by `pad` bytes of padding."""
        rest = self._cutter.rest()
        key = self._keys.size
        last = SIZES.pack(self._length, pad) + rest
        if len(last) > BLOCK:
            self._seal(key, last[:BLOCK])
            key, last = self._keys.full, last[BLOCK:]
        inner = min(pad, BLOCK - len(last))
        self._seal(key, last + bytes(inner))
        if self._group:
            self._seal_group()
        if self._behind is not None:
            self._behind.finish()
            self._behind = None
        outer = pad - inner
        for offset in range(0, outer, BLOCK):
            self._put(self._keys.padding(offset, min(BLOCK, outer - offset)))

    def _seal(self, key: bytes, block: bytes) -> None:
        if self._blocks == 1:
            keep_heap()
        self._group.append((key, self._blocks, block))
        self._blocks += 1
        if len(self._group) == GROUP:
            self._seal_group()

    def _seal_group(self) -> None:
        """Have the blocks that are there sealed and passed on; of a large packet by the second thread."""
        group, self._group = self._group, []
        if self.innermost and self._behind is None and self._blocks > ALONE:
            from gateway.packet.behind import Behind  # noqa: PLC0415 - threads are for large packets

            self._behind = Behind(self._sealed, self._put)
        if self._behind is None:
            self._put(self._sealed(group))
        else:
            self._behind.put(group)

    def _sealed(self, group: list[_Task]) -> bytes:
        return b"".join([self._keys.seal(*task) for task in group])

    def give_up(self) -> None:
        """Let the second thread end, where there is one; nothing may follow."""
        if self._behind is not None:
            self._behind.give_up()
            self._behind = None

    def _put(self, data: bytes) -> None:
        if self._header:
            data, self._header = self._header + data, b""
        self.size += len(data)
        if self.tree is not None:
            self.tree.update(data)
        self._out(data)
