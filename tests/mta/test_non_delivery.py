"""A refusal by the far mail program comes back as a report that the near one takes for what it is.

The mail goes from a real Exim or Postfix to bob, whose Exim refuses it; the report goes back the same way.
"""

from __future__ import annotations

import email
import json
import os
import time
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.plugins.postfix.journey import Journey, MakePostfix
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim, Mail, router, transport
from tests.real.nodes import Node, carry, toss
from tests.real.programs import gateway_script

pytestmark = pytest.mark.exim

TEXT = b"From: joe@a.example\nTo: x@b.example\nSubject: one\n\nsecret body\n"
ONLY_Y = """\
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept local_parts = y
  deny message = 5.1.1 no <$local_part> here
"""
TAKES_ALL = "acl_smtp_rcpt = ok\nbegin acl\nok:\n  accept\n"

MakeExim = Callable[..., Exim]


def words(egress: str, *command: str) -> str:
    return f'{{ egress = "{egress}", command = {json.dumps(command)}, form = "bsmtp" }}'


def report_in(mail: Mail) -> tuple[EmailMessage, list[dict[str, str]]]:
    """Return a report, and what it says of each recipient."""
    whole = email.message_from_bytes(mail.message, policy=policy.default)
    assert isinstance(whole, EmailMessage)
    assert ("", ("joe@a.example",)) == (mail.sender, mail.recipients)
    assert ("multipart/report", "delivery-status") == (
        whole.get_content_type(),
        whole.get_param("report-type"),
    )
    assert b"secret body" not in mail.message
    assert "Subject: one" in list(whole.iter_parts())[2].get_content()
    status = email.message_from_bytes(mail.message).get_payload()[1].get_payload()
    return whole, [dict(block.items()) for block in status[1:]]


class Exims:
    """Exim A beside alice, and bob beside an Exim B that refuses whoever is not y."""

    def __init__(self, make_exim: MakeExim, place: Path, nodes: tuple[Node, Node], *, mail: str = "") -> None:
        self.alice, self.bob = nodes
        self.place = place
        command = f"{gateway_script()} --config {self.alice.toml} exec bob rsmtp"
        self.a = make_exim("a.example", router("bob"), transport(command), TAKES_ALL)
        self.b = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, ONLY_Y)
        near = str(self.a.sendmail())
        self.alice.know(
            self.bob,
            toml=f"exec.rsmtp = {words('exim', near, '-odf', '-bS')}\n"
            f'exec.sendmail = {{ egress = "postfix", command = ["{near}", "-odf"] }}',
        )
        self.bob.know(
            self.alice, toml=f"exec.rsmtp = {words('smtp', str(self.b.sendmail()), '-odq', '-bs')}\n{mail}"
        )
        self.a.own(self.alice.directory)

    def there(self) -> int:
        """Carry to bob, and toss; return the status."""
        carry(self.alice, self.bob, self.place / "there", tx="gateway", rx="gateway")
        return toss(self.bob, "gateway").status

    def back(self) -> None:
        """Carry to alice, and toss; nothing may be left."""
        carry(self.bob, self.alice, self.place / "back", tx="gateway", rx="gateway")
        done = toss(self.alice, "gateway")
        assert 0 == done.status, done
        self.a.deliver()
        assert 0 == self.a.queued(), self.a.records()


@pytest.mark.parametrize("mail", ["", 'mail = { form = "sendmail" }'])
def test_exim_takes_the_report_for_a_report(
    make_exim: MakeExim, two_nodes: tuple[Node, Node], tmp_path: Path, mail: str
) -> None:
    exims = Exims(make_exim, tmp_path, two_nodes, mail=mail)
    exims.a.inject("joe@a.example", ["x@b.example", "y@b.example"], TEXT)
    assert 1 == exims.there()
    exims.b.deliver()
    assert [("y@b.example",)] == [mail.recipients for mail in exims.b.mails()]
    exims.back()
    (mail_at_a,) = exims.a.mails()
    _, [about] = report_in(mail_at_a)
    assert ("rfc822; x@b.example", "failed", "5.1.1") == (
        about["Final-Recipient"],
        about["Action"],
        about["Status"],
    )
    assert "550 5.1.1 no <x> here" in about["Diagnostic-Code"]
    assert "<= <> " in exims.a.records()
    (held,) = exims.bob.packets("hold", exims.alice)
    assert "reported to joe@a.example" in held.with_name(f"{held.name}.json").read_text()


def test_a_report_that_is_refused_ends_there(
    make_exim: MakeExim, two_nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    """Both sides refuse: the report is held at alice's, and nothing goes back to bob."""
    exims = Exims(make_exim, tmp_path, two_nodes)
    exims.alice.know(exims.bob, toml=f"exec.rsmtp = {words('smtp', str(exims.b.sendmail()), '-bs')}")
    exims.a.own(exims.alice.directory)
    exims.a.inject("joe@a.example", ["x@b.example"], TEXT)
    assert 1 == exims.there()
    carry(exims.bob, exims.alice, exims.place / "back", tx="gateway", rx="gateway")
    assert 1 == toss(exims.alice, "gateway").status
    assert [] == exims.alice.packets("tx") + exims.bob.packets("tx")
    (held,) = exims.alice.packets("hold")
    assert "not reported: its sender is the null path" in held.with_name(f"{held.name}.json").read_text()


def test_the_null_sender_hears_nothing(
    make_exim: MakeExim, two_nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    exims = Exims(make_exim, tmp_path, two_nodes)
    exims.a.inject("", ["x@b.example"], TEXT)
    assert 1 == exims.there()
    assert [] == exims.bob.packets("tx")
    assert 1 == len(exims.bob.packets("hold"))


def test_a_policy_is_reported_as_one(
    make_exim: MakeExim, two_nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    exims = Exims(make_exim, tmp_path, two_nodes, mail='accept.recipients = ["y@b.example"]')
    exims.a.inject("joe@a.example", ["x@b.example"], TEXT)
    assert 1 == exims.there()
    exims.back()
    _, [about] = report_in(exims.a.mails()[0])
    assert "5.7.1" == about["Status"]


def test_exim_brings_the_report_of_a_delay_to_its_own_user(
    make_exim: MakeExim, two_nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    """Nobody calls bob for two hours: joe hears of it once, from alice, and bob of nothing."""
    exims = Exims(make_exim, tmp_path, two_nodes)
    alice = exims.alice
    own = words("exim", str(exims.a.sendmail()), "-odf", "-bS")
    alice.tail = f'[retry]\nwarn-after = "1h"\nwarn-sender = true\n[neigh.self]\nexec.rsmtp = {own}\n'
    alice.write()
    exims.a.own(alice.directory)
    exims.a.inject("joe@a.example", ["x@b.example", "y@b.example"], TEXT)
    exims.a.inject("", ["x@b.example"], TEXT)
    packets = alice.packets("tx")
    assert 2 == len(packets)
    for _ in range(3):
        for path in [*packets, *alice.spool.glob("*/delayed.json")]:
            os.utime(path, (time.time() - 7200,) * 2)
        done = toss(alice, "gateway")
        assert 0 == done.status, done
    exims.a.deliver()
    (mail,) = exims.a.mails()
    assert ("", ("joe@a.example",)) == (mail.sender, mail.recipients)
    whole = email.message_from_bytes(mail.message)
    _, *about = whole.get_payload()[1].get_payload()
    assert [("rfc822; x@b.example", "delayed"), ("rfc822; y@b.example", "delayed")] == [
        (one["Final-Recipient"], one["Action"]) for one in about
    ]
    assert "Message-ID: <" in whole.get_payload()[2].get_payload()
    assert packets == alice.packets("tx")
    assert b"" == alice.gateway("queue", "check").stdout
    listed = [json.loads(line) for line in alice.gateway("queue", "list", "--json").stdout.splitlines()]
    assert [[], ["joe@a.example"]] == sorted(one["warned"] for one in listed)
    trace = alice.gateway("trace", next(one["packet"] for one in listed if one["warned"])).stdout.decode()
    assert "reported to joe@a.example" in trace
    assert "tells that" in trace
    assert "Mail is delayed" not in exims.b.records()


@pytest.mark.postfix
def test_postfix_takes_the_report_for_a_report(make_exim: MakeExim, make_postfix: MakePostfix) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, ONLY_Y)
    one = Journey(
        make_postfix, "submit", f"exec.rsmtp = {words('smtp', str(exim.sendmail()), '-odq', '-bs')}"
    )
    near = json.dumps([str(one.a.sendmail())])
    one.alice.know(one.bob, toml=f'exec.rsmtp = {{ egress = "postfix", command = {near} }}')
    one.a.own(one.alice.directory)
    one.send("joe@a.example", ["x@b.example", "y@b.example"], TEXT)
    one.sent()
    assert 1 == one.travel().status
    carry(one.bob, one.alice, one.place / "back", tx="gateway", rx="gateway")
    assert 0 == toss(one.alice, "gateway").status
    (mail,) = one.a.wait_for_mails(1)
    _, [about] = report_in(mail)
    assert ("rfc822; x@b.example", "5.1.1") == (about["Final-Recipient"], about["Status"])
    assert "from=<>" in one.a.records()
