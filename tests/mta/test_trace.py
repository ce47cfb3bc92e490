"""One real mail, from Exim to Exim over TCP, asked for by every name that it has on its way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.links.test_daemon import daemon
from tests.mta.ways_out import exim_that_takes_all
from tests.real.exim import Exim, router, transport
from tests.real.nodes import Node
from tests.real.programs import gateway_script

pytestmark = pytest.mark.exim

QUICK = "onlinedeadline = 2"
MESSAGE = b"From: joe@a.example\nTo: x@b.example\nSubject: where is it?\n\nhere\n"


def found(node: Node, word: str) -> list[dict[str, object]]:
    done = node.gateway("trace", "--json", word)
    assert 0 == done.status, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def arrived_as(exim: Exim) -> str:
    """Return the id of the one message that an Exim took."""
    [queue_id] = re.findall(r"(\S+) <= joe@a\.example", exim.records())
    return str(queue_id)


def test_a_mail_is_found_by_the_queue_ids_of_both_exims(
    make_exim: Callable[..., Exim], two_nodes: tuple[Node, Node]
) -> None:
    alice, bob = two_nodes
    there = exim_that_takes_all(make_exim)
    command = json.dumps([str(there.sendmail()), "-odq", "-bs"])
    bob.know(alice, toml=f'exec.rsmtp = {{ egress = "smtp", command = {command} }}\nack = true\n{QUICK}')
    alice.know(bob, toml=QUICK)
    pipe = f"{gateway_script()} --config {alice.toml} exec $host rsmtp"
    here = make_exim("a.example", router("bob"), transport(pipe))
    here.own(alice.directory)
    here.inject("joe@a.example", ["x@b.example"], MESSAGE)
    assert 1 == len(alice.packets("tx")), here.records()
    with daemon(bob, patience="10") as (host, port):
        for _ in range(2):
            called = alice.gateway("call", "bob", f"{host}:{port}")
            assert 0 == called.status, called
            bob.gateway("toss")
    assert 0 == alice.gateway("toss").status
    ours, theirs = arrived_as(here), arrived_as(there)
    way = found(alice, ours)
    assert way == found(alice, theirs) == found(alice, "x@b.example")
    kinds = [str(event["event"]) for event in way]
    assert [
        "acknowledged", "call-finished", "received", "call-started", "call-finished", "sent", "call-started",
        "submitted",
    ] == kinds, way  # fmt: skip
    detail = way[-1]["detail"]
    assert isinstance(detail, dict)
    assert (ours, ours) == (detail["message_id"], detail["messages"][0]["queue"])
    assert "exim" in detail["process"]["program"]
    assert theirs == way[0]["text"]
    arrival = found(bob, detail["messages"][0]["id"])
    assert ["delivered", "received"] == [
        event["event"] for event in arrival if event["event"] in ("delivered", "received")
    ]
