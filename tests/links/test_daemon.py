"""The daemon as a process, and peers that mean it ill: it lives on and serves the others."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.links.sync.envelope import MAGIC
from gateway.links.sync.messages import File, Info
from gateway.packet.header import Header
from gateway.packet.identity import decode
from gateway.packet.mth import MerkleTree
from tests.links.mallory import DEEDS, ONE, Mallory
from tests.real.nodes import Node, wait
from tests.real.programs import ENVIRONMENT, gateway_script, run, run_gateway

QUICK = "onlinedeadline = 2"


@pytest.fixture
def trio(tmp_path: Path) -> tuple[Node, Node, Node]:
    """bob, and his neighbours alice and mallory."""
    alice, bob, mallory = (Node(tmp_path / name, name) for name in ("alice", "bob", "mallory"))
    for other in (alice, mallory):
        other.know(bob, toml=QUICK)
        bob.know(other, toml=QUICK)
    return alice, bob, mallory


@contextmanager
def daemon(node: Node, *arguments: str, patience: str = "1") -> Iterator[tuple[str, int]]:
    """Run the daemon; yield its address. It must still be there at the end, and leave when told to."""
    with (node.directory / "out").open("wb") as output:
        process = subprocess.Popen(
            [gateway_script(), "--config", str(node.toml), "daemon", "--bind", "127.0.0.1:0", *arguments],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env=ENVIRONMENT | {"NNCPDEADLINE": patience},
        )  # fmt: skip
        try:
            until = time.monotonic() + 30
            while b"listening on" not in (node.directory / "out").read_bytes():
                assert process.poll() is None, said(node)
                assert time.monotonic() < until
                time.sleep(0.05)
            line = next(line for line in said(node).splitlines() if "listening on" in line)
            yield "127.0.0.1", int(line.rpartition(":")[2])
            assert process.poll() is None, said(node)
        finally:
            process.send_signal(signal.SIGTERM)
            status = wait(process, 20)
    assert 0 == status
    assert "Traceback" not in said(node)


def said(node: Node) -> str:
    return (node.directory / "out").read_text()


def packet(sender: Node, recipient: Node, size: int = 500) -> tuple[str, bytes]:
    header = Header(
        niceness=160, sender=decode(sender.keys.id), recipient=decode(recipient.keys.id), exchpub=bytes(32)
    )
    data = header.encode() + bytes(size)
    tree = MerkleTree()
    tree.update(data)
    return tree.name(), data


def queue(sender: Node, recipient: Node) -> None:
    done = sender.gateway("exec", recipient.name, "keep", stdin=b"hello")
    assert 0 == done.status, done


def served(alice: Node, bob: Node, address: tuple[str, int]) -> None:
    """A decent neighbour's mail crosses."""
    queue(alice, bob)
    waiting = {path.name for path in alice.packets("tx")}
    done = run_gateway("--config", str(alice.toml), "call", f"bob:{address[0]}:{address[1]}")
    assert 0 == done.status, done
    assert waiting <= {path.name for path in bob.packets("rx", alice)}
    assert [] == alice.packets("tx")


def test_whatever_one_caller_does_the_next_is_served(trio: tuple[Node, Node, Node]) -> None:
    alice, bob, evil = trio
    with daemon(bob) as address:
        for name, deed in DEEDS.items():
            mallory = Mallory(address, evil, bob)
            with closing(mallory.end):
                deed(mallory)
                mallory.until_closed()  # by bob, and soon
            assert "Traceback" not in said(bob), name
        served(alice, bob, address)
        served(evil, bob, address)


def test_callers_that_hold_on_keep_nobody_else_away(trio: tuple[Node, Node, Node]) -> None:
    alice, bob, evil = trio
    with daemon(bob, patience="20") as address:
        idle = [socket.create_connection(address) for _ in range(20)]
        mallory = Mallory(address, evil, bob).greet(Info(160, 1 << 20, ONE))
        mallory.end.sendall(MAGIC)
        served(alice, bob, address)
        for end in (*idle, mallory.end):
            end.close()


def test_more_connections_than_allowed_are_closed(trio: tuple[Node, Node, Node]) -> None:
    alice, bob, _ = trio
    with daemon(bob, "--max-connections", "2", patience="2") as address:
        ends = [socket.create_connection(address, timeout=20) for _ in range(3)]
        begin = time.monotonic()
        assert b"" == ends[2].recv(1)
        for end in ends[:2]:
            assert b"" == end.recv(1)
        assert time.monotonic() - begin < 20
        for end in ends:
            end.close()
        time.sleep(0.5)
        served(alice, bob, address)


def test_a_limit_of_connections(trio: tuple[Node, Node, Node]) -> None:
    alice, bob, evil = trio
    bob.know(evil, toml=QUICK + "\nlimits.connections = 0")
    with daemon(bob) as address:
        mallory = Mallory(address, evil, bob)
        with closing(mallory.end), pytest.raises(AssertionError, match="hung up"):
            mallory.greet()
        served(alice, bob, address)


def test_a_bad_transfer_leaves_nothing_and_the_next_session_brings_the_packet(
    trio: tuple[Node, Node, Node],
) -> None:
    """Real NNCP keeps such a part, and never takes the packet again."""
    _, bob, evil = trio
    name, data = packet(evil, bob, 3000)
    for content in (data[:-1] + b"!", data):
        with daemon(bob) as address:
            mallory = Mallory(address, evil, bob).greet(Info(160, len(data), decode(name)))
            with closing(mallory.end):
                time.sleep(0.5)
                mallory.say(File(decode(name), 0, content).encode())
                mallory.until_closed()
        rx = bob.spool / evil.keys.id / "rx"
        assert [] == list(rx.glob("*.part")) + list(rx.glob("*.nock"))
        assert ([data] if content == data else []) == [p.read_bytes() for p in bob.packets("rx", evil)]


def test_a_peer_that_takes_no_answers_costs_little(trio: tuple[Node, Node, Node]) -> None:
    """Announcing without end, never reading: the session ends before the memory does."""
    alice, bob, evil = trio
    known, data = packet(evil, bob)
    seen = bob.spool / evil.keys.id / "rx" / "seen"
    seen.mkdir(parents=True)
    (seen / known).touch()
    with daemon(bob) as address:
        mallory = Mallory(address, evil, bob).greet()
        infos = b"".join(Info(160, 10**6, n.to_bytes(32, "big")).encode() for n in range(1300))
        stop = threading.Event()

        def flood() -> None:
            try:
                for _ in range(100):
                    if stop.is_set():
                        return
                    mallory.say(infos)
                    mallory.say(Info(160, len(data), decode(known)).encode() * 1300)
            except OSError:
                pass

        thread = threading.Thread(target=flood)
        thread.start()
        served(alice, bob, address)
        stop.set()
        mallory.end.close()
        thread.join()


def test_two_sessions_with_one_node_exclude_each_other(trio: tuple[Node, Node, Node]) -> None:
    alice, bob, _ = trio
    with daemon(bob) as address:
        first = Mallory(address, alice, bob).greet()
        queue(alice, bob)
        done = alice.gateway("call", f"bob:{address[0]}:{address[1]}")
        assert 75 == done.status, done
        first.end.close()
        time.sleep(1)
        served(alice, bob, address)


@pytest.mark.parametrize("spec", ["bob:127.0.0.1:1", "bob:|exit 3", "bob:nowhere.invalid:5400", "bob"])
def test_a_call_that_reaches_nobody_is_temporary(trio: tuple[Node, Node, Node], spec: str) -> None:
    alice, _, _ = trio
    done = alice.gateway("call", spec)
    assert done.status == (1 if spec == "bob" else 75), done
    assert 1 == len(done.messages), done


def test_inetd_hears_nothing_of_what_we_say(trio: tuple[Node, Node, Node]) -> None:
    """Its stderr is the connection."""
    _, bob, _ = trio
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [gateway_script(), "--config", str(bob.toml), "daemon", "-inetd"],
            stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT,
        )  # fmt: skip
        theirs.close()
        ours.sendall(b"GET / HTTP/1.1\r\n\r\n")
        ours.settimeout(30)
        got = b""
        try:
            while data := ours.recv(1000):
                got += data
        except ConnectionError:
            pass
        assert b"" == got
        assert 75 == wait(process, 20)


def test_commands_refuse_what_makes_no_sense(trio: tuple[Node, Node, Node]) -> None:
    alice, _, _ = trio
    for words in (["--rx", "--tx", "bob"], ["--list", "--rx", "bob"], ["bob:"], []):
        assert 2 == alice.gateway("call", *words).status
    assert 75 == alice.gateway("call", "nobody").status
    assert 75 == alice.gateway("daemon", "--bind", "127.0.0.1:notaport").status
    assert 0 == run([gateway_script(), "call", "--help"], environ=ENVIRONMENT).status


def test_a_call_that_is_told_to_leave_ends_in_good_order(trio: tuple[Node, Node, Node]) -> None:
    alice, bob, _ = trio
    queue(alice, bob)
    with daemon(bob) as address:
        process = subprocess.Popen(
            [gateway_script(), "--config", str(alice.toml), "call", "--onlinedeadline", "60",
             f"bob:{address[0]}:{address[1]}"],
            env=ENVIRONMENT, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + 30
        while alice.packets("tx") and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert 0 == wait(process, 10)
    assert 1 == len(bob.packets("rx", alice))


def test_a_command_that_is_called_over_is_gone_afterwards(
    trio: tuple[Node, Node, Node], tmp_path: Path
) -> None:
    alice, bob, _ = trio
    queue(alice, bob)
    mark = tmp_path / "ended"
    line = f"{gateway_script()} --config {bob.toml} daemon --stdio; touch {mark}"
    assert 0 == alice.gateway("call", f"bob:|{line}").status
    assert mark.exists()
    assert 1 == len(bob.packets("rx", alice))
