"""What one message costs as one process, beside nncp-exec: python tests/bench/cold_start.py [PAIRS].

Every round starts ``gateway exec``, the real ``nncp-exec`` and ``python -c pass``, one after the
other, with the same batch of 3 kB for the same neighbour over the same spool. The ratios are
taken round by round, since a machine's speed drifts; each figure is the median. All get the
environment that Exim gives a pipe command, so bytecode is kept as it is there.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.real.fetch import Unavailable, fetch
from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, gateway_script

BATCH = (
    b"MAIL FROM:<joe@a.example>\nRCPT TO:<ann@b.example>\nDATA\nSubject: a message as most are\n\n"
    + b"Words that repeat themselves somewhat, as they do in a letter.\n" * 46
    + b".\n"
)


class Cost(NamedTuple):
    """What one process took, start to end [s]: elapsed, and of the processors."""

    wall: float
    cpu: float


def cost(command: Sequence[str], source: BinaryIO) -> Cost:
    """Run a command on `source` and return what it took."""
    source.seek(0)
    began = time.perf_counter()
    actions = [(os.POSIX_SPAWN_DUP2, source.fileno(), 0)]
    process = os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=actions)
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - began
    if status:
        sys.exit(f"{command}: status {os.waitstatus_to_exitcode(status)}")
    return Cost(wall, used.ru_utime + used.ru_stime)


def pair(directory: Path) -> dict[str, list[str]]:
    """Make a node and its neighbour; return the command lines to compare, the yardstick first."""
    alice = Node(directory / "alice", "alice", fetch("nncp") / "bin")
    alice.head = 'plugins = ["exim"]'
    alice.know(Node(directory / "bob", "bob"))
    words = ("-quiet", "bob", "rsmtp")
    return {
        "nncp-exec": alice.nncp_command("exec", *words),
        "gateway exec": [gateway_script(), "--config", str(alice.toml), "exec", *words],
        "python -c pass": [sys.executable, "-c", "pass"],
    }


def main() -> None:
    """Measure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as temporary, open(f"{temporary}/batch", "w+b") as source:
        source.write(BATCH)
        source.flush()
        try:
            commands = pair(Path(temporary))
        except Unavailable as why:
            sys.exit(f"the real nncp-exec is missing: {why}")
        for command in commands.values():  # once, to have everything in memory and as bytecode
            cost(command, source)
        found: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(cost(command, source))
    print(f"{'':16}{'elapsed':>12}{'processor':>12}   times nncp-exec")
    for name, costs in found.items():
        ratios = [
            (mine.wall / theirs.wall, mine.cpu / theirs.cpu)
            for mine, theirs in zip(costs, found["nncp-exec"], strict=True)
        ]
        wall, cpu = (statistics.median(column) * 1000 for column in zip(*costs, strict=True))
        more, more_cpu = (statistics.median(column) for column in zip(*ratios, strict=True))
        print(f"{name:16}{wall:9.1f} ms{cpu:9.1f} ms   {more:.2f} elapsed, {more_cpu:.2f} of the processor")


if __name__ == "__main__":
    main()
