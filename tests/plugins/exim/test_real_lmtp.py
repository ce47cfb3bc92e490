"""A real Exim hands over by LMTP, as `gateway exim setup --lmtp` says, to a service and to a command."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateway_exim.check import findings
from gateway_exim.setup import Plan, Way, routers, transport

from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.nodes import Node, carry, toss
from tests.real.programs import gateway_script
from tests.service.lmtp import Client, served, serving

pytestmark = pytest.mark.exim

TEXT = b"From: joe@a.example\nSubject: one\n\n.\n..\n.a\n\xfc\nFrom x\nend\n"
WAYS: tuple[Way, ...] = ("lmtp", "lmtp-command")


class Site:
    """An Exim and the node beside it, of which bob is a neighbour."""

    def __init__(self, make: Callable[..., Exim], way: Way, bob_exec: str) -> None:
        self.way = way
        self.exim = make("a.example", "", "", "domainlist local_domains = @\n")
        place = self.exim.directory
        self.alice, self.bob = Node(place / "alice", "alice"), Node(place / "bob", "bob")
        self.socket = place / "lmtp.sock"
        served(self.alice, self.socket)
        self.alice.know(self.bob)
        self.bob.know(self.alice, toml=bob_exec)
        plan = Plan(
            layout="plain", user="daemon", command=gateway_script(), config=str(self.alice.toml),
            node="bob", way=way, socket=str(self.socket),
        )  # fmt: skip
        # What only a real system can do: to change users.
        block = re.sub(r"  (user = .*|initgroups)\n", "", transport(plan))
        text = self.exim.configuration.read_text()
        text = text.replace("begin routers\n", f"begin routers\n{routers(plan)}{LOCAL_ROUTER}")
        local = LOCAL_TRANSPORT.replace("{directory}", str(place))
        text = text.replace("begin transports\n", f"begin transports\n{block}{local}")
        self.exim.configuration.write_text(text)
        self.exim.own(self.alice.directory)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the service, if this is the way that needs one."""
        if self.way == "lmtp-command":
            yield
            return
        before = os.umask(0)  # Exim may be another user
        try:
            with serving(self.alice) as service:
                with Client(str(self.socket)):
                    pass
                yield
                assert [] == service.said
        finally:
            os.umask(before)

    def send(self, *recipients: str, text: bytes = TEXT, sender: str = "joe@a.example") -> None:
        self.exim.inject(sender, list(recipients), text)


@pytest.fixture
def make_site(make_exim: Callable[..., Exim], tmp_path: Path) -> Callable[[Way], Site]:
    """Return what makes a site for a way; bob delivers into ``box``."""
    exec_ = f'exec.rsmtp = {{ egress = "maildir", path = "{tmp_path}/box" }}'
    return lambda way: Site(make_exim, way, exec_)


@pytest.fixture(params=WAYS)
def site(request: pytest.FixtureRequest, make_site: Callable[[Way], Site]) -> Site:
    """Either way."""
    return make_site(request.param)


def test_mail_crosses_and_exim_logs_what_it_became(site: Site, tmp_path: Path) -> None:
    with site.running():
        site.send("x@far.example", '"q r"@far.example')
    assert 0 == site.exim.queued(), site.exim.records()
    (packet,) = site.alice.packets("tx")
    assert 2 == site.exim.records().count(f"queued for bob as {packet.name}")
    assert [] == site.alice.temporary()
    carry(site.alice, site.bob, tmp_path / "medium", tx="gateway", rx="gateway")
    assert 0 == toss(site.bob, "gateway").status
    (letter,) = (tmp_path / "box/new").iterdir()
    assert letter.read_bytes().endswith(TEXT.partition(b"\n\n")[2])


def test_a_bounce_keeps_its_null_sender(site: Site) -> None:
    with site.running():
        site.send("x@far.example", sender="<>")
    assert 0 == site.exim.queued(), site.exim.records()
    assert 1 == len(site.alice.packets("tx"))


def test_a_recipient_without_a_way_is_deferred_and_the_others_go(make_site: Callable[[Way], Site]) -> None:
    site = make_site("lmtp")
    site.alice.tail = site.alice.tail.replace('"*" = "bob"', '"far.example" = "bob"')
    site.alice.write()
    with site.running():
        site.send("x@far.example", "y@nowhere.example")
    assert 1 == site.exim.queued()
    assert "451 4.4.4 no route for y@nowhere.example" in site.exim.records()
    assert 1 == len(site.alice.packets("tx"))
    assert [] == site.exim.mails()


BREAKS: dict[str, Callable[[Site], object]] = {
    "no configuration": lambda site: site.alice.toml.unlink(),
    "no such node": lambda site: site.alice.toml.write_text(
        site.alice.toml.read_text().replace("[neigh.bob]", "[neigh.rob]")
    ),
    "a spool that is a file": lambda site: (site.alice.spool.rmdir(), site.alice.spool.touch()),
}


@pytest.mark.parametrize("name", BREAKS)
def test_whatever_is_wrong_with_the_command_defers(make_site: Callable[[Way], Site], name: str) -> None:
    site = make_site("lmtp-command")
    BREAKS[name](site)
    site.send("x@far.example")
    assert 1 == site.exim.queued(), site.exim.records()
    assert [] == site.exim.mails(), "it bounced"
    assert " 4." in site.exim.records()


def test_without_a_service_the_mail_waits(make_site: Callable[[Way], Site]) -> None:
    site = make_site("lmtp")
    site.send("x@far.example")
    assert 1 == site.exim.queued(), site.exim.records()
    with site.running():
        site.exim.run("-qff")
    assert 0 == site.exim.queued(), site.exim.records()
    assert 1 == len(site.alice.packets("tx"))


def test_check_finds_it_well_and_says_when_nobody_listens(site: Site) -> None:
    exim = [str(site.exim.program), "-C", str(site.exim.configuration)]

    def wrong() -> dict[str, str]:
        found = list(findings(exim, "x@far.example", "root"))
        return {one.subject: one.mend for one in found if not one.ok and one.subject != "trust"}

    with site.running():
        assert {} == wrong()
    if site.way == "lmtp":
        assert {"socket": f'gateway serve, with [serve] lmtp = "{site.socket}"'} == wrong()
