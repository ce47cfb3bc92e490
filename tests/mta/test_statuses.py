"""What a real Exim makes of our failures: the mail stays or bounces, and our words are in log and bounce.

For Postfix see tests/plugins/postfix; a refusal by a site's own policy is shown to both here.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.mta.ways_in import UUCP
from tests.plugins.postfix.journey import Journey, MakePostfix, service
from tests.real.exim import LOCAL_TRANSPORT, Exim, router
from tests.real.nodes import Node
from tests.real.programs import gateway_script

pytestmark = pytest.mark.exim

TEXT = b"From: joe@a.example\nSubject: one\n\nhi\n"
MAIL = 'mail = { form = "sendmail", handle = "sendmail", sender = "header" }'
LONG = "x" * 60 + "@" + ".".join(["y" * 60] * 3) + ".b.example"
"""An address that Exim takes, and that does not fit into a packet's arguments."""


@pytest.fixture
def exim(make_exim: Callable[..., Exim]) -> Exim:
    return make_exim("a.example", router("bob"), LOCAL_TRANSPORT)


@pytest.fixture(autouse=True)
def alice(exim: Exim) -> Node:
    """The node beside Exim."""
    alice, bob = Node(exim.directory / "alice", "alice"), Node(exim.directory / "bob", "bob")
    alice.know(bob, toml=MAIL)
    exim.own(alice.directory)
    return alice


def send(
    exim: Exim,
    words: str,
    recipient: str = "x@b.example",
    options: str = "use_bsmtp",
    program: str = gateway_script(),
) -> str:
    """Send through a pipe with a command, and return Exim's log."""
    transport = (
        f"gateway:\n  driver = pipe\n  {options}\n  batch_max = 100\n"
        f"  command = {program} --config {exim.directory}/alice/gateway.toml {words}\n"
        "  temp_errors = 1:2:70:71:73:74:75:120:126:127\n"
        "  log_defer_output\n  log_fail_output\n  return_fail_output\n"
    )
    text = exim.configuration.read_text()
    exim.configuration.write_text(text.replace("begin transports\n", f"begin transports\n{transport}"))
    exim.inject("joe@a.example", [recipient], TEXT)
    return exim.records()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("exec nobody rsmtp", "4.4.4 "),
        ("submit exim --node nobody", "4.4.4 "),
        ("submit exim --nod bob", "4.3.5 "),
        ("exec bob", "4.3.5 "),
        ("submit nosuch --node bob", "4.3."),
        ("exec --nice VERYFAST bob rsmtp", "4.3.5 "),
    ],
)
def test_a_mistake_of_ours_keeps_the_mail(exim: Exim, words: str, said: str) -> None:
    log = send(exim, words)
    assert f"transport output: {said}" in log
    assert " == x@b.example " in log
    assert (1, []) == (exim.queued(), exim.mails())


@pytest.mark.parametrize(
    ("words", "options"),
    [("submit exim --node bob", "use_bsmtp"), ("exec bob rmail $pipe_addresses", UUCP)],
    ids=["bsmtp", "rmail"],
)
def test_an_address_that_no_packet_holds_comes_back_with_our_words(
    exim: Exim, words: str, options: str
) -> None:
    log = send(exim, words, LONG, options)
    assert " ** " in log
    assert "transport output: 5.1.3 " in log or "transport output: 5.6.0 " in log, log
    assert 0 == exim.queued()
    (bounce,) = exim.mails()
    assert ("", ("joe@a.example",)) == (bounce.sender, bounce.recipients)
    assert b"too long for a packet" in b" ".join(bounce.message.split())


POLICY = """\
from gateway import Refused, hookimpl

@hookimpl
def gateway_check_submission(envelope, node):
    raise Refused("not on a Sunday")
"""


def with_policy(node: Node) -> str:
    """Install a plugin that refuses everything; return the program that has it."""
    site = node.directory / "site"
    (site / "policy-1.dist-info").mkdir(parents=True)
    (site / "policy-1.dist-info/entry_points.txt").write_text("[gateway]\npolicy = sunday\n")
    (site / "sunday.py").write_text(POLICY)
    node.head = 'plugins = ["exim", "postfix", "policy"]'
    node.write()
    return f"/usr/bin/env PYTHONPATH={site} PYTHONDONTWRITEBYTECODE=1 {gateway_script()}"


def test_what_the_policy_of_a_site_refuses_comes_back_with_its_words(exim: Exim, alice: Node) -> None:
    log = send(exim, "exec bob rsmtp", program=with_policy(alice))
    assert "transport output: 5.7.1 not on a Sunday" in log
    assert 0 == exim.queued()
    (bounce,) = exim.mails()
    assert b"5.7.1 not on a Sunday" in bounce.message


@pytest.mark.postfix
def test_postfix_sends_back_what_the_policy_of_a_site_refuses(make_postfix: MakePostfix) -> None:
    one = Journey(make_postfix, "submit", "")
    entry, _, command = service("submit", one.alice.toml).partition(" argv=")
    program = with_policy(one.alice)
    one.a.own(one.alice.directory)
    one.a.stop()
    one.serve(f"{entry} argv={command.replace(gateway_script(), program)}")
    one.a.start()
    one.send("joe@a.example", ["x@b.example"], TEXT)
    (bounce,) = one.a.wait_for_mails(1)
    assert b"5.7.1" in bounce.message
    assert b"not on a Sunday" in bounce.message
    assert "dsn=5.7.1, status=bounced" in one.a.records()
