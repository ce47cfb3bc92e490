"""Deliver many small packets into a real Exim: `gateway toss` against `nncp-toss`, in turn.

Run by hand: ``python -m tests.bench.delivery [MESSAGES] [ROUNDS]``. Both take copies of one spool,
one message in each packet, and feed them to ``exim -odq -bS``, which queues them. `nncp-toss`
starts one Exim for each; the gateway does it with one transaction for a process, and with sessions of 20,
with several jobs and processes, and by SMTP over ``exim -bs``. Prints messages a second of the whole
process's wall time, the processor time of all that ran, and the medians of the ratios to `nncp-toss` of
the same round.

What Exim takes for itself is measured beside it: the same messages from plain files, by a program that does
nothing else. Nobody who feeds Exim in that manner can be faster.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.config import load
from gateway.engine.draft import Order
from gateway.engine.ground import open_spool
from gateway.engine.submit import Submitter
from gateway.registry import Registry
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.fetch import fetch, without_shell
from tests.real.nodes import Make, Node
from tests.real.programs import gateway_script, run

TEXT = b"From: joe@a.example\nSubject: one\n\n" + b"a line of some length, as mail has them\n" * 90
ACL = "acl_smtp_rcpt = accept\n"


class Way(NamedTuple):
    """One way to deliver the same packets; or Exim `alone`: transactions a process, and processes at once."""

    name: str
    make: Make
    handle: str = ""
    words: tuple[str, ...] = ()
    alone: tuple[int, int] | None = None


WAYS = (
    Way("nncp-toss", "nncp"),
    Way("exim, session 1", "gateway", 'egress = "exim", session = 1'),
    Way("exim, session 1, --jobs 2", "gateway", 'egress = "exim", session = 1', ("--jobs", "2")),
    Way("exim, session 1, --jobs 4", "gateway", 'egress = "exim", session = 1', ("--jobs", "4")),
    Way("exim, session 20", "gateway", 'egress = "exim", session = 20'),
    Way("exim, session 20, --jobs 2", "gateway", 'egress = "exim", session = 20', ("--jobs", "2")),
    Way("exim, session 20, --jobs 4", "gateway", 'egress = "exim", session = 20', ("--jobs", "4")),
    Way("exim, session 20, processes 8", "gateway", 'egress = "exim", session = 20, processes = 8'),
    Way("smtp over -bs", "gateway", 'egress = "smtp"'),
    Way("smtp over -bs, --jobs 4", "gateway", 'egress = "smtp"', ("--jobs", "4")),
    Way("smtp over -bs, --jobs 8", "gateway", 'egress = "smtp"', ("--jobs", "8")),
    *(
        Way(f"Exim alone, {session} a process, {abreast} at once", "gateway", alone=(session, abreast))
        for session, abreast in ((1, 1), (1, 2), (1, 4), (20, 1), (20, 2), (20, 4), (20, 8))
    ),
)

FEED = """
import subprocess, sys
from concurrent.futures import ThreadPoolExecutor
abreast, command = int(sys.argv[1]), sys.argv[2 : sys.argv.index("--")]
def feed(name):
    with open(name) as batch:
        subprocess.run(command, stdin=batch, check=True)
with ThreadPoolExecutor(abreast) as pool:
    list(pool.map(feed, sys.argv[sys.argv.index("--") + 1 :]))
"""
"""A program that does nothing but give files to Exim."""


def _transaction(number: int) -> bytes:
    return b"MAIL FROM:<joe@a.example>\nRCPT TO:<x%d@b.example>\nDATA\n%b.\n" % (number, TEXT)


def _packets(alice: Node, messages: int) -> list[Path]:
    """Queue the packets in this process: starting one for each is another benchmark."""
    config = load(str(alice.toml))
    registry = Registry(config, report=print)
    submitter, raw = Submitter(config, open_spool(config), registry), registry.ingress("raw")
    for number in range(messages):
        batch = io.BytesIO(_transaction(number))
        submitter.submit(raw, (), batch, {}, node="bob", handle="rsmtp", order=Order())
    return sorted(path for path in alice.spool.glob("?" * 52 + "/tx/" + "?" * 52))


class Bench:
    """Two nodes, and the Exim at the receiving one."""

    def __init__(self, directory: Path, messages: int) -> None:
        nncp = fetch("nncp") / "bin"
        self.alice, self.bob = (Node(directory / name, name, nncp) for name in ("alice", "bob"))
        self.exim = Exim(fetch("exim"), "b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, ACL)
        # All of it runs as the account that this Exim belongs to: one Exim is one process then.
        self.program = [*without_shell("exim"), *self.exim.command("-odq", inside=True)[1:]]
        self.bob.head = 'plugins = ["exim"]'
        self.alice.know(self.bob)
        self.packets = _packets(self.alice, messages)

    def timed(self, way: Way) -> tuple[float, float]:
        """Deliver all packets; return the wall and the processor time [s]."""
        self._configure(way)
        self._arrive()
        command = self._command(way)
        before, begin = os.times(), time.perf_counter()
        done = run(command, under=self.exim.namespace, limit=600)
        wall, after = time.perf_counter() - begin, os.times()
        assert done.status == 0, done
        assert self.exim.queued() == len(self.packets), (way, self.exim.queued())
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return wall, used

    def _configure(self, way: Way) -> None:
        toml = ""
        if way.handle:
            words = json.dumps([*self.program, "-bs" if "smtp" in way.handle else "-bS"])
            toml = f"exec.rsmtp = {{ {way.handle}, command = {words} }}\n"
        self.bob.know(self.alice, toml=toml)
        self.bob.neighbours["alice"].hjson_handles = {"rsmtp": [*self.program, "-bS"]}
        self.bob.write()

    def _command(self, way: Way) -> list[str]:
        if way.alone is not None:
            session, abreast = way.alone
            batches = map(str, self._batches(session))
            return [sys.executable, "-c", FEED, str(abreast), *self.program, "-bS", "--", *batches]
        if way.make == "nncp":
            return self.bob.nncp_command("toss")
        return [gateway_script(), "--config", str(self.bob.toml), "toss", *way.words]

    def _batches(self, session: int) -> Iterator[Path]:
        """Write what the packets hold, with so many transactions to a file."""
        numbers = range(len(self.packets))
        for first in numbers[::session]:
            path = self.alice.directory / f"batch-{first}"
            path.write_bytes(b"".join(map(_transaction, numbers[first : first + session])))
            yield path

    def _arrive(self) -> None:
        for folder in (self.bob.spool, self.exim.directory / "spool" / "input"):
            shutil.rmtree(folder, ignore_errors=True)
        rx = self.bob.spool / self.alice.keys.id / "rx"
        rx.mkdir(parents=True)
        for path in self.packets:
            shutil.copy(path, rx / path.name)
        os.sync()


def main(messages: int = 300, rounds: int = 3) -> None:
    """Print the rates and the ratios."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory), messages)
        try:
            times: dict[Way, list[tuple[float, float]]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way in WAYS:
                    times[way].append(bench.timed(way))
        finally:
            bench.exim.close()
    theirs = times[WAYS[0]]
    print(f"{messages} packets of one message, medians of {rounds} rounds")
    for way, ours in times.items():
        wall, used = (statistics.median(column) for column in zip(*ours, strict=True))
        ratio = statistics.median(their[0] / our[0] for their, our in zip(theirs, ours, strict=True))
        print(
            f"{way.name:40} {messages / wall:6.0f} messages/s  {1000 * used / messages:5.1f} ms CPU each"
            f"  {ratio:5.2f} times nncp-toss"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
