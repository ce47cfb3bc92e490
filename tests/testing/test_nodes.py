"""The fixtures of the kit: nodes that exchange mail, an MTA that records it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.testing import FakeMta, Finished, Node, carry, make_fake_mta
from gateway.testing.fixtures import fake_mta, run_gateway, three_nodes, two_nodes

__all__ = ["fake_mta", "run_gateway", "three_nodes", "two_nodes"]

BATCH = b"MAIL FROM:<>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\nbody\n.\n"


def test_mail_crosses_from_one_node_to_the_other(
    two_nodes: tuple[Node, Node], fake_mta: FakeMta, tmp_path: Path
) -> None:
    alice, bob = two_nodes
    bob.know(alice, exec={"rsmtp": [str(fake_mta.program), "-bS"]})
    assert Finished(0, "", "") == alice.run("exec", "bob", "rsmtp", stdin=BATCH)
    assert 1 == len(alice.packets("tx"))
    carry(alice, bob, tmp_path / "stick")
    assert 0 == bob.run("toss").status
    [call] = fake_mta.calls()
    assert (("-bS",), BATCH) == (call.arguments, call.body)


def test_mail_crosses_a_relay(
    three_nodes: tuple[Node, Node, Node], fake_mta: FakeMta, tmp_path: Path
) -> None:
    alice, relay, bob = three_nodes
    bob.know(alice, exec={"rsmtp": [str(fake_mta.program), "-bS"]})
    assert 0 == alice.run("exec", "bob", "rsmtp", stdin=BATCH).status
    carry(alice, relay, tmp_path / "first")
    assert 0 == relay.run("toss").status
    carry(relay, bob, tmp_path / "second")
    assert 0 == bob.run("toss").status
    assert 1 == len(fake_mta.calls())


def test_an_mta_can_change_its_mind(two_nodes: tuple[Node, Node], fake_mta: FakeMta, tmp_path: Path) -> None:
    alice, bob = two_nodes
    make_fake_mta(fake_mta.program.parent, exit=75)
    bob.know(alice, exec={"rsmtp": [str(fake_mta.program), "-bS"]})
    alice.run("exec", "bob", "rsmtp", stdin=BATCH)
    carry(alice, bob, tmp_path / "stick")
    bob.run("toss")
    assert 1 == len(bob.packets("work"))


def test_the_command_is_the_one_of_this_interpreter(run_gateway: Callable[..., Finished]) -> None:
    done = run_gateway("--version")
    assert (0, "") == (done.status, done.stderr)
    assert done.stdout.startswith("gateway ")


def test_without_the_extra_one_line_says_how_to_get_it() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import gateway.testing"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    said = done.stderr.splitlines()[-1]
    assert "ImportError: gateway.testing needs hypothesis: pip install 'mailgateway[testing]'" == said
