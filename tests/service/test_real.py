"""``gateway serve`` and ``gateway caller`` with the real NNCP's programs, as peers and on a shared spool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.nodes import Node
from tests.real.programs import run
from tests.service.conftest import EVERY_SECOND, Pair
from tests.service.resident import mail, nncp, resident, serving, subjects, submit, until

pytestmark = pytest.mark.nncp


@pytest.fixture
def real(pair: Pair, nncp_bin: Path) -> Iterator[Pair]:
    for node in (pair.alice, pair.bob):
        node.nncp_bin = nncp_bin
    return pair  # type: ignore[return-value]


def write_hjson(node: Node, port: int) -> None:
    """Give NNCP's file of alice what her own has: the address of bob, and calls."""
    text = node.hjson.read_text()
    calls = '"calls": [{"cron": "* * * * * * *", "when-tx-exists": true, "onlinedeadline": 1}]'
    extra = f'"addrs": {{"lan": "127.0.0.1:{port}"}}, "onlinedeadline": 1, {calls}, "via": [], '
    key = f'"id": "{node.neighbours["bob"].node.keys.id}"'
    assert key in text
    node.hjson.write_text(text.replace(key, extra.replace('"via": [], ', "") + key))


def test_nncp_call_and_serve(real: Pair) -> None:
    with serving(real.bob):
        submit(real.bob, real.alice, "back")
        submit(real.alice, real.bob, "there")
        command = real.alice.nncp_command("call", "-onlinedeadline", "2", "bob", f"127.0.0.1:{real.port}")
        done = run(command)
        assert 0 == done.status, done
        until(lambda: ["there"] == subjects(real.at_bob))
    assert 1 == len(real.alice.packets("rx"))
    assert [] == real.bob.packets("tx")


def test_nncp_caller_and_serve(real: Pair) -> None:
    write_hjson(real.alice, real.port)
    with serving(real.bob), nncp(real.alice, "caller"):
        for number in range(2):
            submit(real.alice, real.bob, f"mail {number}")
            until(lambda number=number: number + 1 == len(subjects(real.at_bob)))  # type: ignore[misc]


@pytest.mark.parametrize("words", ["serve", "caller"])
def test_nncp_daemon_is_called(real: Pair, words: str) -> None:
    ready = "serves by" if words == "serve" else ""
    with (
        nncp(real.bob, "daemon", "-bind", f"127.0.0.1:{real.port}"),
        resident(real.alice, words, ready=ready) as alice,
    ):
        submit(real.bob, real.alice, "back")
        submit(real.alice, real.bob, "there")
        until(lambda: real.bob.packets("rx"))
        until(lambda: not real.bob.packets("tx"))
        if words == "serve":
            until(lambda: ["back"] == subjects(real.alice.directory / "Maildir"))
        assert 0 == alice.end()


def test_the_caller_tosses_where_it_is_told_to(real: Pair) -> None:
    toml = real.alice.neighbours["bob"].toml
    real.alice.know(real.bob, toml=toml.replace("when-tx-exists", "autotoss = true, when-tx-exists"))
    with nncp(real.bob, "daemon", "-bind", f"127.0.0.1:{real.port}"), resident(real.alice, "caller", "bob"):
        submit(real.bob, real.alice, "back")
        submit(real.alice, real.bob, "there")
        until(lambda: ["back"] == subjects(real.alice.directory / "Maildir"))


def test_nncp_toss_and_nncp_exec_on_the_same_spool(real: Pair) -> None:
    """NNCP's own toss every now and then, leaving mail to us; NNCP's own exec as the source."""
    assert EVERY_SECOND in real.alice.toml.read_text()
    with serving(real.bob), serving(real.alice):
        for number in range(4):
            done = real.alice.nncp("exec", "bob", "rsmtp", stdin=mail(f"mail {number}"))
            assert 0 == done.status, done
            done = real.bob.nncp("toss", "-seen", "-noexec", "-notrns")
            assert 0 == done.status, done
        until(lambda: 4 <= len(subjects(real.at_bob)))
        until(lambda: not real.bob.packets("rx") + real.bob.packets("work"))
    assert [f"mail {number}" for number in range(4)] == subjects(real.at_bob)
