"""``gateway serve`` as operators run it: real processes, TCP, signals, kills."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.real.cap import write_recorder
from tests.real.nodes import Node
from tests.real.programs import gateway_script
from tests.service.conftest import Pair, inbox
from tests.service.resident import Resident, free_port, mail, resident, serving, subjects, submit, until


def test_mail_crosses_without_a_command_in_between(pair: Pair) -> None:
    with serving(pair.bob) as bob, serving(pair.alice) as alice:
        for number in range(3):
            submit(pair.alice, pair.bob, f"mail {number}")
            until(lambda number=number: f"mail {number}" in subjects(pair.at_bob))  # type: ignore[misc]
        assert (0, 0) == (alice.end(), bob.end())
    assert ["mail 0", "mail 1", "mail 2"] == subjects(pair.at_bob)
    assert [] == pair.alice.packets("tx") + pair.bob.packets("rx") + pair.bob.packets("work")


def test_what_waits_at_the_called_end_comes_back_in_the_same_session(pair: Pair) -> None:
    with serving(pair.bob), serving(pair.alice):
        submit(pair.bob, pair.alice, "answer")
        submit(pair.alice, pair.bob, "question")
        until(lambda: subjects(pair.at_bob) and subjects(pair.alice.directory / "Maildir"))


@pytest.mark.parametrize("victim", ["alice", "bob"])
def test_a_kill_in_the_middle_of_a_transfer_loses_and_doubles_nothing(pair: Pair, victim: str) -> None:
    size = 12_000_000
    with serving(pair.bob) as bob, serving(pair.alice) as alice:
        submit(pair.alice, pair.bob, "long", size)
        until(lambda: list(pair.bob.spool.glob("*/rx/*.part")), "a transfer")
        {"alice": alice, "bob": bob}[victim].end(signal.SIGKILL)
        with serving({"alice": pair.alice, "bob": pair.bob}[victim]):
            until(lambda: subjects(pair.at_bob))
            submit(pair.alice, pair.bob, "next")
            until(lambda: len(subjects(pair.at_bob)) >= 2)
            until(lambda: not pair.alice.packets("tx"))
    assert ["long", "next"] == subjects(pair.at_bob)


def test_what_a_directory_brings_is_delivered_at_once(pair: Pair, tmp_path: Path) -> None:
    medium = tmp_path / "stick"
    with serving(pair.bob):
        submit(pair.alice, pair.bob, "by stick")
        medium.mkdir()
        assert 0 == pair.alice.gateway("xfer", "--mkdir", str(medium)).status
        assert 0 == pair.bob.gateway("xfer", str(medium)).status
        until(lambda: ["by stick"] == subjects(pair.at_bob))


def failed(node: Node) -> int:
    """Return how many calls have failed, by the journal."""
    return (node.spool / "journal" / "events.jsonl").read_text().count('"event": "call-failed"')


def test_a_link_that_fails_and_fails_is_told_of_once(pair: Pair) -> None:
    """With --quiet as well, and so is that it works again; the failures themselves are news."""
    pair.alice.tail = '[retry]\nwarn-after = "2s"\n'
    pair.alice.write()
    submit(pair.alice, pair.bob, "at last")
    with resident(pair.alice, "serve", "--quiet") as alice:
        alice.says("bob: the link has failed ")
        failures = failed(pair.alice)
        until(lambda: failed(pair.alice) >= failures + 2, "more failures")
        with serving(pair.bob):
            until(lambda: ["at last"] == subjects(pair.at_bob))
            alice.says("bob: the link works again, after ")
        assert 0 == alice.end()
    assert 1 == alice.said().count("the link has failed")
    assert "refused: gateway node probe bob" in alice.said()
    assert 1 == alice.said().count("refused")


def test_the_sender_of_mail_that_waits_hears_of_it(pair: Pair) -> None:
    alice = pair.alice
    alice.tail = f"[retry]\nwarn-sender = true\n[neigh.self]\n{inbox(alice)}"
    alice.write()
    submit(alice, pair.bob, "waits")
    [packet] = alice.packets("tx")
    os.utime(packet, (time.time() - 90_000,) * 2)
    with serving(alice):
        until(lambda: ["Mail is delayed and still on its way"] == subjects(alice.directory / "Maildir"))
    assert [packet] == alice.packets("tx")


def test_a_program_that_hangs_does_not_stop_anothers_mail(pair: Pair, tmp_path: Path) -> None:
    mallory = Node(tmp_path / "mallory", "mallory")
    mallory.know(pair.bob, toml=pair.alice.neighbours["bob"].toml)
    slow = write_recorder(tmp_path / "slow", sleep=3600)
    pair.bob.know(mallory, toml=f'exec.rsmtp = ["{slow.program}"]')
    with serving(pair.bob) as bob, serving(pair.alice), serving(mallory):
        for number in range(3):
            submit(mallory, pair.bob, f"hangs {number}")
        until(lambda: not mallory.packets("tx"))
        until(lambda: pair.bob.packets("work", mallory), "a delivery that hangs")
        for number in range(3):
            submit(pair.alice, pair.bob, f"goes on {number}")
        until(lambda: len(subjects(pair.at_bob)) == 3)
        # Told twice, it leaves at once; what hung is tried again another time.
        bob.send(signal.SIGTERM)
        time.sleep(0.5)
        assert 1 == bob.end()
        assert "Traceback" not in bob.said()
    assert 3 == len(pair.bob.packets("work", mallory) + pair.bob.packets("rx", mallory))


def test_peers_that_hang_or_babble_do_not_stop_anothers_mail(pair: Pair) -> None:
    with serving(pair.bob) as bob, ExitStack() as peers:
        for said in (b"", b"NNCPS\0\0\1", b"GET / HTTP/1.0\r\n\r\n", bytes(65536)):
            peer = peers.enter_context(socket.create_connection(("127.0.0.1", pair.port)))
            peer.sendall(said)
        with serving(pair.alice):
            submit(pair.alice, pair.bob, "goes on")
            until(lambda: ["goes on"] == subjects(pair.at_bob))
        assert 0 == bob.end()


def test_an_nncp_file_is_served(pair: Pair) -> None:
    pair.bob.know(pair.alice, handles={"rsmtp": ["/bin/false"]})
    command = [gateway_script(), "--config", str(pair.bob.hjson), "serve", "--bind", f"127.0.0.1:{pair.port}"]
    bob = Resident(command, pair.bob.directory / "serve.out")
    try:
        with serving(pair.alice):
            submit(pair.alice, pair.bob, "by its old file")
            until(lambda: pair.bob.packets("work"))
        bob.says("serves by")
        assert 0 == bob.end()
    finally:
        bob.close()


@contextmanager
def _delivering_to_its_end(pair: Pair, tmp_path: Path) -> Iterator[Resident]:
    """Serve at both ends while a slow program has a mail at bob's; afterwards that was delivered, once."""
    slow = write_recorder(tmp_path / "slow", sleep=3)
    pair.bob.know(pair.alice, toml=f'exec.rsmtp = ["{slow.program}"]')
    with serving(pair.bob) as bob, serving(pair.alice):
        submit(pair.alice, pair.bob, "slow")
        until(lambda: pair.bob.packets("work"))
        yield bob
    assert 1 == len(slow.calls())
    assert [] == pair.bob.packets("work") + pair.bob.packets("rx")


def test_deliveries_under_way_come_to_their_end(pair: Pair, tmp_path: Path) -> None:
    with _delivering_to_its_end(pair, tmp_path) as bob:
        assert 0 == bob.end()


def test_a_reload_before_it_does_not_cut_deliveries_short(pair: Pair, tmp_path: Path) -> None:
    with _delivering_to_its_end(pair, tmp_path) as bob:
        bob.send(signal.SIGHUP)
        bob.says("serves by", times=2)
        assert 0 == bob.end()


def test_a_reload_at_the_end_is_no_second_word(pair: Pair, tmp_path: Path) -> None:
    with _delivering_to_its_end(pair, tmp_path) as bob:
        bob.send(signal.SIGTERM)
        time.sleep(0.5)
        assert 0 == bob.end(signal.SIGHUP)


def test_at_the_limit_programs_are_killed_which_is_a_failed_attempt(pair: Pair, tmp_path: Path) -> None:
    slow = write_recorder(tmp_path / "slow", sleep=3600)
    pair.bob.know(pair.alice, toml=f'exec.rsmtp = ["{slow.program}"]')
    impatient = "import gateway.service.serve as s; s.DRAIN = 0.5; from gateway.__main__ import run; run()"
    command = [sys.executable, "-c", impatient, "--config", str(pair.bob.toml), "serve"]
    bob = Resident(command, pair.bob.directory / "serve.out")
    try:
        with serving(pair.alice):
            submit(pair.alice, pair.bob, "slow")
            until(slow.calls)
        assert 1 == bob.end()
    finally:
        bob.close()
    assert "not at their end after 0.5 s" in bob.said()
    [record] = pair.bob.spool.glob(f"{pair.alice.keys.id}/work/*.json")
    told = json.loads(record.read_text())
    assert (1, 0, False) == (told["attempts"], told["deaths"], told["running"])
    assert "SIGKILL" in told["error"]


def test_a_new_configuration_is_taken_over_whole_or_not_at_all(pair: Pair, tmp_path: Path) -> None:
    carol = Node(tmp_path / "carol", "carol")
    carol.know(pair.bob, toml=pair.alice.neighbours["bob"].toml)
    with serving(pair.bob) as bob, serving(pair.alice), serving(carol):
        submit(carol, pair.bob, "from a stranger")
        bob.says("is no neighbour's")
        good = pair.bob.toml.read_text()
        pair.bob.toml.write_text(good.replace("onlinedeadline = 1", "onlinedeadline = 0\nnonsense = 1"))
        bob.send(signal.SIGHUP)
        bob.says("the configuration stays as it was")
        assert "neigh.alice.onlinedeadline: a number of at least 1 was expected" in bob.said()
        assert "neigh.alice.nonsense: unknown key" in bob.said()
        submit(pair.alice, pair.bob, "by the old one")
        until(lambda: ["by the old one"] == subjects(pair.at_bob))
        pair.bob.know(carol, toml=inbox(pair.bob))
        bob.send(signal.SIGHUP)
        until(lambda: "from a stranger" in subjects(pair.at_bob))
        submit(pair.alice, pair.bob, "by the new one")
        until(lambda: "by the new one" in subjects(pair.at_bob))
        assert 0 == bob.end()


def test_a_mistake_that_nobody_thought_of_does_not_end_the_service(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "def breaks(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).endswith('gateway.toml') and breaks.opened:\n"
        "        raise LookupError('never thought of')\n"
        "    breaks.opened |= event == 'open' and str(arguments[0]).endswith('gateway.toml')\n"
        "breaks.opened = False\n"
        "sys.addaudithook(breaks)\n"
    )
    with serving(pair.bob, {"PYTHONPATH": str(tmp_path)}) as bob, serving(pair.alice):
        bob.send(signal.SIGHUP)
        bob.says("the configuration stays as it was")
        assert "LookupError: never thought of" in bob.said()
        submit(pair.alice, pair.bob, "by the old one")
        until(lambda: ["by the old one"] == subjects(pair.at_bob))
        assert 0 == bob.end()


def test_another_address_after_a_reload(pair: Pair) -> None:
    other = free_port()
    with serving(pair.bob) as bob:
        pair.bob.tail = f'[serve]\ndaemon = "127.0.0.1:{other}"\n'
        pair.bob.write()
        bob.send(signal.SIGHUP)
        bob.says("serves by", times=2)
        socket.create_connection(("127.0.0.1", other)).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", pair.port)).close()


def test_an_address_that_is_taken_ends_the_start_and_only_the_reload(pair: Pair) -> None:
    with serving(pair.bob) as first:
        done = pair.bob.gateway("serve")
        assert (75, b"cannot listen on") == (done.status, done.stderr[9:25])
        with socket.create_server(("127.0.0.1", 0)) as taken:
            pair.bob.tail = f'[serve]\ndaemon = "127.0.0.1:{taken.getsockname()[1]}"\n'
            pair.bob.write()
            first.send(signal.SIGHUP)
            first.says("the configuration stays as it was")
        assert 0 == first.end()


def test_a_toss_beside_it(pair: Pair) -> None:
    """Whoever has the lock delivers; nothing is delivered twice, nothing is left."""
    with serving(pair.bob), serving(pair.alice), resident(pair.bob, "toss", "--cycle", "0.1"):
        for number in range(10):
            submit(pair.alice, pair.bob, f"mail {number}")
        until(lambda: len(subjects(pair.at_bob)) >= 10)
        until(lambda: not pair.bob.packets("rx") + pair.bob.packets("work"))
    assert [f"mail {number}" for number in range(10)] == subjects(pair.at_bob)


def test_what_failed_is_tried_when_its_record_says_so(pair: Pair, tmp_path: Path) -> None:
    failing = write_recorder(tmp_path / "failing", exit=75)
    pair.bob.know(pair.alice, toml=f'exec.rsmtp = ["{failing.program}"]')
    pair.bob.tail += '[retry]\nschedule = ["1s"]\n'
    pair.bob.write()
    with serving(pair.bob), serving(pair.alice):
        submit(pair.alice, pair.bob, "again and again")
        until(lambda: len(failing.calls()) >= 3)


def test_a_job_that_an_operator_releases_goes_on(pair: Pair) -> None:
    pair.bob.know(pair.alice)
    with serving(pair.bob) as bob, serving(pair.alice):
        submit(pair.alice, pair.bob, "held")
        until(lambda: pair.bob.packets("hold"))
        pair.bob.know(pair.alice, toml=inbox(pair.bob))
        bob.send(signal.SIGHUP)
        bob.says("serves by", times=2)
        done = pair.bob.gateway("queue", "release", pair.bob.packets("hold")[0].name)
        assert 0 == done.status, done
        until(lambda: ["held"] == subjects(pair.at_bob))


def test_marks_are_forgotten_at_their_age(pair: Pair) -> None:
    pair.bob.tail += 'seen-age = "3s"\n'
    pair.bob.write()
    with serving(pair.bob) as bob, serving(pair.alice):
        submit(pair.alice, pair.bob, "once")
        until(lambda: list(pair.bob.spool.glob("*/rx/seen/*")))
        until(lambda: not list(pair.bob.spool.glob("*/rx/seen/*")))
        bob.says("forgot 1 packet")


class Manager:
    """What systemd is to a service: a socket that is told things."""

    def __init__(self, path: Path) -> None:
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self.environ = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1500000"}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while data := self._socket.recv(4096):
            self.told += data.decode().splitlines()


def test_the_service_manager_is_told(pair: Pair, tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    with serving(pair.bob, manager.environ) as bob:
        until(lambda: "READY=1" in manager.told)
        until(lambda: manager.told.count("WATCHDOG=1") >= 2)
        bob.send(signal.SIGHUP)
        until(lambda: manager.told.count("READY=1") == 2)
        assert 0 == bob.end()
    until(lambda: "STOPPING=1" in manager.told)
    assert manager.told.index("RELOADING=1") < len(manager.told) - manager.told[::-1].index("READY=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in manager.told)


def test_mail_that_the_mta_hands_over_crosses(pair: Pair) -> None:
    """LMTP at alice, TCP in between, a Maildir at bob."""
    path = pair.alice.directory / "lmtp.sock"
    pair.alice.tail = f'[serve]\nlmtp = "{path}"\n[routes]\n"bob.example" = "bob"\n'
    pair.alice.write()
    with serving(pair.bob), serving(pair.alice) as alice:
        for number in range(2):
            with smtplib.LMTP(str(path)) as client:
                client.sendmail("a@alice.example", ["b@bob.example"], f"Subject: mail {number}\n\nx\n")
            until(lambda number=number: number + 1 == len(subjects(pair.at_bob)))  # type: ignore[misc]
            alice.send(signal.SIGHUP)
            alice.says("serves by", times=2 + number)
        assert 0 == alice.end()
    assert not path.exists()


def test_sockets_of_systemd_are_served(pair: Pair) -> None:
    """The port belongs to somebody else, whom restarts do not concern."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        pair.bob.tail = ""
        pair.bob.write()
        toml = pair.alice.neighbours["bob"].toml.replace(str(pair.port), str(port.getsockname()[1]))
        for number in range(2):
            command = (
                f"import os; os.dup2({port.fileno()}, 3); os.environ['LISTEN_PID'] = str(os.getpid());"
                f"os.execv({gateway_script()!r}, ['gateway', '--config', {str(pair.bob.toml)!r}, 'serve'])"
            )
            os.set_inheritable(port.fileno(), True)
            environ = {"LISTEN_FDS": "1", "PATH": "/usr/bin:/bin"}
            bob = subprocess.Popen([sys.executable, "-c", command], env=environ, close_fds=False)
            try:
                pair.alice.know(pair.bob, toml=toml)
                done = pair.alice.gateway("exec", "bob", "rsmtp", stdin=mail(f"mail {number}"))
                assert 0 == done.status, done
                assert 0 == pair.alice.gateway("call", "bob").status
                until(lambda number=number: number + 1 == len(subjects(pair.at_bob)))  # type: ignore[misc]
            finally:
                bob.terminate()
                assert 0 == bob.wait(60)
