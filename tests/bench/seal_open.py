"""Measure how fast a body is compressed, sealed, opened and decompressed, in memory: MB/s.

    python tests/bench/seal_open.py [MIB]

The numbers are of the stream alone: nothing is read from or written to a disk, but the
packet is held in memory in between.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator

from gateway.packet.compression import Compressor, decompress
from gateway.packet.identity import Identity
from gateway.packet.opening import open_packet
from gateway.packet.plain import PacketType, Plain, exec_path
from gateway.packet.sealing import Hop, Sealed, Sealer

MIB = 1024 * 1024
CHUNK = 64 * 1024


class Packet:
    """A packet in memory that is written in blocks and read by the size asked for."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self._at = 0
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        while len(self._rest) < size and self._at < len(self.blocks):
            self._rest += self.blocks[self._at]
            self._at += 1
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def incompressible(size: int) -> Iterator[bytes]:
    """Yield random bytes that repeat only where no compressor of our level looks."""
    block = os.urandom(32 * MIB)
    for number in range(size // MIB):
        offset = number % 32 * MIB
        yield from _chunks(block[offset : offset + MIB])


def mail(size: int) -> Iterator[bytes]:
    """Yield lines of words, compressible about like mail text."""
    chance = random.Random(1)
    words = ["".join(chance.choices("etaoinshrdlucmfwypvbgkjqxz", k=2 + n % 9)) for n in range(8000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    text = " ".join(chance.choices(words, weights, k=2_000_000)).encode()
    lines = b"\n".join(text[start : start + 71] for start in range(0, len(text), 71))
    whole = len(lines) // MIB
    for number in range(size // MIB):
        start = number % whole * MIB
        yield from _chunks(lines[start : start + MIB])


def _chunks(block: bytes) -> Iterator[bytes]:
    for start in range(0, len(block), CHUNK):
        yield block[start : start + CHUNK]


def seal(
    chunks: Iterator[bytes], us: Identity, peer: Identity, *, compressed: bool, hops: int
) -> tuple[Packet, Sealed]:
    """Seal a body for a peer."""
    packet = Packet()
    kind = PacketType.EXEC if compressed else PacketType.EXEC_FAT
    sealer = Sealer(
        packet.blocks.append,
        identity=us,
        route=[Hop(peer.id, peer.exchpub)] * hops,
        niceness=96,
        plain=Plain(kind, 224, exec_path("rsmtp", ())),
    )
    if compressed:
        compressor = Compressor(sealer.write)
        for chunk in chunks:
            compressor.write(chunk)
        compressor.finish()
    else:
        for chunk in chunks:
            sealer.write(chunk)
    return packet, sealer.finish()


def unseal(packet: Packet, us: Identity, peer: Identity, *, compressed: bool) -> int:
    """Open a packet; return the size of its body."""
    opened = open_packet(packet, identity=peer, signpub_of=lambda _: us.signpub)
    pieces = opened.payload()
    return sum(map(len, decompress(pieces, max_size=1 << 40) if compressed else pieces))


def main() -> None:
    """Print a line for every kind of body."""
    size = int(sys.argv[1] if len(sys.argv) > 1 else 256) * MIB
    us, peer = Identity.generate(), Identity.generate()
    bodies: list[tuple[str, Callable[[int], Iterator[bytes]], bool, int]] = [
        ("mail, compressed", mail, True, 1),
        ("random, compressed", incompressible, True, 1),
        ("random, as it is", incompressible, False, 1),
        ("random, one relay", incompressible, False, 2),
    ]
    print(f"{'body':22}{'packet':>12}{'seal MB/s':>12}{'open MB/s':>12}{'peak MiB':>10}")
    for name, body, compressed, hops in bodies:
        started = time.perf_counter()
        packet, sealed = seal(body(size), us, peer, compressed=compressed, hops=hops)
        middle = time.perf_counter()
        if hops == 1:
            assert size == unseal(packet, us, peer, compressed=compressed)
        else:
            unseal(packet, us, peer, compressed=False)
        ended = time.perf_counter()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            f"{name:22}{sealed.size:12}{size / (middle - started) / 1e6:12.0f}"
            f"{size / (ended - middle) / 1e6:12.0f}{peak:10}"
        )


if __name__ == "__main__":
    main()
