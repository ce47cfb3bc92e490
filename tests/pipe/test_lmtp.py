"""`gateway lmtp`: one client on standard input and output."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, Finished, gateway_script, run_gateway

LIMIT = 30.0
COMMANDS = (
    b"LHLO client\r\nMAIL FROM:<joe@a.example>\r\nRCPT TO:<x@b.example>\r\nRCPT TO:<y@b.example>\r\nDATA\r\n"
)
TEXT = b"Subject: x\r\n\r\nhi\r\n.\r\n"
WHOLE = COMMANDS + TEXT + b"QUIT\r\n"


def codes(output: bytes) -> list[int]:
    return [int(code) for code in re.findall(rb"(?m)^(\d{3}) ", output)]


@pytest.fixture
def alice(two_nodes: tuple[Node, Node]) -> Node:
    return two_nodes[0]


def test_each_recipient_has_an_answer_and_the_packet_is_queued(alice: Node) -> None:
    done = alice.gateway("lmtp", "--node", "bob", stdin=WHOLE)
    assert (0, b"") == (done.status, done.stderr), done
    assert [220, 250, 250, 250, 250, 354, 250, 250, 221] == codes(done.stdout)
    (packet,) = alice.packets("tx")
    assert packet.name.encode() in done.stdout
    assert [] == alice.temporary()


def test_without_a_node_the_routing_table_decides(alice: Node) -> None:
    alice.tail = '[routes]\n"b.example" = "bob"\n'
    alice.write()
    other = WHOLE.replace(b"y@b.example", b"y@elsewhere.example")
    done = alice.gateway("lmtp", stdin=other)
    assert [220, 250, 250, 250, 451, 354, 250, 221] == codes(done.stdout)
    assert b"451 4.4.4 no route for y@elsewhere.example" in done.stdout
    assert 1 == len(alice.packets("tx"))


def test_flags_say_how_packets_are_made(alice: Node) -> None:
    done = alice.gateway("lmtp", "--node", "bob", "-nice", "FLASH", stdin=WHOLE)
    assert 0 == done.status, done
    assert "Nice: 32\n" in alice.records()


FAILURES = {
    "unknown node": ("lmtp", "--node", "nobody"),
    "unknown flag": ("lmtp", "--nosuch"),
    "a word too much": ("lmtp", "bob"),
    "help beside other words": ("lmtp", "-help", "bob"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_keeps_it_from_serving_is_told_to_the_client_as_temporary(alice: Node, name: str) -> None:
    done = alice.gateway(*FAILURES[name], stdin=WHOLE)
    assert 75 == done.status, done
    assert re.fullmatch(rb"421 4\.\d+\.\d+ .+\r\n", done.stdout), done
    assert re.match(r"4\.\d+\.\d+ ", done.messages[0])


def test_a_configuration_that_is_not_there(alice: Node) -> None:
    alice.toml.unlink()
    done = alice.gateway("lmtp", stdin=WHOLE)
    assert (75, b"421 4.3.5 ") == (done.status, done.stdout[:10]), done


@pytest.mark.parametrize("end", [len(COMMANDS), len(COMMANDS) + 12, len(COMMANDS) - 8])
def test_a_client_that_leaves_early_has_sent_nothing(alice: Node, end: int) -> None:
    done = alice.gateway("lmtp", "--node", "bob", stdin=WHOLE[:end])
    assert 75 == done.status, done
    assert [] == alice.packets("tx")
    assert [] == alice.temporary()


def test_a_client_that_leaves_between_transactions(alice: Node) -> None:
    done = alice.gateway("lmtp", "--node", "bob", stdin=COMMANDS + TEXT)
    assert (0, b"") == (done.status, done.stderr), done
    assert 1 == len(alice.packets("tx"))


HOOK = "from gateway import hookimpl, Refused\n@hookimpl\ndef gateway_check_submission(envelope, node):\n    "


def test_what_a_plugin_prints_is_no_answer(alice: Node, tmp_path: Path) -> None:
    done = _with_plugin(alice, tmp_path, HOOK + "print('250 mine')")
    assert b"mine" not in done.stdout
    assert [220, 250, 250, 250, 250, 354, 250, 250, 221] == codes(done.stdout)


def test_only_a_policy_refuses_for_good(alice: Node, tmp_path: Path) -> None:
    done = _with_plugin(alice, tmp_path, HOOK + "raise Refused('not today')")
    assert b"550 5.7.1 not today\r\n" in done.stdout
    assert [] == alice.packets("tx")


def test_a_broken_plugin_defers(alice: Node, tmp_path: Path) -> None:
    done = _with_plugin(alice, tmp_path, HOOK + "raise ValueError('oh')")
    assert b"451 4.3.0 plugin extra: " in done.stdout


def _with_plugin(node: Node, tmp_path: Path, text: str) -> Finished:
    site = tmp_path / "site"
    (site / "extra-1.dist-info").mkdir(parents=True)
    (site / "extra-1.dist-info/entry_points.txt").write_text("[gateway]\nextra = extra_plugin\n")
    (site / "extra_plugin.py").write_text(text + "\n")
    node.head = 'plugins = ["exim", "extra"]'
    node.write()
    environ = {"PYTHONPATH": str(site)}
    words = ("--config", str(node.toml), "lmtp", "--node", "bob")
    return run_gateway(*words, stdin=WHOLE, limit=LIMIT, environ=environ)


@pytest.mark.parametrize("when", ["before the message", "in the message", "after a message"])
def test_a_signal_ends_it_with_a_word_to_the_client(alice: Node, when: str) -> None:
    words = [gateway_script(), "--config", str(alice.toml), "lmtp", "--node", "bob"]
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP INT TERM; exec "$@"', "sh", *words],
        env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    sent = {
        "before the message": b"",
        "in the message": COMMANDS + TEXT[:5],
        "after a message": COMMANDS + TEXT,
    }
    try:
        process.stdin.write(sent[when])
        process.stdin.flush()
        read = b""
        until = {"before the message": b"220", "in the message": b"354", "after a message": b"2.6.0"}[when]
        while until not in read:
            read += process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert 75 == process.wait(LIMIT)
    finally:
        process.kill()
    out, err = process.communicate()
    assert b"421 4.3.2 SIGTERM received" in out
    assert err.startswith(b"4.3.2 ")
    assert [] == alice.temporary()
    assert (when == "after a message") == bool(alice.packets("tx"))
