"""Clients that do what they should not: each ends its own conversation, and the others are served."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.mail.lmtp import MAX_RECIPIENTS
from gateway.service import lmtp as part
from gateway.service import lmtp_conversation
from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, gateway_script
from tests.service.lmtp import LIMIT, Client, served, serving, wait_until

TEXT = b"Subject: x\r\n\r\nhi\r\n.\r\n"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lmtp.sock")


@pytest.fixture
def alice(two_nodes: tuple[Node, Node], path: str) -> Node:
    served(two_nodes[0], Path(path))
    return two_nodes[0]


def is_served(path: str) -> None:
    """Hand a message over."""
    with Client(path) as client:
        client.begin("x@b.example")
        assert [250] == client.say(TEXT)
        assert [221] == client.say(b"QUIT\r\n")


def test_who_leaves_in_the_middle_has_sent_nothing(alice: Node, path: str) -> None:
    with serving(alice) as service:
        with Client(path) as client:
            client.begin("x@b.example")
            client.socket.sendall(b"Subject: x\r\n\r\nhalf")
        wait_until(lambda: bool(service.said))
        is_served(path)
    assert ["lmtp: the client left in the middle of a transaction"] == service.said
    assert 1 == len(alice.packets("tx"))
    assert [] == alice.temporary()


def test_who_is_silent_is_sent_away(alice: Node, path: str) -> None:
    with serving(alice, patience=0.3) as service, Client(path) as idle, Client(path) as late:
        late.begin("x@b.example")
        late.socket.sendall(b"Subject: x\r\n")
        assert [421] == late.read()
        assert late.at_end()
        assert [220, 421] == idle.read(2)
        assert idle.at_end()
        wait_until(lambda: bool(service.said))
        is_served(path)
    assert ["lmtp: the client was silent for too long"] == service.said
    assert [] == alice.temporary()


def test_who_sends_an_octet_now_and_then_is_sent_away_as_well(
    alice: Node, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmtp_conversation, "LONGEST", 0.5)
    pause = threading.Event()
    with serving(alice), Client(path) as slow:
        slow.begin("x@b.example")
        slow.socket.settimeout(0.05)
        for _ in range(int(LIMIT * 20)):
            try:
                slow.socket.sendall(b"x")
            except OSError:
                break
            pause.wait(0.05)
        else:
            raise AssertionError("it was never sent away")
        is_served(path)
    assert [] == alice.temporary()


def test_who_takes_no_answers_hinders_nobody(alice: Node, path: str) -> None:
    with serving(alice, patience=0.5) as service, Client(path) as deaf:
        deaf.socket.settimeout(1)
        sent = 0
        with suppress(OSError):
            for sent in range(1000):  # noqa: B007 - how far it came
                deaf.socket.sendall(b"NOOP\r\n" * 10_000)
        assert 999 > sent
        is_served(path)
        wait_until(lambda: not service.part._clients)


@pytest.mark.parametrize(
    "octets",
    [
        os.urandom(100_000), b"\r\n" * 10_000, b"x" * 1_000_000, b"MAIL\x00FROM:<>\r\n" * 1000,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["noise", "empty lines", "one line", "NULs", "HTTP"],
)  # fmt: skip
def test_what_is_no_lmtp(alice: Node, path: str, octets: bytes) -> None:
    with serving(alice), Client(path) as client:
        try:
            client.socket.sendall(octets + b"\r\nQUIT\r\n")
            client.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        while not client.at_end():
            pass
        is_served(path)
    assert 1 == len(alice.packets("tx"))


def test_too_many_recipients_are_put_off(alice: Node, path: str) -> None:
    with serving(alice), Client(path) as client:
        client.read()
        client.say(b"LHLO x\r\n")
        lines = b"MAIL FROM:<>\r\n" + b"".join(
            b"RCPT TO:<u%d@b.example>\r\n" % n for n in range(MAX_RECIPIENTS + 5)
        )
        codes = client.say(lines + b"DATA\r\n", MAX_RECIPIENTS + 7)
        assert [250] * (MAX_RECIPIENTS + 1) + [452] * 5 + [354] == codes
        assert [250] * MAX_RECIPIENTS == client.say(TEXT, MAX_RECIPIENTS)
    assert 1 == len(alice.packets("tx"))


def test_a_size_that_does_not_fit_the_disk_is_put_off_before_it_comes(alice: Node, path: str) -> None:
    with serving(alice), Client(path) as client:
        client.read()
        assert [250, 452] == client.say(b"LHLO x\r\nMAIL FROM:<> SIZE=%d\r\n" % 2**62, 2)


def test_the_configured_size_is_held(alice: Node, path: str) -> None:
    served(alice, Path(path), 'lmtp-max-size = "1 KiB"')
    with serving(alice), Client(path) as client:
        client.read()
        assert [250, 552] == client.say(b"LHLO x\r\nMAIL FROM:<> SIZE=1025\r\n", 2)
        client.open("x@b.example")
        assert [552] == client.say(b"x" * 2000 + b"\r\n.\r\n")
        client.open("x@b.example")
        assert [250] == client.say(TEXT)
    assert [] == alice.temporary()


def test_more_clients_than_there_is_room_for_wait(
    alice: Node, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "MOST_CLIENTS", 2)
    with serving(alice), ThreadPoolExecutor(8) as pool:
        list(pool.map(is_served, [path] * 16, timeout=LIMIT))
    assert 16 == len(alice.packets("tx"))


def test_who_has_nothing_to_say_makes_room_for_who_has(
    alice: Node, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "MOST_CLIENTS", 3)
    monkeypatch.setattr(part, "WELCOME", 0.2)
    with serving(alice) as service, Client(path) as idle, Client(path) as other, Client(path) as busy:
        assert [[220], [220]] == [idle.read(), other.read()]
        busy.begin("x@b.example")
        is_served(path)
        assert idle.at_end()
        assert other.at_end()
        assert [250] == busy.say(TEXT)
    assert [] == service.said


@pytest.mark.parametrize("clients", [1, 8, 32])
def test_many_at_once(alice: Node, path: str, clients: int) -> None:
    def client(number: int) -> None:
        with Client(path) as one:
            one.begin("x@b.example")
            for turn in range(4):
                if turn:
                    one.open("x@b.example")
                assert [250] == one.say(b"Subject: %d %d\r\n" % (number, turn) + TEXT)

    with serving(alice) as service, ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients), timeout=LIMIT))
        wait_until(lambda: alice.records().count("Who: tx") == 4 * clients)
    assert [] == service.said
    assert 4 * clients == len(alice.packets("tx"))
    assert [] == alice.temporary()


def test_a_node_whose_directory_refuses_defers_its_own_recipients_only(
    alice: Node, path: str, tmp_path: Path
) -> None:
    """Each node's share stands for itself."""
    carol = Node(tmp_path / "carol", "carol")
    alice.tail = alice.tail.replace('"*" = "bob"', '"b.example" = "bob"\n"c.example" = "carol"')
    alice.know(carol)
    with serving(alice), Client(path) as client:
        client.begin("x@b.example", "z@c.example", "y@b.example")
        (alice.spool / carol.keys.id).mkdir()
        (alice.spool / carol.keys.id / "tx").touch()
        assert [250, 452, 250] == client.say(TEXT, 3)
        (alice.spool / carol.keys.id / "tx").unlink()
        client.open("x@b.example", "z@c.example")
        assert [250, 250] == client.say(TEXT, 2)
    assert 3 == len(alice.packets("tx"))
    assert [] == alice.temporary()


def test_an_address_that_a_form_cannot_carry_is_refused_alone(
    three_nodes: tuple[Node, Node, Node], path: str
) -> None:
    """The form rmail puts recipients into arguments, and this one is too long for that."""
    alice, _, bob = three_nodes
    served(alice, Path(path))
    alice.know(bob, toml='mail = { form = "rmail", handle = "rmail" }')
    with serving(alice), Client(path) as client:
        client.read()
        commands = (
            f"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<x@b.example>\r\nRCPT TO:<{'x' * 243}@r.example>\r\nDATA\r\n"
        )
        assert [250, 250, 250, 554, 354] == client.say(commands.encode(), 5)
        assert [250] == client.say(TEXT)


def test_the_address_names_the_node_where_the_configuration_says_so(
    three_nodes: tuple[Node, Node, Node], path: str
) -> None:
    alice, relay, bob = three_nodes
    served(alice, Path(path), 'lmtp-node-after = "+"')
    with serving(alice), Client(path) as client:
        client.begin("joe+relay@b.example", "joe+tag@b.example", "joe+self@b.example")
        assert [250] * 3 == client.say(TEXT, 3)
        assert b"queued for bob" in client.last
    records = alice.records()
    assert 2 == records.count("Who: tx")
    assert f"Node: {relay.keys.id}" in records
    assert f"Node: {bob.keys.id}" in records


def test_told_to_end_it_lets_a_transaction_come_to_its_end_and_sends_the_idle_away(
    alice: Node, path: str
) -> None:
    with serving(alice) as service, Client(path) as idle, Client(path) as busy:
        assert [220] == idle.read()
        busy.begin("x@b.example")
        busy.socket.sendall(b"Subject: x\r\n")
        service.cancel()
        assert [421] == idle.read()
        assert idle.at_end()
        assert [250, 421] == busy.say(b"\r\nhi\r\n.\r\n", 2)
        assert busy.at_end()
        service.join()
    assert 1 == len(alice.packets("tx"))


def test_told_to_end_it_does_not_wait_for_clients_that_say_nothing_or_take_no_answers(
    alice: Node, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmtp_conversation, "PARTING", 0.2)
    with serving(alice) as service, Client(path) as silent, Client(path) as deaf, Client(path) as chatty:
        silent.begin("x@b.example")
        silent.socket.sendall(b"Subject: x\r\n")
        deaf.socket.settimeout(1.0)
        with suppress(TimeoutError):
            while True:
                deaf.socket.sendall(b"LHLO x\r\n" * 5000)
        assert [220] == chatty.read()
        service.cancel()
        assert [421] == silent.read()
        assert b"shutting down" in silent.last
        service.join()
    assert [] == alice.packets("tx")


class Resident:
    """`gateway serve` as a process of its own, with nothing but LMTP to do."""

    def __init__(self, node: Node) -> None:
        words = [gateway_script(), "--config", str(node.toml), "serve"]
        self.process = subprocess.Popen(words, env=ENVIRONMENT, stderr=subprocess.PIPE)

    def most_memory(self) -> float:
        """Return the most that was resident so far [MiB]."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.findall(r"VmHWM:\s+(\d+)", file.read())[0]) / 1024

    def end(self) -> None:
        self.process.terminate()
        _, err = self.process.communicate(timeout=LIMIT)
        assert 0 == self.process.returncode, err


def test_what_was_answered_survives_the_death_of_the_service(alice: Node, path: str) -> None:
    """Killed at any moment: every packet that an answer named is queued, and whole."""
    answered: list[str] = []
    resident = Resident(alice)
    started = threading.Barrier(9)

    def client(number: int) -> None:
        with Client(path) as one:
            one.begin("x@b.example")
            started.wait(LIMIT)
            with suppress(OSError, AssertionError):  # it hung up
                while True:
                    one.say(b"Subject: %d %d\r\n" % (number, len(answered)) + TEXT)
                    answered.append(one.last.decode().split()[-1])
                    one.open("x@b.example")

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(client, number) for number in range(8)]
        started.wait(LIMIT)
        wait_until(lambda: len(answered) > 40)
        resident.process.kill()
        for one in clients:
            one.result(LIMIT)
    resident.process.communicate()
    assert len(answered) == len(set(answered))
    assert set(answered) <= {packet.name for packet in alice.packets("tx")}
    assert 0 == alice.gateway("toss").status  # which clears away what the dead one left
    assert [] == alice.temporary()


def test_50_mb_take_no_more_memory_than_5(alice: Node, path: str) -> None:
    lines = os.urandom(36 * 65536).hex()
    piece = b"".join(lines[at : at + 72].encode() + b"\r\n" for at in range(0, len(lines), 72))

    def send(times: int) -> None:
        with Client(path) as client:
            client.begin("x@b.example")
            for _ in range(times):
                client.socket.sendall(piece)
            assert [250] == client.say(b".\r\n")

    resident = Resident(alice)
    try:
        send(1)
        before = resident.most_memory()
        send(11)
        assert 50_000_000 < 11 * len(piece)
        assert before + 24 > resident.most_memory()
    finally:
        resident.end()
    assert 2 == len(alice.packets("tx"))
    assert 0 == alice.gateway("queue", "list").status


@pytest.mark.nncp
def test_what_serve_took_is_sound_to_nncp(alice: Node, path: str, nncp_bin: Path) -> None:
    resident = Resident(alice)
    try:
        is_served(path)
    finally:
        resident.end()
    alice.nncp_bin = nncp_bin
    assert 1 == len(alice.packets("tx"))
    assert 0 == alice.nncp("check").status
