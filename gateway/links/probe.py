"""Asking a neighbour's addresses who answers there: a handshake, its announcements, nothing moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from gateway.links.call import Unreachable, connected
from gateway.links.session import Rules, call

if TYPE_CHECKING:
    from gateway.config.model import Neighbour
    from gateway.links.session import Party

__all__ = ["Answer", "probe"]

_LISTEN = 2.0
"""[s] Of silence, after which the neighbour has announced what it has."""
_HUNG_UP = (
    "somebody accepted the connection and hung up at our first words: either {name} does not know our keys"
    " (send it what `gateway node self` prints), or those that we have are not {name}'s (compare the words),"
    " or another session with {name} is under way (try again)"
)


class Answer(NamedTuple):
    """What came of one address.

    `wrong` is None where the neighbour proved who it is and took us for who we are. `waiting` packets
    were announced for us.
    """

    address: str
    wrong: str | None
    waiting: int = 0


def probe(party: Party, neighbour: Neighbour, addresses: Iterable[str], rules: Rules) -> Iterator[Answer]:
    """Ask one address after the other; no locks are taken and no packet moves."""
    rules = rules._replace(receive=False, send=False, listing=True, onlinedeadline=_LISTEN)
    for address in addresses:
        try:
            with connected(address, rules.deadline) as wire:
                account = call(wire, party, neighbour, rules)
        except Unreachable as failure:
            yield Answer(address, str(failure))
            continue
        if account.started:
            yield Answer(address, None, len(account.heard))
        else:
            hung_up = account.bytes_in == 0 and "closed" in account.end
            yield Answer(address, _HUNG_UP.format(name=neighbour.name) if hung_up else account.end)
