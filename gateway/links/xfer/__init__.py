"""Directory exchange: packets by USB stick, shared folder, anything that can be mounted.

``DIR/<RECIPIENT ID>/<SENDER ID>/<NAME>``, as NNCP's nncp-xfer has it, SENDER being the node
that copied the packet there. Both sides keep a packet until the other's copy is on the
disk: a crash in between leaves two copies and loses none, and the second is recognised by
its name, which is the hash of its content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.errors import SpoolError
from gateway.links.account import Account, Exchanged
from gateway.links.xfer.receive import Receiver
from gateway.links.xfer.send import Sender
from gateway.packet.identity import encode
from gateway.spool.medium import Folder

if TYPE_CHECKING:
    from gateway.config.model import Limits
    from gateway.mta import Event
    from gateway.spool.spool import Spool

__all__ = ["Exchanged", "exchange"]


def exchange(
    spool: Spool,
    directory: str,
    own_id: bytes,
    neighbours: Mapping[str, bytes],
    *,
    receive: bool = True,
    send: bool = True,
    limits: Mapping[str, Limits] = MappingProxyType({}),
    max_niceness: int = 255,
    keep: bool = False,
    mkdir: bool = False,
    report: Callable[[Event], None] = lambda _: None,
) -> Exchanged:
    """Take what lies in the directory for us, then put there what we have for the neighbours.

    `neighbours` maps names to ids: whoever is not in it is neither read nor written. `limits`
    says for some of the names what may lie here of what they handed over. Packets of a higher
    niceness number than `max_niceness` stay where they are. `keep` leaves the originals on
    both sides. `mkdir` makes the directory of a neighbour that has none, if there is something
    for it. `report` gets an event for every packet once it is safe.

    Raises:
        SpoolError: temporary; the directory cannot be opened. Whatever goes wrong with a
            single packet or neighbour is in the answer instead.
    """
    try:
        medium = Folder(directory)
    except OSError as failure:
        msg = f"{directory}: {failure.strerror}: is it mounted?"
        raise SpoolError(msg) from failure
    # Of two names for one id the last one stands, and self only for want of another.
    names = {encode(node_id): name for name, node_id in sorted(neighbours.items(), key=_self_first)}
    account = Account("xfer", directory, report)
    with medium:
        if receive:
            Receiver(spool, account, limits, max_niceness=max_niceness, keep=keep).receive(
                medium, encode(own_id), names
            )
        if send:
            sender = Sender(spool, account, encode(own_id), max_niceness=max_niceness, keep=keep, mkdir=mkdir)
            for node, name in sorted(names.items(), key=lambda item: item[1]):
                sender.send(medium, node, name)
    return account.result()


def _self_first(item: tuple[str, bytes]) -> tuple[bool, str]:
    return item[0] != "self", item[0]
