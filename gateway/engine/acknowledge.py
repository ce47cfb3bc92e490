"""Acknowledgements: packets of type ack, made after a delivery and honoured on arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.engine.draft import hops, route_to
from gateway.packet.identity import decode, encode
from gateway.packet.niceness import NORMAL
from gateway.packet.plain import PacketType, Plain
from gateway.packet.sealing import Sealer

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.engine.verify import Arrival
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool


def honour(arrival: Arrival, spool: Spool) -> bool:
    """Drop the acknowledged packet from the sender's queue; return whether it was there.

    The name is looked up in the queue of the node that signed the acknowledgement, so
    nobody can acknowledge another's mail.
    """
    return spool.drop_sent(encode(arrival.sender.id), encode(arrival.plain.path[:32]))


def acknowledge(arrival: Arrival, config: Config, identity: Identity, spool: Spool) -> None:
    """Queue an acknowledgement to the neighbour that handed the packet to us.

    An acknowledgement names a file, so it means something only to the node in whose queue
    a file of that name lay.

    Raises:
        SpoolError: temporary.
    """
    neighbour = config.by_id(decode(arrival.job.node))
    if neighbour is None or neighbour.id == identity.id:
        return
    route = route_to(config, neighbour)
    with spool.stage() as staged:
        sealer = Sealer(
            staged.write,
            identity=identity,
            route=hops(route),
            niceness=NORMAL,
            plain=Plain(PacketType.ACK, NORMAL, decode(arrival.job.name)),
        )
        name = sealer.finish().name
        staged.complete()
        spool.commit(staged, encode(route[0].id), "tx", name, alias=route[0].name)
