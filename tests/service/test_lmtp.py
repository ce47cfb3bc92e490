"""The resident process takes mail over LMTP."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from gateway.errors import ConfigError, GatewayError
from tests.real.nodes import Node
from tests.service.lmtp import Client, Service, served, serving, wait_until

TEXT = b"Subject: x\r\n\r\nhi\r\n.\r\n"


@pytest.fixture
def alice(two_nodes: tuple[Node, Node], tmp_path: Path) -> Node:
    served(two_nodes[0], tmp_path / "lmtp.sock")
    return two_nodes[0]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lmtp.sock")


def test_the_answer_behind_the_dot_means_that_the_packet_is_queued(alice: Node, path: str) -> None:
    with serving(alice) as service, Client(path) as client:
        client.begin("x@b.example", "y@b.example")
        assert [250, 250] == client.say(TEXT, 2)
        (packet,) = alice.packets("tx")
        assert packet.name.encode() in client.last
        assert [221] == client.say(b"QUIT\r\n")
        assert client.at_end()
        wait_until(lambda: packet.name in alice.records())
    assert [] == service.said
    assert [] == alice.temporary()
    assert 0 < service.pulses


def test_several_messages_on_one_connection(alice: Node, path: str) -> None:
    with serving(alice), Client(path) as client:
        client.begin("x@b.example")
        assert [250] == client.say(TEXT)
        client.open("y@b.example")
        assert [250] == client.say(TEXT)
        assert 2 == len(alice.packets("tx"))


def test_the_socket_is_for_owner_and_group_and_goes_with_the_service(alice: Node, path: str) -> None:
    before = os.umask(0o007)
    try:
        with serving(alice), Client(path):
            found = os.stat(path)
            assert stat.S_ISSOCK(found.st_mode)
            assert 0o770 == stat.S_IMODE(found.st_mode)
    finally:
        os.umask(before)
    assert not os.path.exists(path)


def test_a_socket_that_a_dead_process_left_is_replaced(alice: Node, path: str) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    with serving(alice), Client(path) as client:
        assert [220] == client.read()


def refused(node: Node, **options: object) -> str:
    """Return why the service of a node does not start."""
    from gateway.config import load

    service = Service(load(str(node.toml)), **options).start()
    service.join()
    assert isinstance(service.failure, GatewayError)
    return str(service.failure)


def test_a_socket_behind_which_somebody_lives_is_left_alone(alice: Node, path: str) -> None:
    with serving(alice), Client(path) as client:
        assert "another process listens" in refused(alice)
        assert [220] == client.read()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(path)
        stranger.listen()
        assert "another process listens" in refused(alice)
        assert os.path.exists(path)


def test_what_is_no_socket_is_left_alone(alice: Node, path: str) -> None:
    Path(path).write_text("precious")
    assert f"cannot listen on {path}: what is there is no socket" in refused(alice)
    assert "precious" == Path(path).read_text()


def test_a_directory_that_is_not_there_is_named(alice: Node, tmp_path: Path) -> None:
    served(alice, tmp_path / "none/lmtp.sock")
    assert "cannot listen on" in refused(alice)


def test_loopback(alice: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served(alice, Path(f"127.0.0.1:{port}"))
    with serving(alice), Client(("127.0.0.1", port)) as client:
        client.begin("x@b.example")
        assert [250] == client.say(TEXT)


@pytest.mark.parametrize("address", ["0.0.0.0:2424", "[::]:2424", ":2424", "192.0.2.1:24", "mail.example:24"])
def test_an_address_that_others_reach_is_refused(alice: Node, address: str) -> None:
    served(alice, Path(address))
    with pytest.raises(ConfigError, match="other machines could reach it"):
        refused(alice)


def test_a_socket_that_was_handed_over_is_used_and_stays(alice: Node, tmp_path: Path) -> None:
    other = str(tmp_path / "systemd.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(other)
        listener.listen()
        with serving(alice, listener=listener), Client(other) as client:
            assert [220] == client.read()
        assert os.path.exists(other)
        assert listener.fileno() >= 0
    with socket.create_server(("0.0.0.0", 0)) as public:
        assert "can be reached from other machines" in refused(alice, listener=public)
