"""Relay: the packet inside a transit packet goes to the next hop's queue, unread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.engine.draft import hops, route_to
from gateway.packet.failures import Corrupt
from gateway.packet.header import HEADER_SIZE, Header
from gateway.packet.identity import encode
from gateway.packet.mth import MerkleTree
from gateway.packet.plain import PacketType, Plain
from gateway.packet.sealing import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.model import Config, Neighbour
    from gateway.engine.verify import Arrival
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool


def relay(arrival: Arrival, target: Neighbour, config: Config, identity: Identity, spool: Spool) -> str:
    """Queue the inner packet for `target`; return the name under which it is queued.

    Where our own configuration reaches the target by relays, the packet is wrapped again,
    by us, with the niceness it came with. A packet for ourselves goes to our own rx, to be
    tossed next. The transit packet is verified to its end before anything is queued.

    Raises:
        BadPacket: the job must be held; the transit packet, or what it carries, is no packet.
        SpoolError: temporary.
    """
    ourselves = target.id == identity.id
    route = route_to(config, target)
    with spool.stage() as staged:
        if ourselves or len(route) == 1:
            tree = MerkleTree()

            def write(chunk: bytes) -> None:
                tree.update(chunk)
                staged.write(chunk)

            _copy(arrival, write)
            name = tree.name()
        else:
            wrap = Plain(PacketType.TRNS, 0, target.id)
            sealer = Sealer(
                staged.write,
                identity=identity,
                route=hops(route[:-1]),
                niceness=arrival.header.niceness,
                plain=wrap,
            )
            _copy(arrival, sealer.write)
            name = sealer.finish().name
        staged.complete()
        spool.commit(staged, encode(route[0].id), "rx" if ourselves else "tx", name, alias=route[0].name)
    return name


def _copy(arrival: Arrival, write: Callable[[bytes], object]) -> None:
    """Pass the payload on, having looked at its header only."""
    head = b""
    for chunk in arrival.payload():
        if len(head) < HEADER_SIZE:
            head += chunk[: HEADER_SIZE - len(head)]
            if len(head) == HEADER_SIZE:
                Header.decode(head)
        write(chunk)
    if len(head) < HEADER_SIZE:
        msg = "the transit packet carries no packet"
        raise Corrupt(msg)
