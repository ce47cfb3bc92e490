"""A real Postfix hands over by LMTP, as `gateway postfix setup --lmtp --write` configures it."""

from __future__ import annotations

import os
import pwd
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateway_postfix.check import findings
from gateway_postfix.postfix import Postfix as Asked

from tests.plugins.postfix.journey import TEXT, MakePostfix
from tests.plugins.postfix.test_real_setup import setup
from tests.real.nodes import Node, carry, toss
from tests.service.lmtp import Client, Service, served, serving

pytestmark = pytest.mark.postfix


class Site:
    """A Postfix that was set up by --write, and the node beside it, of which bob is a neighbour."""

    def __init__(self, make: MakePostfix, box: Path) -> None:
        self.postfix = make("a.example")
        place = self.postfix.directory
        self.alice, self.bob = Node(place / "alice", "alice"), Node(place / "bob", "bob")
        self.socket = place / "lmtp.sock"
        served(self.alice, self.socket)
        self.alice.know(self.bob)
        self.bob.know(self.alice, toml=f'exec.rsmtp = {{ egress = "maildir", path = "{box}" }}')
        done = setup(
            self.postfix, "--write", "--lmtp", "--socket", str(self.socket), "--route", "b.example=bob"
        )
        assert 0 == done.status, done
        self.postfix.start()

    @contextmanager
    def running(self) -> Iterator[Service]:
        before = os.umask(0)  # Postfix's client is another user
        try:
            with serving(self.alice) as service:
                with Client(str(self.socket)):
                    pass
                yield service
        finally:
            os.umask(before)

    def send(self, *recipients: str, text: bytes = TEXT, options: tuple[str, ...] = ()) -> None:
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=30) as smtp:
            wire = text.replace(b"\n", b"\r\n")
            smtp.sendmail("joe@a.example", list(recipients), wire, ["BODY=8BITMIME", *options])

    def wrong(self) -> dict[str, str]:
        asked = Asked(str(self.postfix.prefix / "bin/postconf"), f"{self.postfix.directory}/etc")
        user = pwd.getpwuid(os.geteuid()).pw_name
        found = findings(asked, "x@b.example", user, str(self.postfix.prefix / "bin/sendmail"))
        return {one.subject: one.mend for one in found if not one.ok and one.subject != "postdrop"}


@pytest.fixture
def site(make_postfix: MakePostfix, tmp_path: Path) -> Site:
    return Site(make_postfix, tmp_path / "box")


def test_mail_crosses_as_it_is_and_postfix_logs_what_it_became(site: Site, tmp_path: Path) -> None:
    many = [f"user{number}@b.example" for number in range(120)]
    with site.running() as service:
        site.send("x@b.example", '"q r"@b.example')
        site.send(*many)
        site.send("j\u00f6e@b.example", options=("SMTPUTF8",))
        gone = site.postfix.wait(lambda: len(site.alice.packets("tx")) >= 4 and not site.postfix.queued())
        assert gone, site.postfix.records()[-3000:]
    assert [] == service.said
    # Two recipients, 120 in two calls of at most 100, and one.
    assert 4 == len(site.alice.packets("tx"))
    assert 123 == site.postfix.records().count("status=sent (250 2.6.0 queued for bob as ")
    carry(site.alice, site.bob, tmp_path / "medium", tx="gateway", rx="gateway")
    assert 0 == toss(site.bob, "gateway").status
    letters = [path.read_bytes() for path in (tmp_path / "box/new").iterdir()]
    assert letters
    assert all(letter.endswith(TEXT.partition(b"\n\n")[2]) for letter in letters)


def test_while_nobody_listens_the_mail_waits(site: Site) -> None:
    site.send("x@b.example")
    assert site.postfix.wait(lambda: "status=deferred" in site.postfix.records()), site.postfix.records()
    assert {"socket", "permission"} == set(site.wrong())
    assert 1 == site.postfix.queued()
    with site.running():
        assert {} == site.wrong()
        site.postfix.run("postqueue", "-f")
        assert site.postfix.wait(lambda: not site.postfix.queued()), site.postfix.records()[-3000:]
    assert 1 == len(site.alice.packets("tx"))


def test_a_recipient_without_a_way_waits_alone(site: Site) -> None:
    site.alice.tail = site.alice.tail.replace('"*" = "bob"', '"b.example" = "bob"')
    site.alice.write()
    done = setup(
        site.postfix, "--write", "--force", "--lmtp", "--socket", str(site.socket),
        "--route", "b.example=bob", "--route", "c.example=bob",
    )  # fmt: skip
    assert 0 == done.status, done
    site.postfix.stop()
    site.postfix.start()
    with site.running():
        site.send("x@b.example", "y@c.example")
        assert site.postfix.wait(lambda: "451 4.4.4 no route for y@c.example" in site.postfix.records())
        assert site.postfix.wait(lambda: len(site.alice.packets("tx")) == 1)
    assert 1 == site.postfix.queued()
