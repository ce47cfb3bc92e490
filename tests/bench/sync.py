"""Online sessions over the loopback: `gateway call` and `daemon` against nncp-call and nncp-daemon.

Run by hand: ``python -m tests.bench.sync [ROUNDS] [LOAD ...]``. A load is ``512M``, one packet of
so many MiB, or ``2000``, so many small ones, from the caller to the daemon. Prints for each
pairing, measured in turn, the wall time from the call until the caller's spool is empty and
everything lies in the daemon's, the processor time of caller and daemon by then, and the ratios
to NNCP at both ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.real.fetch import fetch
from tests.real.nodes import Make, Node, wait
from tests.real.programs import ENVIRONMENT, gateway_script

PAIRS: tuple[tuple[Make, Make], ...] = (
    ("nncp", "nncp"), ("gateway", "gateway"), ("gateway", "nncp"), ("nncp", "gateway"),
)  # fmt: skip
_MIB = 1 << 20


class Times(NamedTuple):
    """What a transfer took [s]."""

    wall: float
    caller: float
    daemon: float

    @property
    def both(self) -> float:
        """The processor time of both ends."""
        return self.caller + self.daemon


def _command(node: Node, make: Make, word: str, *arguments: str) -> list[str]:
    if make == "nncp":
        return node.nncp_command(word, "-quiet", "-noprogress", *arguments)
    return [gateway_script(), "--config", str(node.toml), word, "-quiet", *arguments]


def _queue(alice: Node, sizes: list[int]) -> Path:
    """Queue packets once; every round works on links to them."""
    for size in sizes:
        body = os.urandom(_MIB) * (size // _MIB) if size >= _MIB else os.urandom(size)
        done = alice.nncp("exec", "-quiet", "-nocompress", "bob", "keep", stdin=body)
        assert done.status == 0, done
    kept = alice.directory / f"kept{len(sizes)}"
    alice.spool.rename(kept)
    return kept


def _copy(kept: Path, spool: Path) -> None:
    shutil.rmtree(spool, ignore_errors=True)
    shutil.copytree(kept, spool, copy_function=os.link, symlinks=True)


def _port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _processor(process: subprocess.Popen[bytes]) -> float:
    """Return the processor time that a process has taken [s]."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _timed(alice: Node, bob: Node, kept: Path, calling: Make, called: Make) -> Times:
    """Measure from the call until the last packet was confirmed."""
    _copy(kept, alice.spool)
    # Not removed: after many removals ext4 looks long for an inode that was not in use lately.
    bob.spool.rename(tempfile.mkdtemp(dir=bob.directory))
    bob.spool.mkdir()
    os.sync()
    count = len(alice.packets("tx"))
    address = f"127.0.0.1:{_port()}"
    quiet = {"env": ENVIRONMENT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    daemon = subprocess.Popen(_command(bob, called, "daemon", "-bind", address), **quiet)  # type: ignore[call-overload]
    try:
        time.sleep(1)
        tx = alice.spool / bob.keys.id / "tx"
        begin = time.perf_counter()
        call = subprocess.Popen(_command(alice, calling, "call", "bob", address), **quiet)  # type: ignore[call-overload]
        while sum(len(name) == 52 for name in os.listdir(tx)):
            if call.poll() is not None:
                raise AssertionError(f"{calling} calling {called} ended early")
            time.sleep(0.02)
        times = Times(time.perf_counter() - begin, _processor(call), _processor(daemon))
        call.send_signal(signal.SIGTERM)
        wait(call, 30)
    finally:
        daemon.send_signal(signal.SIGTERM)
        wait(daemon, 30)
    assert count == len(bob.packets("rx"))
    return times


def _measure(alice: Node, bob: Node, load: str, rounds: int) -> None:
    alice.spool.mkdir(exist_ok=True)
    kept = _queue(alice, [int(load[:-1]) * _MIB] if load.endswith("M") else [2000] * int(load))
    taken: dict[tuple[Make, Make], list[Times]] = {pair: [] for pair in PAIRS}
    for _ in range(rounds):
        for pair in PAIRS:
            taken[pair].append(_timed(alice, bob, kept, *pair))
    medians = {pair: Times(*map(statistics.median, zip(*taken[pair], strict=True))) for pair in PAIRS}
    base = medians["nncp", "nncp"]
    for (calling, called), times in medians.items():
        print(
            f"{load}, {calling} calls {called}: {times.wall:.2f} s, ratio {times.wall / base.wall:.2f};"
            f" processor {times.caller:.2f} + {times.daemon:.2f} s, ratio {times.both / base.both:.2f}",
            flush=True,
        )


def main(rounds: str = "3", *loads: str) -> None:
    """Print times and ratios."""
    with tempfile.TemporaryDirectory() as directory:
        alice, bob = (Node(Path(directory, name), name, fetch("nncp") / "bin") for name in ("alice", "bob"))
        alice.know(bob)
        bob.know(alice)
        for load in loads or ("512M", "1000", "2000"):
            _measure(alice, bob, load, int(rounds))


if __name__ == "__main__":
    main(*sys.argv[1:])
