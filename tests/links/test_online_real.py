"""Online sessions with the real nncp-call and nncp-daemon at the other end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.real.nodes import MAKES, Make, Node, wait
from tests.real.programs import ENVIRONMENT, Finished, gateway_script, run

pytestmark = pytest.mark.nncp
QUICK = "onlinedeadline = 2"


@pytest.fixture
def pair(tmp_path: Path, nncp_bin: Path) -> tuple[Node, Node]:
    alice, bob = (Node(tmp_path / name, name, nncp_bin) for name in ("alice", "bob"))
    alice.know(bob, toml=QUICK)
    bob.know(alice, toml=QUICK)
    return alice, bob


def command(node: Node, make: Make, word: str, *arguments: str) -> list[str]:
    if make == "nncp":
        return node.nncp_command(word, *arguments)
    return [gateway_script(), "--config", str(node.toml), word, *arguments]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def daemon(node: Node, make: Make, *arguments: str) -> Iterator[str]:
    """Run a daemon; yield its address."""
    address = f"127.0.0.1:{free_port()}"
    output: IO[bytes] = (node.directory / "daemon.out").open("ab")
    process = subprocess.Popen(
        command(node, make, "daemon", "-bind", address, *arguments),
        stdout=output, stderr=output, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0:
                    break
            assert process.poll() is None, (node.directory / "daemon.out").read_text()
            time.sleep(0.05)
        yield address
        assert process.poll() is None, (node.directory / "daemon.out").read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        status = wait(process, 15)
        output.close()
    if make == "gateway":
        assert 0 == status


def call(node: Node, make: Make, address: str, *flags: str, status: int | None = 0) -> Finished:
    """Call the other node; NNCP's own status counts transfers that it had no share in."""
    other = next(iter(node.neighbours))
    words = [*flags, f"{other}:{address}"]
    if make == "nncp":
        words = ["-onlinedeadline", "2", *flags, other, address]
    done = run(command(node, make, "call", *words))
    if status is not None and make == "gateway":
        assert status == done.status, done
    return done


def queue(node: Node, *sizes: int, nice: str = "N") -> set[str]:
    """Queue packets for the other node; return their names."""
    other = next(iter(node.neighbours))
    before = {path.name for path in node.packets("tx")}
    for size in sizes:
        done = node.nncp(
            "exec", "-quiet", "-nice", nice, "-nocompress", other, "keep", stdin=os.urandom(size)
        )
        assert 0 == done.status, done
    return {path.name for path in node.packets("tx")} - before


def names(node: Node, box: str) -> set[str]:
    return {path.name for path in node.packets(box)}  # type: ignore[arg-type]


PAIRS = [("gateway", "nncp"), ("nncp", "gateway"), ("gateway", "gateway")]
makes = pytest.mark.parametrize(("calling", "called"), PAIRS, ids=["we call", "we answer", "both ours"])
SIZES = [0, 1, 1000, 65_000, 131_072, 3_000_000, *[500] * 40]


@makes
def test_packets_cross_both_ways(pair: tuple[Node, Node], calling: Make, called: Make) -> None:
    alice, bob = pair
    there, back = queue(alice, *SIZES), queue(bob, *SIZES)
    whole = {path.name: path.read_bytes() for node in pair for path in node.packets("tx")}
    with daemon(bob, called) as address:
        call(alice, calling, address)
    assert (there, back) == (names(bob, "rx"), names(alice, "rx"))
    assert (set(), set()) == (names(alice, "tx"), names(bob, "tx"))
    assert whole == {path.name: path.read_bytes() for node in pair for path in node.packets("rx")}
    assert [] == [path for node in pair for path in node.spool.rglob("*.part")]
    for node in pair:
        assert 0 == node.nncp("check").status


@makes
def test_over_a_command(pair: tuple[Node, Node], calling: Make, called: Make) -> None:
    alice, bob = pair
    there, back = queue(alice, 10, 200_000), queue(bob, 20, 300_000)
    flag = "-ucspi" if called == "nncp" else "--stdio"
    line = " ".join(command(bob, called, "daemon", flag))
    call(alice, calling, f"|{line}")
    assert (there, back) == (names(bob, "rx"), names(alice, "rx"))
    assert (set(), set()) == (names(alice, "tx"), names(bob, "tx"))


@makes
@pytest.mark.parametrize("way", ["there", "back"])
def test_a_transfer_goes_on_where_it_was_cut(
    pair: tuple[Node, Node], calling: Make, called: Make, way: str
) -> None:
    alice, bob = pair
    sender, receiver = (alice, bob) if way == "there" else (bob, alice)
    (name,) = queue(sender, 3_000_000)
    (path,) = sender.packets("tx")
    data = path.read_bytes()
    rx = receiver.spool / sender.keys.id / "rx"
    rx.mkdir(parents=True)
    (rx / f"{name}.part").write_bytes(data[:2_000_001])
    with daemon(bob, called) as address:
        call(alice, calling, address)
    assert data == (rx / name).read_bytes()
    assert set() == names(sender, "tx")


@makes
def test_a_packet_that_is_queued_meanwhile_crosses(
    pair: tuple[Node, Node], calling: Make, called: Make
) -> None:
    alice, bob = pair
    queue(alice, 10)
    with daemon(bob, called) as address:
        words = command(alice, calling, "call", "-onlinedeadline", "5", "bob", address)
        process = subprocess.Popen(
            words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 20
        while not names(bob, "rx") and time.monotonic() < until:
            time.sleep(0.05)
        there, back = queue(alice, 10), queue(bob, 100_000)
        wait(process, 40)
    assert there <= names(bob, "rx")
    assert back == names(alice, "rx")


@makes
@pytest.mark.parametrize("flag", ["-rx", "-tx"])
def test_one_way_only(pair: tuple[Node, Node], calling: Make, called: Make, flag: str) -> None:
    alice, bob = pair
    there, back = queue(alice, 10), queue(bob, 20)
    with daemon(bob, called) as address:
        call(alice, calling, address, flag)
    expected = (set(), back) if flag == "-rx" else (there, set())
    assert expected == (names(bob, "rx"), names(alice, "rx"))


@makes
def test_a_listing_moves_nothing(pair: tuple[Node, Node], calling: Make, called: Make) -> None:
    alice, bob = pair
    (name,) = queue(bob, 20)
    with daemon(bob, called) as address:
        done = call(alice, calling, address, "-list")
    assert name.encode() in done.stdout + done.stderr
    assert ({name}, set()) == (names(bob, "tx"), names(alice, "rx"))


@makes
def test_niceness(pair: tuple[Node, Node], calling: Make, called: Make) -> None:
    alice, bob = pair
    urgent = queue(alice, 10, nice="F"), queue(bob, 10, nice="F")
    nice = queue(alice, 10, nice="B"), queue(bob, 10, nice="B")
    with daemon(bob, called) as address:
        call(alice, calling, address, "-nice", "P")
    assert urgent == (names(bob, "rx"), names(alice, "rx"))
    assert nice == (names(alice, "tx"), names(bob, "tx"))


@pytest.mark.parametrize("which", ["rx", "tx"])
@makes
def test_busy_locks_refuse_the_session(
    pair: tuple[Node, Node], calling: Make, called: Make, which: str
) -> None:
    import fcntl

    alice, bob = pair
    queue(alice, 10)
    lock = bob.spool / alice.keys.id / f"{which}.lock"
    lock.parent.mkdir(exist_ok=True)
    with daemon(bob, called) as address:
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            done = call(alice, calling, address, status=75)
            assert 0 != done.status
        assert set() == names(bob, "rx")
        if called == "gateway":  # nncp-daemon keeps the other lock
            call(alice, calling, address)
            assert 1 == len(names(bob, "rx"))


@pytest.mark.parametrize("make", MAKES)
def test_nncp_reads_our_records_of_a_session(pair: tuple[Node, Node], make: Make) -> None:
    alice, bob = pair
    (name,) = queue(alice, 10)
    with daemon(bob, make) as address:
        call(alice, "gateway", address)
    for node, who in ((alice, "sp-done"), (bob, "sp-file-done")):
        assert re.search(rf"Who: {who}\n(?:.+\n)*Pkt: {name}", node.records())
        assert name in node.nncp("log").stdout.decode()
