"""A session of the sync protocol on a wire: handshake, locks, loop, from either end.

What goes wrong in a session ends in its account; only a spool that refuses is raised as well
as the locks that are busy. Whatever happens, the locks are given back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gateway.links.noise import NoiseError
from gateway.links.session.conversation import Conversation
from gateway.links.session.inbound import Inbound
from gateway.links.session.outbound import Outbound
from gateway.links.session.pace import SLOW_HANDSHAKE
from gateway.links.session.rules import Account, Heard, Rules, deadline
from gateway.links.session.wire import Wire
from gateway.links.sync.breach import Breach
from gateway.links.sync.channel import AnsweringChannel, CallingChannel
from gateway.links.sync.machine import Called, Machine
from gateway.links.sync.messages import MAX_PAYLOAD
from gateway.mta import EventKind
from gateway.packet.identity import encode

if TYPE_CHECKING:
    from gateway.config.model import Neighbour
    from gateway.mta import Event
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool

__all__ = ["Account", "Heard", "Party", "Rules", "Wire", "answer", "call", "deadline", "locked"]

SLOW_STEP = 4096
"""[bytes] On a slow link the size of an answer's payload is a multiple of it: what 85 announcements take.
The handshake alone might outlast a connection otherwise. `$NNCPDEADLINE` has to be raised for such a link,
so none is one by accident."""


class Party(NamedTuple):
    """Our end of sessions: keys, spool, where events go, and when to stop."""

    identity: Identity
    spool: Spool
    report: Callable[[Event], None]
    stop: Callable[[], bool] = lambda: False


@contextmanager
def locked(party: Party, neighbour: Neighbour, rules: Rules) -> Iterator[None]:
    """Hold the locks that NNCP's programs hold in such a session: rx, then tx.

    Raises:
        LockBusy: temporary; none is held then.
    """
    with ExitStack() as locks:
        if not rules.listing:
            node = encode(neighbour.id)
            if rules.receive:
                locks.enter_context(party.spool.lock(node, "rx"))
            if rules.send:
                locks.enter_context(party.spool.lock(node, "tx"))
        yield


def call(wire: Wire, party: Party, neighbour: Neighbour, rules: Rules, *, addr: str = "") -> Account:
    """Hold a session as the caller; hold the locks with `locked` meanwhile. `addr` is for the events.

    Raises:
        SpoolError: temporary.
    """
    account = Account(peer=neighbour.name, addr=addr)
    identity = party.identity
    channel = CallingChannel(identity.noiseprv, identity.noisepub, neighbour.noisepub or b"")
    machine = Machine(channel, receive=rules.receive or rules.listing, max_niceness=rules.max_niceness)
    try:
        inbound, outbound = _boxes(party, machine, neighbour, rules, account)
        begin = machine.hello(outbound.found() if outbound else ())
        conversation = Conversation(
            wire, machine, rules, account, stop=party.stop, begun=partial(_begun, party, account)
        )
        conversation.hold(inbound, outbound, begin)
    except (Breach, NoiseError) as failure:
        _broken(account, failure)
    finally:
        _finished(party, account)
    return account


def answer(
    wire: Wire,
    party: Party,
    known: Callable[[bytes], Neighbour | None],
    rules_for: Callable[[Neighbour], Rules],
    *,
    deadline: float,
) -> Account:
    """Hold a session as the one who is called.

    `known` finds the neighbour with a public key. `deadline` [s] bounds the wait for the
    first message; an unknown caller and one whose locks are busy get no answer.

    Raises:
        LockBusy: temporary.
        SpoolError: temporary.
    """
    account = Account()
    machine = Machine(AnsweringChannel(party.identity.noiseprv, party.identity.noisepub))
    try:
        key, took = _first_message(wire, machine, account, deadline, party.stop)
        neighbour = known(key)
        if neighbour is None:
            raise Breach(f"a caller whose key ({encode(key)}) is no neighbour's")
        account.peer = neighbour.name
        rules = rules_for(neighbour)
        machine.limit(rules.max_niceness)
        with locked(party, neighbour, rules):
            inbound, outbound = _boxes(party, machine, neighbour, rules, account)
            step = SLOW_STEP if took > SLOW_HANDSHAKE else MAX_PAYLOAD
            begin, events = machine.answer(outbound.found() if outbound else (), step=step)
            account.started = True
            _begun(party, account)
            conversation = Conversation(wire, machine, rules, account, stop=party.stop)
            conversation.handshake_took(took)
            conversation.hold(inbound, outbound, begin, events)
    except (Breach, NoiseError) as failure:
        _broken(account, failure)
    finally:
        _finished(party, account)
    return account


def _first_message(
    wire: Wire, machine: Machine, account: Account, deadline: float, stop: Callable[[], bool]
) -> tuple[bytes, float]:
    """Return the caller's key, and how long the message took from its first byte to its last [s]."""
    until = time.monotonic() + deadline
    begun = 0.0
    while time.monotonic() < until and not stop():
        if not wire.ready(min(1.0, max(0.0, until - time.monotonic())), read=True, write=False)[0]:
            continue
        data = wire.read()
        if data is None:
            continue
        if not data:
            raise Breach("the caller hung up before it said anything")
        begun = begun or time.monotonic()
        account.bytes_in += len(data)
        for event in machine.feed(data):
            if isinstance(event, Called):
                return event.key, time.monotonic() - begun
    raise Breach(f"no handshake within {deadline:g} s")


def _boxes(
    party: Party, machine: Machine, neighbour: Neighbour, rules: Rules, account: Account
) -> tuple[Inbound | None, Outbound | None]:
    node, name = encode(neighbour.id), neighbour.name
    inbound = outbound = None
    if rules.receive and not rules.listing:
        inbound = Inbound(
            party.spool, machine, node, name, limits=neighbour.limits, account=account, report=party.report
        )
    if rules.send and not rules.listing:
        outbound = Outbound(
            party.spool,
            machine,
            node,
            name,
            max_niceness=rules.max_niceness,
            account=account,
            report=party.report,
        )
    return inbound, outbound


def _begun(party: Party, account: Account) -> None:
    party.report(account.event(EventKind.CALL_STARTED))


def _finished(party: Party, account: Account) -> None:
    """Tell of the end, if there was a beginning: whoever knocks at the door fills no journal."""
    if account.started:
        party.report(account.event(EventKind.CALL_FINISHED))


def _broken(account: Account, failure: Exception) -> None:
    account.end = str(failure)
    account.broken = True
