"""How fast bodies are sealed and opened: python tests/bench/seal_open.py [MIB].

Prints MB of body a second, compression included where it says so, best of three. The packet
goes through an unsynced temporary file; the last column is the memory that sealing and opening
added so far to what the bodies take.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from gateway.packet.compression import Compressor, decompress
from gateway.packet.identity import Identity
from gateway.packet.opening import open_packet
from gateway.packet.plain import PacketType, Plain, exec_path
from gateway.packet.sealing import Hop, Sealed, Sealer

MIB = 1024 * 1024
CHUNK = 64 * 1024
ROUNDS = 3


def incompressible(size: int) -> Callable[[], Iterator[bytes]]:
    """Return random bytes that repeat only where no compressor of our level looks."""
    return repeated(os.urandom(32 * MIB), size)


def mail(size: int) -> Callable[[], Iterator[bytes]]:
    """Return lines of words, compressible about like mail text."""
    chance = random.Random(1)
    words = ["".join(chance.choices("etaoinshrdlucmfwypvbgkjqxz", k=2 + n % 9)) for n in range(8000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    text = " ".join(chance.choices(words, weights, k=2_000_000)).encode()
    lines = b"\n".join(text[start : start + 71] for start in range(0, len(text), 71))
    return repeated(lines, size)


def repeated(data: bytes, size: int) -> Callable[[], Iterator[bytes]]:
    """Return what yields `data` again and again, in chunks, until it is `size` bytes."""
    chunks = [data[start : start + CHUNK] for start in range(0, len(data) - CHUNK, CHUNK)]

    def body() -> Iterator[bytes]:
        for number in range(size // CHUNK):
            yield chunks[number % len(chunks)]

    return body


def seal(
    chunks: Iterator[bytes], file: BinaryIO, us: Identity, peer: Identity, *, compressed: bool, hops: int
) -> Sealed:
    """Seal a body into a file."""
    kind = PacketType.EXEC if compressed else PacketType.EXEC_FAT
    sealer = Sealer(
        file.write,
        identity=us,
        route=[Hop(peer.id, peer.exchpub)] * hops,
        niceness=96,
        plain=Plain(kind, 224, exec_path("rsmtp", ())),
    )
    compressor = Compressor(sealer.write) if compressed else None
    write = compressor.write if compressor else sealer.write
    for chunk in chunks:
        write(chunk)
    if compressor:
        compressor.finish()
    return sealer.finish()


def unseal(file: BinaryIO, us: Identity, peer: Identity, *, compressed: bool) -> int:
    """Open a packet; return the size of its body."""
    opened = open_packet(file, identity=peer, signpub_of=lambda _: us.signpub)
    pieces = opened.payload()
    return sum(map(len, decompress(pieces, max_size=1 << 40) if compressed else pieces))


def main() -> None:
    """Print a line for every kind of body."""
    size = int(sys.argv[1] if len(sys.argv) > 1 else 256) * MIB
    us, peer = Identity.generate(), Identity.generate()
    bodies: list[tuple[str, Callable[[], Iterator[bytes]], bool, int]] = [
        ("mail, compressed", mail(size), True, 1),
        ("random, compressed", incompressible(size), True, 1),
        ("random, as it is", incompressible(size), False, 1),
        ("random, over a relay", incompressible(size), False, 2),
    ]
    print(f"{'body':22}{'packet':>12}{'seal MB/s':>12}{'open MB/s':>12}{'MiB more':>10}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, body, compressed, hops in bodies:
        sealing, opening = [], []
        for _ in range(ROUNDS):
            with tempfile.TemporaryFile(buffering=0) as file:
                started = time.perf_counter()
                sealed = seal(body(), file, us, peer, compressed=compressed, hops=hops)
                sealing.append(time.perf_counter() - started)
                file.seek(0)
                started = time.perf_counter()
                opened = unseal(file, us, peer, compressed=compressed)
                opening.append(time.perf_counter() - started)
                assert hops > 1 or size == opened
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        rates = "".join(f"{size / min(times) / 1e6:12.0f}" for times in (sealing, opening))
        print(f"{name:22}{sealed.size:12}{rates}{more:10}")


if __name__ == "__main__":
    main()
