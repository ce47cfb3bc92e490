"""A real Exim's pipe whose work the resident process does: the transport is none the wiser."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.mta.test_statuses import LONG, send
from tests.mta.ways_in import UUCP
from tests.real.exim import LOCAL_TRANSPORT, Exim, router
from tests.real.nodes import Node
from tests.service.handover import Service, handing, taking

pytestmark = pytest.mark.exim


@pytest.fixture
def exim(make_exim: Callable[..., Exim]) -> Exim:
    return make_exim("a.example", router("bob"), LOCAL_TRANSPORT)


@pytest.fixture
def alice(exim: Exim) -> Node:
    """The node beside Exim."""
    alice, bob = Node(exim.directory / "alice", "alice"), Node(exim.directory / "bob", "bob")
    alice.know(bob)
    handing(alice)
    exim.own(alice.directory)
    return alice


@pytest.fixture
def service(alice: Node) -> Iterator[Service]:
    with taking(alice) as service:
        yield service


def test_mail_is_queued_and_exim_forgets_it(exim: Exim, alice: Node, service: Service) -> None:
    log = send(exim, "exec bob rsmtp")
    assert " => x@b.example " in log, log
    assert [0] == service.statuses
    assert (0, 1) == (exim.queued(), len(alice.packets("tx")))


def test_a_failure_is_deferred_with_the_services_words(exim: Exim, alice: Node, service: Service) -> None:
    log = send(exim, "submit nosuch --node bob")
    assert "transport output: 4.3.0 no ingress 'nosuch'" in log, log
    assert [75] == service.statuses
    assert (1, []) == (exim.queued(), exim.mails())


def test_what_can_never_be_sent_bounces(exim: Exim, alice: Node, service: Service) -> None:
    log = send(exim, "exec bob rmail $pipe_addresses", LONG, UUCP)
    assert " ** " in log, log
    assert [65] == service.statuses
    assert 0 == exim.queued()
    (bounce,) = exim.mails()
    assert b"too long for a packet" in b" ".join(bounce.message.split())
