"""The whole way: Exim, its pipe, a packet, a directory, toss, ``-bS``, another Exim."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_exim.setup import Plan, routers
from gateway_exim.transport import transport_block

from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.nodes import Node, carry, toss
from tests.real.programs import gateway_script

pytestmark = pytest.mark.exim

TEXT = b"From: joe@a.example\nSubject: one\n\n.\n..\n.a\n\xfc\nend\n"


class Way:
    """Exim A at alice, Exim B at bob, set up as ``gateway exim setup`` says."""

    def __init__(self, folder: Path, make_exim: Callable[..., Exim], options: str, main: str) -> None:
        self.alice, self.bob = Node(folder / "alice", "alice"), Node(folder / "bob", "bob")
        self.medium = folder / "medium"
        self.b = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, main)
        command = json.dumps([str(self.b.sendmail("-odi")), "-bS"])
        handle = f'exec.rsmtp = {{ egress = "exim", command = {command}{options} }}'
        self.alice.know(self.bob)
        self.bob.know(self.alice, toml=handle)
        plan = Plan(
            layout="plain",
            node="bob",
            user="daemon",
            command=gateway_script(),
            config=str(self.alice.toml),
        )
        block = transport_block(
            user="daemon", command=f"{plan.command} --config {plan.config} exec $host rsmtp"
        )
        for line in ("  user = daemon\n", "  initgroups\n"):  # a private Exim runs as one user
            block = block.replace(line, "")
        main = "domainlist local_domains = @\n"
        self.a = make_exim("a.example", routers(plan) + LOCAL_ROUTER, block + LOCAL_TRANSPORT, main)
        self.a.own(self.alice.directory)

    def send(self, sender: str, recipients: list[str], text: bytes = TEXT) -> None:
        """Give Exim A a message; it must be in alice's spool when this returns."""
        self.a.inject(sender, recipients, text)
        assert self.a.queued() == 0, self.a.records()
        assert self.alice.packets("tx"), self.a.records()

    def travel(self) -> None:
        """Carry what alice has to bob, and toss there."""
        carry(self.alice, self.bob, self.medium, tx="gateway", rx="gateway")
        done = toss(self.bob, "gateway")
        assert done.status in (0, 1), done


@pytest.fixture
def way(tmp_path: Path, make_exim: Callable[..., Exim]) -> Callable[..., Way]:
    def make(options: str = "", main: str = "") -> Way:
        return Way(tmp_path, make_exim, options, main)

    return make


@pytest.mark.parametrize("sender", ["joe@a.example", ""], ids=["sender", "null sender"])
def test_a_message_crosses_with_its_envelope_and_octets(way: Callable[..., Way], sender: str) -> None:
    one = way()
    one.send(sender, ["x@b.example", '"q r"@b.example', "Y.Z@b.example"])
    one.travel()
    mails = one.b.mails()
    assert {sender} == {mail.sender for mail in mails}
    recipients = {recipient for mail in mails for recipient in mail.recipients}
    assert {"x@b.example", "q r@b.example", "Y.Z@b.example"} == {r.replace('"', "") for r in recipients}
    assert {TEXT.partition(b"\n\n")[2]} == {mail.message.partition(b"\n\n")[2] for mail in mails}
    assert [] == one.bob.packets("rx") + one.bob.packets("work") + one.bob.packets("hold")


def test_more_recipients_than_one_call_takes(way: Callable[..., Way]) -> None:
    one = way()
    names = {f"u{i}@b.example" for i in range(250)}
    one.send("joe@a.example", sorted(names))
    assert 3 == len(one.alice.packets("tx"))
    one.travel()
    found = [recipient for mail in one.b.mails() for recipient in mail.recipients]
    assert names == set(found)
    assert 250 == len(found)


def test_a_recipient_that_the_far_exim_refuses_costs_the_others_nothing(way: Callable[..., Way]) -> None:
    one = way()
    batch = b"".join(
        b"MAIL FROM:<joe@a.example>\nRCPT TO:<r%d@b.example>\n%bDATA\n%b.\n" % (i, bad, b"Subject: x\n\nhi\n")
        for i, bad in enumerate([b"", b"RCPT TO:<a@[192.0.2.1]>\n", b""])
    )
    done = one.alice.gateway("exec", "bob", "rsmtp", stdin=batch)
    assert done.status == 0, done
    one.travel()
    assert [(f"r{i}@b.example",) for i in range(3)] == sorted(mail.recipients for mail in one.b.mails())
    (held,) = one.bob.packets("hold")
    record = held.with_name(held.name + ".json").read_text()
    assert "501" in record
    assert "192.0.2.1" in record
    one.travel()
    assert 3 == len(one.b.mails())


def test_a_batch_in_one_session(way: Callable[..., Way]) -> None:
    one = way(", session = 50, processes = 2")
    batch = b"".join(
        b"MAIL FROM:<joe@a.example>\nRCPT TO:<r%d@b.example>\nDATA\nSubject: x\n\nhi\n.\n" % i
        for i in range(120)
    )
    assert 0 == one.alice.gateway("exec", "bob", "rsmtp", stdin=batch).status
    one.travel()
    one.b.deliver()
    assert sorted((f"r{i}@b.example",) for i in range(120)) == sorted(m.recipients for m in one.b.mails())


def test_a_full_disk_at_the_far_side_loses_and_repeats_nothing(way: Callable[..., Way]) -> None:
    one = way()
    configuration = one.b.configuration.read_text()
    one.b.configuration.write_text(configuration.replace("spool_space = 0", "spool_space = 100000G"))
    one.send("joe@a.example", ["x@b.example"])
    one.travel()
    assert [] == one.b.mails()
    (waiting,) = one.bob.packets("work")
    assert "insufficient disk space" in waiting.with_name(waiting.name + ".json").read_text()
