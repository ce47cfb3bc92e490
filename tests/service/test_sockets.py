from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.service.sockets import Sockets, inherited
from tests.service.resident import free_port

_SHOW = """
import os
from gateway.service.sockets import inherited
environ = dict(os.environ, LISTEN_PID=str(os.getpid()))
found = inherited(environ)
print(sorted((purpose, one.fileno()) for purpose, one in found.items()), "LISTEN_FDS" in environ)
"""


def as_systemd(tmp_path: Path, names: str) -> bytes:
    """Have a process started with two listening sockets as descriptors 3 and 4."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "unix"))
        unix.listen()
        code = (
            f"import os; os.dup2({tcp.fileno()}, 30); os.dup2({unix.fileno()}, 31);"
            "os.dup2(30, 3); os.dup2(31, 4);"
            f"os.execv({sys.executable!r}, [{sys.executable!r}, '-c', {_SHOW!r}])"
        )
        os.set_inheritable(tcp.fileno(), True)
        os.set_inheritable(unix.fileno(), True)
        environ = {"LISTEN_FDS": "2", "LISTEN_FDNAMES": names, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environ,
            capture_output=True,
            close_fds=False,
            timeout=60,
            check=False,
        )
        assert 0 == done.returncode, done
        return done.stdout


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", b"[('daemon', 3), ('lmtp', 4)] False\n"),
        ("gateway.socket:gateway.socket", b"[('daemon', 3), ('lmtp', 4)] False\n"),
        ("lmtp:daemon", b"[('daemon', 4), ('lmtp', 3)] False\n"),
    ],
)
def test_what_systemd_hands_over_is_known_by_name_or_kind(
    tmp_path: Path, names: str, expected: bytes
) -> None:
    assert expected == as_systemd(tmp_path, names)


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"}],
)
def test_what_is_meant_for_another_process_is_not_taken(environ: dict[str, str]) -> None:
    assert {} == inherited(environ)
    assert {} == environ


def test_a_socket_stays_open_while_its_address_does() -> None:
    sockets, address = Sockets({}), f"127.0.0.1:{free_port()}"
    first = sockets.get("daemon", address)
    assert first is sockets.get("daemon", address)
    sockets.keep_only([("daemon", address), ("lmtp", None)])
    socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()
    sockets.keep_only([("daemon", None)])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))


def test_without_an_address_there_is_no_socket() -> None:
    assert None is Sockets({}).get("daemon", None)


def test_what_was_handed_over_wins() -> None:
    with socket.create_server(("127.0.0.1", 0)) as handed:
        assert handed is Sockets({"daemon": handed}).get("daemon", "127.0.0.1:1")


def test_an_address_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(GatewayError, match=f"cannot listen on {address}"):
            Sockets({}).get("daemon", address)
