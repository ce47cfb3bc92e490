"""Toss many small jobs: `gateway toss` against `nncp-toss` on copies of one spool, in turn.

Run by hand: ``python -m tests.bench.toss_jobs [JOBS] [ROUNDS]``. Prints the ratio of the
whole processes' wall time, ours to NNCP's, for a trivial program, and our own rate into a
Maildir.
"""

from __future__ import annotations

import io
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from gateway.config import load
from gateway.engine.draft import Order
from gateway.engine.ground import open_spool
from gateway.engine.submit import Submitter
from gateway.registry import Registry
from tests.real.fetch import fetch
from tests.real.nodes import Make, Node

BODY = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: one\n\n" + b"text\n" * 600 + b".\n"


def _packets(alice: Node, handle: str, jobs: int) -> list[Path]:
    """Queue the jobs in this process: starting one for each is another benchmark."""
    config = load(str(alice.toml))
    registry = Registry(config, report=print)
    submitter, raw = Submitter(config, open_spool(config), registry), registry.ingress("raw")
    for _ in range(jobs):
        submitter.submit(raw, (), io.BytesIO(BODY), {}, node="bob", handle=handle, order=Order())
    kept = alice.directory / handle
    (alice.spool).rename(kept)
    return sorted(
        path for path in kept.glob("*/tx/*") if path.is_file() and not path.parent.parent.is_symlink()
    )


def _arrived(packets: list[Path], alice: Node, bob: Node) -> None:
    shutil.rmtree(bob.spool)
    rx = bob.spool / alice.keys.id / "rx"
    rx.mkdir(parents=True)
    for path in packets:
        shutil.copy(path, rx / path.name)


def _timed(bob: Node, make: Make, *words: str) -> float:
    begin = time.perf_counter()
    done = bob.run(make, "toss", *words)
    assert done.status == 0, done
    return time.perf_counter() - begin


def main(jobs: int = 1000, rounds: int = 5) -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as directory:
        nncp = fetch("nncp") / "bin"
        alice, bob = (Node(Path(directory, name), name, nncp) for name in ("alice", "bob"))
        alice.know(bob)
        inbox = f'exec.box = {{ egress = "maildir", path = "{directory}/Maildir", form = "bsmtp" }}\n'
        bob.know(alice, handles={"true": ["/bin/true"]}, toml=inbox)
        true, box = (_packets(alice, handle, jobs) for handle in ("true", "box"))
        ratios = []
        for _ in range(rounds):
            times = []
            for make in ("gateway", "nncp"):
                _arrived(true, alice, bob)
                times.append(_timed(bob, make))
            ratios.append(times[0] / times[1])
            print(f"{jobs} jobs into /bin/true: gateway {times[0]:.2f} s, nncp-toss {times[1]:.2f} s")
        print(f"ratio gateway/nncp-toss, median of {rounds}: {statistics.median(ratios):.2f}")
        _arrived(box, alice, bob)
        print(f"{jobs} jobs into a Maildir: {jobs / _timed(bob, 'gateway'):.0f} jobs/s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
