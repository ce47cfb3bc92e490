"""Who may be behind the socket, and who before it: the spool's owner and root, on both sides."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from gateway.request.handover import GO, Offer, home, stamp_of
from tests.real.nodes import Node
from tests.service.handover import handing, taking
from tests.service.resident import mail, until

NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")

PLANTED = f"""
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
os.setuid({NOBODY})
listener.listen()
print("listens", flush=True)
command, _ = listener.accept()
print(sum(len(octets) for octets in iter(lambda: command.recv(4096), b"")), flush=True)
"""
STRANGER = f"""
import os, socket, sys
os.chdir(sys.argv[1])
os.setuid({NOBODY})
service = socket.socket(socket.AF_UNIX)
service.settimeout(30)
service.connect("submit.sock")
try:
    service.sendall(sys.stdin.buffer.read())
    print(service.recv(1))
except (BrokenPipeError, ConnectionResetError):
    print(b"")
"""


@pytest.fixture
def alice(two_nodes: tuple[Node, Node]) -> Node:
    alice, _ = two_nodes
    handing(alice)
    return alice


def offer(node: Node, **changed: object) -> Offer:
    """Return what a command of that node would offer, but for what is `changed`."""
    fields: dict[str, object] = {
        "command": "exec",
        "words": ["bob", "rsmtp"],
        "environ": {},
        "parent": os.getpid(),
        "path": str(node.toml),
        "stamp": stamp_of(os.stat(node.toml)),
        "spool": str(node.spool),
        "home": home(),
    }
    return Offer(**{**fields, **changed})  # type: ignore[arg-type]


@as_root
def test_a_socket_that_somebody_else_planted(alice: Node) -> None:
    """Nothing is given away: not the input, not even what is asked for."""
    path = str(alice.directory / "submit.sock")
    with subprocess.Popen([sys.executable, "-c", PLANTED, path], stdout=subprocess.PIPE) as planted:
        assert planted.stdout is not None
        assert b"listens\n" == planted.stdout.readline()
        done = alice.gateway("exec", "bob", "rsmtp", stdin=mail("secret"))
        assert 0 == done.status, done
        assert b"0\n" == planted.stdout.readline()
    assert 1 == len(alice.packets("tx"))


@as_root
def test_a_command_of_somebody_else(alice: Node) -> None:
    with taking(alice) as service:
        os.chmod(alice.directory / "submit.sock", 0o777)
        words = [sys.executable, "-c", STRANGER, str(alice.directory)]
        done = subprocess.run(
            words, input=offer(alice).encode(), capture_output=True, timeout=60, check=False
        )
        assert b"b''\n" == done.stdout, done
        until(lambda: service.said)
        assert f"user {NOBODY} is neither root nor the spool's owner" in service.said[0]


@as_root
def test_somebody_else_is_not_listened_to(alice: Node) -> None:
    """Who says nothing, and stays, takes no place from commands."""
    with taking(alice) as service:
        os.chmod(alice.directory / "submit.sock", 0o777)
        words = [sys.executable, "-c", STRANGER, str(alice.directory)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
            assert stranger.stdin is not None
            stranger.stdin.close()
            assert stranger.stdout is not None
            assert b"b''\n" == stranger.stdout.readline()
        assert f"user {NOBODY} is neither root nor the spool's owner" in service.said[0]


def test_an_offer_that_takes_its_time_is_not_waited_for(alice: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.service.handover._PATIENCE", 0.5)
    with taking(alice), socket.socket(socket.AF_UNIX) as command:
        command.connect(str(alice.directory / "submit.sock"))
        for octet in offer(alice).encode()[:100]:
            try:
                command.sendall(bytes([octet]))
            except BrokenPipeError:
                break
            time.sleep(0.1)
        else:
            raise AssertionError("it is listened to still")


def answered(node: Node, octets: bytes) -> bytes:
    """Return the service's first word to these octets; none if it hangs up."""
    with socket.socket(socket.AF_UNIX) as command:
        command.settimeout(30)
        command.connect(str(node.directory / "submit.sock"))
        command.sendall(octets)
        try:
            return command.recv(1)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, GO),
        ({"path": "/etc/gateway/gateway.toml"}, b""),
        ({"path": "gateway.toml"}, b""),
        ({"stamp": "1:2:3:4:5"}, b""),
        ({"spool": "/var/spool/other"}, b""),
        ({"home": "/opt/other"}, b""),
    ],
    ids=str,
)
def test_only_what_goes_by_the_same_configuration_is_taken(
    alice: Node, changed: dict[str, object], expected: bytes
) -> None:
    with taking(alice):
        assert expected == answered(alice, offer(alice, **changed).encode())


@pytest.mark.parametrize(
    "octets", [b"GET / HTTP/1.0\r\n\r\n", b"00000003abc", b"99999999", b"-0000001", b"00000000"]
)
def test_what_is_no_offer_is_hung_up_on(alice: Node, octets: bytes) -> None:
    with taking(alice) as service:
        assert b"" == answered(alice, octets)
        assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=mail("x")).status
        assert [0] == service.statuses


def test_a_command_that_passes_no_descriptor_is_hung_up_on(alice: Node) -> None:
    with taking(alice), socket.socket(socket.AF_UNIX) as command:
        command.settimeout(30)
        command.connect(str(alice.directory / "submit.sock"))
        command.sendall(offer(alice).encode())
        assert GO == command.recv(1)
        command.sendall(GO)
        assert b"" == command.recv(1)


def test_a_service_started_with_another_spool_takes_nothing(alice: Node) -> None:
    from gateway.config import load
    from gateway.service.as_loaded import AsLoaded

    stamp = stamp_of(os.stat(alice.toml))
    assert AsLoaded(load(str(alice.toml))).holds(str(alice.toml), stamp)
    assert not AsLoaded(load(str(alice.toml), spool="/elsewhere")).holds(str(alice.toml), stamp)


def test_a_service_started_with_more_jobs_takes_work(alice: Node) -> None:
    from gateway.config import load
    from gateway.service.as_loaded import AsLoaded

    config = load(str(alice.toml))
    busier = config._replace(serve=config.serve._replace(jobs=8, daemon="127.0.0.1:5400"))
    assert AsLoaded(busier).holds(str(alice.toml), stamp_of(os.stat(alice.toml)))
