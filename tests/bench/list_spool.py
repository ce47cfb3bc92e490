"""List a large spool: `gateway queue list` against `nncp-stat -pkt` on the same spool, in turn.

Run by hand: ``python -m tests.bench.list_spool [PACKETS] [ROUNDS]``. Prints the median ratio of
the whole processes' wall time, ours to NNCP's, without and with the packets' headers, and as JSON (nncp-stat
reads its copies of them, which exist: it makes those that are missing, so a first run of it
is not counted). Half of the packets wait in tx, half in rx, of one neighbour.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from gateway.spool.layout import HEADER_SIZE
from tests.real.fetch import fetch
from tests.real.nodes import Make, Node
from tests.spool.samples import PACKET, text_of

LISTINGS = {
    "": ("queue", "list"),
    ", with headers": ("queue", "list", "--long"),
    ", as JSON": ("queue", "list", "--json"),
}


def fill(node: Node, other: Node, count: int) -> None:
    """Put packets and header copies into the boxes, without syncs."""
    for number in range(count):
        box = f"{node.spool}/{other.keys.id}/{('tx', 'rx')[number % 2]}"
        os.makedirs(f"{box}/hdr", exist_ok=True)
        name = text_of(("packet", number))
        Path(box, name).write_bytes(PACKET)
        Path(box, "hdr", name).write_bytes(PACKET[:HEADER_SIZE])


def _timed(node: Node, make: Make, count: int, *words: str) -> float:
    begin = time.perf_counter()
    done = node.run(make, *words)
    taken = time.perf_counter() - begin
    assert done.status == 0, done
    assert done.stdout.count(b"\n") >= count, "a line for each packet was expected"
    return taken


def main(count: int = 100_000, rounds: int = 5) -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as directory:
        nncp = fetch("nncp") / "bin"
        alice, bob = (Node(Path(directory, name), name, nncp) for name in ("alice", "bob"))
        alice.know(bob)
        fill(alice, bob, count)
        _timed(alice, "nncp", count, "stat", "-pkt")
        for what, words in LISTINGS.items():
            pairs = [
                (_timed(alice, "gateway", count, *words), _timed(alice, "nncp", count, "stat", "-pkt"))
                for _ in range(rounds)
            ]
            ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(own / other for own, other in pairs)
            print(f"{count} packets{what}: gateway {ours:.2f} s, nncp-stat {theirs:.2f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
