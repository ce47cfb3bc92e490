"""Work that pipe commands hand over: when, and whom they trust, and who is trusted."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.nodes import Node
from tests.real.programs import run_gateway
from tests.service.handover import Service, handing, taking
from tests.service.resident import mail

WORDS = ("exec", "bob", "rsmtp")


@pytest.fixture
def alice(two_nodes: tuple[Node, Node]) -> Node:
    alice, _ = two_nodes
    handing(alice)
    return alice


@pytest.fixture
def service(alice: Node) -> Iterator[Service]:
    with taking(alice) as service:
        yield service


def test_the_service_does_the_work(alice: Node, service: Service) -> None:
    done = alice.gateway(*WORDS, stdin=mail("hello"))
    assert (0, b"", b"") == (done.status, done.stdout, done.stderr), done
    assert [0] == service.statuses
    assert 1 == len(alice.packets("tx"))


def test_who_called_is_known(alice: Node, service: Service) -> None:
    """Of the command's parent and environment, not of the service's."""
    done = alice.gateway(*WORDS, stdin=mail("hello"), environ={"MESSAGE_ID": "1uMabc-000000002Cd-3efg"})
    assert 0 == done.status, done
    told = alice.gateway("trace", "b@bob.example").stdout.decode()
    assert f"[{os.getpid()}] as 1uMabc-000000002Cd-3efg" in told


def test_a_failure_is_told_by_the_command(alice: Node, service: Service) -> None:
    done = alice.gateway(*WORDS, stdin=b"MAIL FROM:<a@b.example>\n")
    assert 75 == done.status, done
    assert done.messages[0].startswith("4.6.0 ")
    assert [75] == service.statuses


def test_where_none_runs_the_command_works_alone(alice: Node) -> None:
    assert 0 == alice.gateway(*WORDS, stdin=mail("hello")).status
    assert 1 == len(alice.packets("tx"))


def test_a_socket_that_nobody_listens_on(alice: Node) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(alice.directory / "submit.sock"))
    assert 0 == alice.gateway(*WORDS, stdin=mail("hello")).status
    assert 1 == len(alice.packets("tx"))


@pytest.mark.parametrize("spelling", ["--config", "-cfg", "environment"])
def test_the_configuration_is_found_however_it_is_named(alice: Node, service: Service, spelling: str) -> None:
    words = {
        "--config": ("--config", str(alice.toml), *WORDS),
        "-cfg": ("exec", "-cfg", str(alice.toml), *WORDS[1:]),
    }
    environ = {"GATEWAY_CONFIG": str(alice.toml)} if spelling == "environment" else {}
    assert 0 == run_gateway(*words.get(spelling, WORDS), stdin=mail("x"), environ=environ).status
    assert [0] == service.statuses


@pytest.mark.parametrize("file", ["configuration", "keys"])
def test_a_changed_configuration_is_not_used_before_it_is_read(alice: Node, file: str) -> None:
    keys = alice.directory / "keys.toml"
    text = alice.toml.read_text()
    table = text.partition("[self]\n")[2].partition("[")[0]
    keys.write_text(table)
    alice.toml.write_text(
        text.replace(f"[self]\n{table}", "").replace("spool =", 'self = "keys.toml"\nspool =', 1)
    )
    with taking(alice) as service:
        assert 0 == alice.gateway(*WORDS, stdin=mail("one")).status
        assert [0] == service.statuses
        changed = alice.toml if file == "configuration" else keys
        changed.write_text(changed.read_text() + "\n")
        for _ in range(2):
            assert 0 == alice.gateway(*WORDS, stdin=mail("two")).status
        assert [0] == service.statuses
        assert 1 == len(service.said)
        assert f"{alice.toml} is not what this service works by" in service.said[0]
    assert 3 == len(alice.packets("tx"))


@pytest.mark.parametrize("flag", ["--spool", "--log"])
def test_what_the_command_line_changes_is_done_by_the_command(
    alice: Node, service: Service, tmp_path: Path, flag: str
) -> None:
    assert 0 == alice.gateway(flag, str(tmp_path / "other"), *WORDS, stdin=mail("x")).status
    assert [] == service.statuses


@pytest.mark.parametrize("name", ["PYTHONPATH", "GATEWAY_TRACE", "NNCPNOSYNC"])
def test_what_the_environment_changes_is_done_by_the_command(
    alice: Node, service: Service, name: str
) -> None:
    assert 0 == alice.gateway(*WORDS, stdin=mail("x"), environ={name: "1"}).status
    assert [] == service.statuses


def test_many_at_once(alice: Node, service: Service) -> None:
    statuses: list[int] = []

    def one(number: int) -> None:
        statuses.append(alice.gateway(*WORDS, stdin=mail(f"message {number}")).status)

    for batch in range(0, 200, 50):
        threads = [threading.Thread(target=one, args=(number,)) for number in range(batch, batch + 50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [0] * 200 == statuses
    assert 200 == len(alice.packets("tx"))
    assert [] == alice.temporary()
    assert service.statuses
