"""``gateway top``: the live view on a real terminal, one plain frame, objects of JSON."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from gateway.cli.top_facts import Facts
from gateway.cli.top_screen import screen
from gateway.engine.shape import Shape
from gateway.journal.entry import Entry
from gateway.service.overview import Held, Overview, Standing
from gateway.service.stock import Pile, Stock
from tests.real.nodes import Node
from tests.real.programs import gateway_script

BATCH = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\nbody\n.\n"
NOW = 1_790_000_000.0
NOTHING = Pile(0, 0, 0.0)
EVIL = "no handle\x1b[2Jfor\nbob"
EVENT = Entry("2026-09-21T14:13:10.000000000Z", 1, "call-failed", "", "bob", 0, 0, EVIL, {})
GUARD = 60.0


def facts(nodes: int) -> Facts:
    names = [f"node{number}" for number in range(nodes)]
    shape = Shape({name: [2, 0, 0, 0, 0, 1, 0, 0, 0, 0] for name in names})
    pile = Pile(3, 5000, NOW - 7200)
    return Facts(
        "hub",
        NOW,
        Stock({(name, "tx"): pile for name in names}, shape, 1 << 30),
        Overview(
            [Standing(name, "via relay", pile, NOTHING, NOTHING, NOTHING, EVENT) for name in names],
            [EVENT] * 50,
            [Held("B" * 52, "bob", EVIL, NOW - 60)],
        ),
    )


def drawn(width: int, height: int, nodes: int) -> list[str]:
    console = Console(width=width, height=height, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(screen(facts(nodes), width, height))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [30, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [3, 10, 24, 60])
@pytest.mark.parametrize("nodes", [0, 2, 500])
def test_a_screen_is_no_larger_than_the_terminal(width: int, height: int, nodes: int) -> None:
    lines = drawn(width, height, nodes)
    assert 1 <= len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert not any("\x1b" in line for line in lines), "what a peer wrote is not for the terminal to obey"


def test_a_screen_says_how_things_stand() -> None:
    lines = drawn(120, 40, 2)
    text = "\n".join(lines)
    assert lines[0].startswith(" hub  6 to go (9.8 KiB), oldest 2h, 0 held, 1.0 GiB free")
    assert "via relay" in text
    assert "failed, 10s ago" in text
    assert "2 █" in text
    assert "more)" not in text
    assert "(and 49" in "\n".join(drawn(120, 8, 50))


def test_a_narrow_screen_keeps_what_matters() -> None:
    head = drawn(40, 30, 2)[2]
    assert ["NODE", "OUT", "IN", "WORK", "HELD"] == head.split()[:5]


class Terminal:
    """``gateway top`` on a terminal of its own."""

    def __init__(self, node: Node, *words: str, environ: Mapping[str, str] | None = None) -> None:
        self.fd, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.before = termios.tcgetattr(other)
        self.other = other
        # Whoever runs the tests in the background has interrupts ignored by everything below.
        heeding = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [gateway_script(), "--config", str(node.toml), "top", *words],
            stdin=other,
            stdout=other,
            stderr=other,
            env={**os.environ, "TERM": "xterm-256color", **(environ or {})},
        )
        signal.signal(signal.SIGINT, heeding)
        self.output = b""

    def until(self, text: bytes) -> None:
        deadline = time.monotonic() + GUARD
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            if select.select([self.fd], [], [], 1.0)[0]:
                self.output += os.read(self.fd, 65536)

    def ended(self) -> int:
        self.until(b"\x1b[?1049l")
        status = self.process.wait(GUARD)
        assert self.before == termios.tcgetattr(self.other), "the terminal is as it was"
        os.close(self.fd)
        os.close(self.other)
        return status


def test_the_live_view_follows_and_q_leaves(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    terminal = Terminal(alice, "--every", "0.2")
    terminal.until(b"0 to go")
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=BATCH).status
    terminal.until(b"1 to go")
    terminal.until(b"submitted")
    os.write(terminal.fd, b"q")
    assert 0 == terminal.ended()
    assert b"\x1b[3" in terminal.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(two_nodes: tuple[Node, Node], number: signal.Signals) -> None:
    terminal = Terminal(two_nodes[0])
    terminal.until(b"0 to go")
    terminal.process.send_signal(number)
    assert 0 == terminal.ended()


def test_without_colours_where_they_are_not_wanted(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=BATCH).status
    terminal = Terminal(alice, environ={"NO_COLOR": "1"})
    terminal.until(b"submitted")
    os.write(terminal.fd, b"q")
    assert 0 == terminal.ended()
    assert b"[32m" not in terminal.output


def test_one_plain_frame_where_there_is_no_terminal(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=BATCH).status
    for words in ((), ("--once",)):
        done = alice.gateway("top", *words)
        text = done.stdout.decode()
        assert (0, "", False) == (done.status, done.stderr.decode(), "\x1b" in text), done
        assert "1 to go" in text
        assert ["NODE", "MINUTES", "WHEN"] == [part.split()[0] for part in text.split("\n\n")[1:]]


def test_json_is_an_object_each_time(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=BATCH).status
    done = alice.gateway("top", "--json", "--once")
    [found] = map(json.loads, done.stdout.splitlines())
    assert (1, 0, "bob") == (found["waiting"], found["held"], found["neighbours"][0]["node"])
    assert 1 == found["neighbours"][0]["tx"]["packets"]
    assert "submitted" == found["events"][0]["event"]
    command = [gateway_script(), "--config", str(alice.toml), "top", "--json", "--every", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.terminate()
    assert lines[0]["time"] < lines[2]["time"]


def test_a_spool_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    node = Node(tmp_path / "x", "x")
    node.spool = tmp_path / "gone" / "spool"
    node.write()
    done = node.gateway("top", "--once")
    assert 75 == done.status
    assert 1 == len(done.stderr.splitlines())
