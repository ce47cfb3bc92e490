"""Large bodies: exec and toss against nncp-exec and nncp-toss, in turn; then the memory for 1 GiB.

Run by hand: ``python -m tests.bench.large_bodies [MIB] [ROUNDS] [MEMORY_MIB]``. Whole processes,
file to spool and spool to ``cat >/dev/null``. Prints medians of the ratios, ours to NNCP's, and
the largest resident set of ours.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.real.fetch import fetch
from tests.real.nodes import MAKES, Make, Node
from tests.real.programs import gateway_script

MIB = 1024 * 1024


class Cost(NamedTuple):
    """What one process took: wall time and processor time [s], largest resident set [MiB]."""

    wall: float
    processor: float
    memory: float


def prose(size: int) -> Iterator[bytes]:
    """Yield words by Zipf's law, which compress about as mail does."""
    chance = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(5000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    while size > 0:
        chunk = " ".join(chance.choices(words, weights, k=100_000)).encode()[:size] + b"\n"
        size -= len(chunk)
        yield chunk


def noise(size: int) -> Iterator[bytes]:
    """Yield what nothing compresses."""
    while size > 0:
        yield os.urandom(min(size, MIB))
        size -= MIB


def cost(command: Sequence[str], body: str) -> Cost:
    """Run a command to its end with a file on stdin."""
    with open(body, "rb") as stdin:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Pair:
    """Two neighbours; what one has queued is put into the other's spool."""

    def __init__(self, directory: Path, nncp: Path) -> None:
        self.alice, self.bob = (Node(directory / name, name, nncp) for name in ("alice", "bob"))
        self.alice.know(self.bob)
        accept = 'accept.max-size = "4 GiB"\n'
        self.bob.know(self.alice, handles={"sink": ["/bin/sh", "-c", "cat >/dev/null"]}, toml=accept)

    def cross(self, make: Make, body: str, flags: Sequence[str]) -> tuple[Cost, Cost]:
        """Return what exec and what toss cost."""
        for node in (self.alice, self.bob):
            shutil.rmtree(node.spool)
            node.spool.mkdir()
        words = [*flags, "bob", "sink"]
        if make == "nncp":
            out, back = (
                self.alice.nncp_command("exec", "-quiet", *words),
                self.bob.nncp_command("toss", "-quiet"),
            )
        else:
            out = [gateway_script(), "--config", str(self.alice.toml), "exec", *words]
            back = [gateway_script(), "--config", str(self.bob.toml), "toss"]
        sealed = cost(out, body)
        rx = self.bob.spool / self.alice.keys.id / "rx"
        rx.mkdir(parents=True)
        for path in self.alice.packets("tx", self.bob):
            path.rename(rx / path.name)
        return sealed, cost(back, os.devnull)


def main(mebibytes: int = 256, rounds: int = 3, memory: int = 1024) -> None:
    """Print the ratios and the memory."""
    with tempfile.TemporaryDirectory() as directory:
        pair = Pair(Path(directory), fetch("nncp") / "bin")
        body = f"{directory}/body"
        for what, source, flags in (
            ("prose, compressed", prose, ()),
            ("noise, compressed", noise, ()),
            ("noise, as it is", noise, ("-nocompress",)),
        ):
            with open(body, "wb") as file:
                file.writelines(source(mebibytes * MIB - MIB))
            ratios = []
            for _ in range(rounds):
                ours, theirs = (pair.cross(make, body, flags) for make in MAKES)
                ratios.append(
                    [o / t for a, b in zip(ours, theirs, strict=True) for o, t in zip(a, b, strict=True)]
                )
            wall, work, _, back, back_work, _ = (
                statistics.median(column) for column in zip(*ratios, strict=True)
            )
            print(
                f"{mebibytes} MiB {what}, in units of NNCP's time (processor time):"
                f" sealing {wall:.2f} ({work:.2f}),"
                f" opening {back:.2f} ({back_work:.2f})"
            )
        with open(body, "wb") as file:
            file.writelines(noise(memory * MIB))
        for flags in ((), ("-nocompress",)):
            out, back_cost = pair.cross("gateway", body, flags)
            print(
                f"{memory} MiB body {' '.join(flags)}:"
                f" exec {out.memory:.0f} MiB, toss {back_cost.memory:.0f} MiB resident"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
