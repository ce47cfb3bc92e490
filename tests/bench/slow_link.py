"""How long a mail takes over a link that nobody would want: python tests/bench/slow_link.py [BYTES].

2 kB/s either way, everything five seconds late, and every connection lost after a minute; the
buffers on the way take whatever is sent at once. `$NNCPDEADLINE` is raised at both ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.real.nodes import Node
from tests.service.conftest import inbox
from tests.service.link import Link
from tests.service.resident import free_port, serving, subjects, submit

PATIENT = {"NNCPDEADLINE": "90"}


def main(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        alice, bob = (Node(Path(folder) / name, name) for name in ("alice", "bob"))
        port = free_port()
        with Link(port, rate=2000, delay=5, lasts=60) as link:
            calls = 'calls = [{ cron = "* * * * * * *", when-tx-exists = true }]\nonlinedeadline = 30'
            alice.know(bob, toml=f'addrs.lan = "127.0.0.1:{link.port}"\n{calls}')
            bob.know(alice, toml=f"{inbox(bob)}onlinedeadline = 30")
            bob.tail = f'[serve]\ndaemon = "127.0.0.1:{port}"\n'
            bob.write()
            with serving(bob, PATIENT), serving(alice, PATIENT):
                submit(alice, bob, "slow", size)
                begin = time.monotonic()
                while not subjects(bob.directory / "Maildir"):
                    time.sleep(1)
                took = time.monotonic() - begin
            print(f"{size} bytes: {took:.0f} s, {link.cut} connections lost, {link.carried} bytes carried")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30_000)
