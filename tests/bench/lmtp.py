"""Messages into the spool over LMTP, beside a loop of nncp-exec: python tests/bench/lmtp.py [ROUNDS].

Every round gives the service the same messages of 3 kB by 1, 8 and 32 connections, in the manner
of Postfix (commands pipelined, the message behind the answer to DATA), and then the same kind of
message to a loop of nncp-exec, one process for each; both sync what they queue, into spools on
one disk. The ratios are taken round by round, since a machine's speed drifts; each figure is the
median. Then one message of 50 MB, and what memory the service took for it.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.bench.cold_start import BATCH, cost
from tests.real.fetch import Unavailable, fetch
from tests.real.nodes import Node

MESSAGES, PROCESSES = 960, 40
CONNECTIONS = (1, 8, 32)
HEAD = b"MAIL FROM:<joe@a.example>\r\nRCPT TO:<ann@b.example>\r\nDATA\r\n"
TEXT = BATCH.partition(b"DATA\n")[2].replace(b"\n", b"\r\n")
_LINES = os.urandom(650_000 * 38).hex()
LARGE = b"".join(
    [b"Subject: large\r\n\r\n"]
    + [_LINES[at : at + 76].encode() + b"\r\n" for at in range(0, len(_LINES), 76)]
    + [b".\r\n"]
)

SERVICE = """\
import asyncio, sys
from gateway.config import load
from gateway.engine.ground import open_spool
from gateway.registry import Registry
from gateway.service.lmtp import LmtpPart
from gateway.stderr import say
config = load(sys.argv[1])
part = LmtpPart(config, open_spool(config), Registry(config, report=say), say=say)
asyncio.run(part.run(lambda: None))
"""


def answers(lines: object, count: int) -> None:
    """Read answers, which must be good."""
    while count:
        line = lines.readline()  # type: ignore[attr-defined]
        if line[:1] not in (b"2", b"3"):
            sys.exit(f"the service says {line!r}")
        count -= line[3:4] == b" "


def send(path: str, count: int, text: bytes) -> None:
    """Hand over messages on one connection."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        lines = connection.makefile("rb")
        answers(lines, 1)
        connection.sendall(b"LHLO bench\r\n")
        answers(lines, 1)
        for _ in range(count):
            connection.sendall(HEAD)
            answers(lines, 3)
            connection.sendall(text)
            answers(lines, 1)
        connection.sendall(b"QUIT\r\n")
        answers(lines, 1)


def rate(path: str, connections: int) -> float:
    """Return messages a second over so many connections."""
    share = MESSAGES // connections
    threads = [threading.Thread(target=send, args=(path, share, TEXT)) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return share * connections / (time.perf_counter() - began)


def processor(process: subprocess.Popen[bytes]) -> float:
    """Return the processor time that a process took so far [s]."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: subprocess.Popen[bytes]) -> float:
    """Return the most that a process had resident so far [MiB]."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", text)[0]) / 1024


def main() -> None:
    """Measure."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as temporary, open(f"{temporary}/batch", "w+b") as source:
        source.write(BATCH)
        source.flush()
        try:
            nncp = fetch("nncp") / "bin"
        except Unavailable as why:
            sys.exit(f"the real nncp-exec is missing: {why}")
        path = f"{temporary}/lmtp.sock"
        alice, ada = (Node(Path(temporary) / name, name, nncp) for name in ("alice", "ada"))
        alice.head = 'plugins = ["exim"]'
        alice.tail = f'[serve]\nlmtp = "{path}"\n[routes]\n"*" = "bob"'
        bob = Node(Path(temporary) / "bob", "bob")
        for node in (alice, ada):
            node.know(bob)
        loop = ada.nncp_command("exec", "-quiet", "bob", "rsmtp")
        with subprocess.Popen([sys.executable, "-c", SERVICE, str(alice.toml)]) as service:
            try:
                measure(path, loop, source, service, rounds)
            finally:
                service.terminate()


def measure(
    path: str, loop: list[str], source: object, service: subprocess.Popen[bytes], rounds: int
) -> None:
    """Print the figures."""
    while not os.path.exists(path):
        time.sleep(0.05)
    rate(path, 8)
    rates: dict[int, list[tuple[float, float]]] = {connections: [] for connections in CONNECTIONS}
    loops = []
    for _ in range(rounds):
        for connections in CONNECTIONS:
            took = processor(service)
            found = rate(path, connections)
            rates[connections].append((found, MESSAGES / (processor(service) - took)))
        costs = [cost(loop, source) for _ in range(PROCESSES)]  # type: ignore[arg-type]
        loops.append(tuple(PROCESSES / sum(column) for column in zip(*costs, strict=True)))
    print(f"{'messages a second':20}{'elapsed':>10}{'processor':>12}   times the loop of nncp-exec")
    wall, cpu = (statistics.median(column) for column in zip(*loops, strict=True))
    print(f"{'nncp-exec, a loop':20}{wall:10.0f}{cpu:12.0f}")
    for connections, ours in rates.items():
        wall, cpu = (statistics.median(column) for column in zip(*ours, strict=True))
        times = [(mine[0] / its[0], mine[1] / its[1]) for mine, its in zip(ours, loops, strict=True)]
        more, more_cpu = (statistics.median(column) for column in zip(*times, strict=True))
        name = f"LMTP, {connections:2} connections"
        print(f"{name:20}{wall:10.0f}{cpu:12.0f}   {more:.1f} elapsed, {more_cpu:.1f} by the processor")
    before = memory(service)
    began = time.perf_counter()
    send(path, 1, LARGE)
    took = time.perf_counter() - began
    print(
        f"{len(LARGE) / 1e6:.0f} MB in one message: {took:.1f} s; resident at most {before:.0f} MiB before,"
        f" {memory(service):.0f} MiB with it"
    )


if __name__ == "__main__":
    main()
