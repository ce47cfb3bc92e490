"""How long listing a large spool takes: python tests/bench/list_spool.py [PACKETS [DIRECTORY]].

Prints one line a measurement; the spool is made in a temporary directory, or left in DIRECTORY.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from gateway.spool.layout import BOXES
from gateway.spool.spool import Spool
from tests.spool.samples import PACKET, text_of

NODES = 20


def fill(root: str, count: int) -> None:
    """Put packets into the boxes of a few nodes, without the syncs."""
    for number in range(count):
        box = f"{root}/{text_of(('node', number % NODES))}/{('tx', 'rx')[number // NODES % 2]}"
        if number < 2 * NODES:
            os.makedirs(box)
        with open(f"{box}/{text_of(('packet', number))}", "wb") as file:
            file.write(PACKET)


def main() -> None:
    """Measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as temporary:
        root = sys.argv[2] if len(sys.argv) > 2 else f"{temporary}/spool"
        if not os.path.isdir(root):
            fill(root, count)
        spool = Spool(root)
        for what, look in (("names, sizes, ages", spool.jobs), ("headers as well", spool.headers)):
            started = time.perf_counter()
            boxes = [(node, box) for node in spool.nodes() for box in BOXES]
            found = sum(1 for node, box in boxes for _ in look(node, box))
            print(f"{found} packets, {what}: {time.perf_counter() - started:.2f} s")
        started = time.perf_counter()
        nodes = spool.nodes()
        for number in range(1000):
            spool.known(text_of(number), nodes)
        print(f"known(), {len(nodes)} neighbours: {(time.perf_counter() - started) * 1000:.0f} us")


if __name__ == "__main__":
    main()
