"""What one message costs as one process, beside nncp-exec: python tests/bench/cold_start.py [PAIRS].

Every round starts ``gateway exec``, the same where it hands over to ``gateway serve``, the real
``nncp-exec`` and ``python -c pass``, one after the other, with the same batch of 3 kB for the same
neighbour. The ratios are taken round by round, since a machine's speed drifts; each figure is the
median, with the least in brackets. What the service does is its own, and told at the end. All get
the environment that Exim gives a pipe command, so bytecode is kept as it is there.
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
from tests.service.resident import serving

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


def nodes(directory: Path) -> tuple[Node, Node]:
    """Make a node that works alone, and one with a resident process; either knows bob."""
    bob = Node(directory / "bob", "bob")
    alone, handing = (Node(directory / name, name, fetch("nncp") / "bin") for name in ("alone", "handing"))
    handing.tail = f'[serve]\nsubmit = "{directory}/submit.sock"'
    for node in (alone, handing):
        node.head = 'plugins = ["exim"]'
        node.know(bob)
    return alone, handing


def commands_of(alone: Node, handing: Node) -> dict[str, list[str]]:
    """Return the command lines to compare, the yardstick first."""
    words = ("-quiet", "bob", "rsmtp")
    return {
        "nncp-exec": alone.nncp_command("exec", *words),
        "gateway exec": [gateway_script(), "--config", str(alone.toml), "exec", *words],
        "handed over": [gateway_script(), "--config", str(handing.toml), "exec", *words],
        "python -c pass": [sys.executable, "-c", "pass"],
    }


def spent(process: int) -> float:
    """Return the processor time of a process so far [s]."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as temporary, open(f"{temporary}/batch", "w+b") as source:
        source.write(BATCH)
        source.flush()
        try:
            alone, handing = nodes(Path(temporary))
        except Unavailable as why:
            sys.exit(f"the real nncp-exec is missing: {why}")
        commands = commands_of(alone, handing)
        found: dict[str, list[Cost]] = {name: [] for name in commands}
        with serving(handing) as service:
            for command in commands.values():  # once, to have everything in memory and as bytecode
                cost(command, source)
            begun = spent(service.process.pid)
            for _ in range(rounds):
                for name, command in commands.items():
                    found[name].append(cost(command, source))
            served = (spent(service.process.pid) - begun) / rounds * 1000
    print(f"{'':16}{'elapsed':>20}{'processor':>20}   times nncp-exec")
    for name, costs in found.items():
        ratios = [
            (mine.wall / theirs.wall, mine.cpu / theirs.cpu)
            for mine, theirs in zip(costs, found["nncp-exec"], strict=True)
        ]
        wall, cpu = (
            f"{statistics.median(column) * 1000:.1f} ({min(column) * 1000:.1f}) ms"
            for column in zip(*costs, strict=True)
        )
        more, more_cpu = (statistics.median(column) for column in zip(*ratios, strict=True))
        print(f"{name:16}{wall:>20}{cpu:>20}   {more:.2f} elapsed, {more_cpu:.2f} of the processor")
    print(f"The service spends {served:.1f} ms of the processor on a message.")


if __name__ == "__main__":
    main()
