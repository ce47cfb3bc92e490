"""Online sessions over the loopback: `gateway call` and `daemon` against nncp-call and nncp-daemon.

Run by hand: ``python -m tests.bench.sync [MIB] [PACKETS] [ROUNDS]``. One large packet, then many
small ones, from the caller to the daemon. Prints the wall time until the caller's spool is
empty and everything lies in the daemon's, for each pairing in turn, and the ratios to NNCP at
both ends.
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

from tests.real.fetch import fetch
from tests.real.nodes import Make, Node, wait
from tests.real.programs import ENVIRONMENT, gateway_script

PAIRS: tuple[tuple[Make, Make], ...] = (
    ("nncp", "nncp"), ("gateway", "gateway"), ("gateway", "nncp"), ("nncp", "gateway"),
)  # fmt: skip
_MIB = 1 << 20


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


def _timed(alice: Node, bob: Node, kept: Path, calling: Make, called: Make) -> float:
    """Return the time [s] from the call until the last packet was confirmed."""
    _copy(kept, alice.spool)
    shutil.rmtree(bob.spool, ignore_errors=True)
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
        took = time.perf_counter() - begin
        call.send_signal(signal.SIGTERM)
        wait(call, 30)
    finally:
        daemon.send_signal(signal.SIGTERM)
        wait(daemon, 30)
    assert count == len(bob.packets("rx"))
    return took


def main(mib: int = 512, packets: int = 2000, rounds: int = 3) -> None:
    """Print times and ratios."""
    with tempfile.TemporaryDirectory() as directory:
        alice, bob = (Node(Path(directory, name), name, fetch("nncp") / "bin") for name in ("alice", "bob"))
        alice.know(bob)
        bob.know(alice)
        for what, sizes in ((f"{mib} MiB", [mib * _MIB]), (f"{packets} packets", [2000] * packets)):
            alice.spool.mkdir(exist_ok=True)
            kept = _queue(alice, sizes)
            times: dict[tuple[Make, Make], list[float]] = {pair: [] for pair in PAIRS}
            for _ in range(rounds):
                for pair in PAIRS:
                    times[pair].append(_timed(alice, bob, kept, *pair))
            base = statistics.median(times["nncp", "nncp"])
            for (calling, called), took in times.items():
                median = statistics.median(took)
                print(
                    f"{what}, {calling} calls {called}: {median:.2f} s, ratio {median / base:.2f}", flush=True
                )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
