"""What `gateway serve` takes: python tests/bench/resident.py [PEERS [PACKETS]].

Resident memory at the start, with so many packets queued (half to be sent, half waiting for
another attempt, spread over twenty neighbours), and with so many peers connected besides; then the
time from the commit at one node to the delivery at the other, on one machine, over TCP: while a
session is open, and by a call every second (so half a second of it, on average, is waiting for the clock).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from gateway.config.model import Neighbour
from gateway.links.call import call_neighbour
from gateway.links.session import Party, Rules
from gateway.packet.identity import Identity, decode, encode
from gateway.spool.record import JobRecord
from gateway.spool.spool import Spool
from tests.real.nodes import Node
from tests.service.conftest import EVERY_SECOND, inbox
from tests.service.resident import Resident, free_port, serving, submit

NEIGHBOURS = 20


def memory(one: Resident) -> str:
    """Return resident memory, now and at most [MB]."""
    status = Path(f"/proc/{one.process.pid}/status").read_text()
    found = dict(line.split(":", 1) for line in status.splitlines())
    now, most = (int(found[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    return f"{now:.0f} MB, at most {most:.0f} MB"


def fill(spool: Path, packets: int) -> None:
    """Put packets of no content into ``tx`` and ``work``: only their names and headers are looked at."""
    record = JobRecord(attempts=3, first=time.time(), next=time.time() + 3000, error="451 no").to_json()
    for _ in range(NEIGHBOURS):
        boxes = [spool / encode(os.urandom(32)) / box for box in ("tx", "work")]
        for box in boxes:
            box.mkdir(parents=True)
            for _ in range(packets // NEIGHBOURS // 2):
                name = encode(os.urandom(32))
                (box / name).write_bytes(bytes(200))
                if box.name == "work":
                    (box / f"{name}.json").write_bytes(record)


def settle(one: Resident) -> None:
    """Wait until the process uses little of the processor; sessions always need some, to look around."""
    ticks, used = os.sysconf("SC_CLK_TCK"), 0.0
    while True:
        time.sleep(2)
        now = sum(map(int, Path(f"/proc/{one.process.pid}/stat").read_text().split()[13:15])) / ticks
        if now - used < 1:
            return
        used = now


def connect(hub: Node, address: str, peers: list[Identity], root: Path, one: Resident) -> str:
    """Return the memory while all peers hold a session."""
    keys = hub.keys
    neighbour = Neighbour(
        "hub", decode(keys.id), decode(keys.exchpub), decode(keys.signpub), decode(keys.noisepub)
    )
    stop = threading.Event()

    def call(number: int, identity: Identity) -> None:
        party = Party(identity, Spool(str(root / f"peer{number}")), lambda _: None, stop.is_set)
        call_neighbour(party, neighbour, (address,), Rules(onlinedeadline=300))

    threads = [threading.Thread(target=call, args=pair) for pair in enumerate(peers)]
    for number in range(len(peers)):
        (root / f"peer{number}").mkdir()
    for thread in threads:
        thread.start()
    settle(one)
    found = memory(one)
    stop.set()
    for thread in threads:
        thread.join()
    return found


def main(peers: int, packets: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, port = Path(folder), free_port()
        alice, bob = (Node(root / name, name) for name in ("alice", "bob"))
        address = f"127.0.0.1:{port}"
        alice.know(bob, toml=f'addrs.lan = "{address}"\n{EVERY_SECOND}')
        bob.know(alice, toml=f"{inbox(bob)}onlinedeadline = 1")
        identities = [Identity.generate() for _ in range(peers)]
        keys = ("id", "exchpub", "signpub", "noisepub")
        bob.tail = f'[serve]\ndaemon = "{address}"\n' + "".join(
            f"[neigh.peer{number}]\nonlinedeadline = 300\n"
            + "".join(f'{key} = "{encode(getattr(identity, key))}"\n' for key in keys)
            for number, identity in enumerate(identities)
        )
        bob.write()
        with serving(bob) as one:
            settle(one)
            print(f"at the start: {memory(one)}")
        with serving(bob), serving(alice):
            latency("in an open session", alice, bob, pause=0.0)
            latency("by the next call", alice, bob, pause=2.0)
        fill(bob.spool, packets)
        with serving(bob) as one:
            settle(one)
            print(f"{packets} packets queued: {memory(one)}")
            print(f"{peers} peers connected as well: {connect(bob, address, identities, root, one)}")


def latency(how: str, alice: Node, bob: Node, *, pause: float) -> None:
    """Print the time from the commit at alice to the delivery at bob, with pauses [s] in between."""
    took, inbox_of_bob = [], bob.directory / "Maildir" / "new"
    for number in range(30):
        time.sleep(pause)
        before = len(list(inbox_of_bob.glob("*")))
        submit(alice, bob, f"mail {number}")
        committed = time.monotonic()
        while len(list(inbox_of_bob.glob("*"))) <= before:
            time.sleep(0.005)
        took.append(time.monotonic() - committed)
    *_, high = statistics.quantiles(took, n=20)
    print(f"from commit to delivery {how}: median {statistics.median(took):.2f} s, 95 % within {high:.2f} s")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*given, *(100, 100_000)[len(given) :])
