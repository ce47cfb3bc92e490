"""Acknowledgements: packets of type ack, made of what became of mail, and honoured on arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.mta import Event, EventKind
from gateway.packet.identity import decode, encode, id_text
from gateway.packet.niceness import NORMAL
from gateway.packet.plain import PacketType, Plain
from gateway.packet.receipt import DELIVERED, Receipt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.config.model import Config, Neighbour
    from gateway.engine.verify import Arrival
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool


def honour(arrival: Arrival, spool: Spool) -> Event:
    """Drop the acknowledged packet from the sender's queue, if it is there; return what to tell of it.

    The name is looked up in the queue of the node that signed the acknowledgement, so
    nobody can acknowledge another's mail.

    Raises:
        BadPacket: the job must be held; it names no packet.
        SpoolError: temporary.
    """
    receipt = Receipt.decode(arrival.plain.path)
    dropped = spool.drop_sent(encode(arrival.sender.id), receipt.packet)
    detail: dict[str, object] = {
        "type": "ack",
        "of": receipt.packet,
        "state": receipt.state,
        "dropped": dropped,
        "queue_ids": receipt.text.split() if receipt.state == DELIVERED else [],
    }
    return Event(
        kind=EventKind.ACKNOWLEDGED,
        packet=arrival.job.name,
        node=arrival.sender.name,
        niceness=arrival.header.niceness,
        size=arrival.job.size,
        text=receipt.text,
        detail=detail,
    )


def acknowledge(
    arrival: Arrival, receipt: Receipt, config: Config, identity: Identity, spool: Spool
) -> Iterator[Event]:
    """Queue a receipt for every node that wants one; yield what to tell of each.

    That is the node that signed the packet. Of a delivery also the neighbour that handed it to
    us hears, if that is another: to a plain NNCP a receipt means that the file of that name in
    its queue need not be kept any longer.

    Raises:
        GatewayError: temporary.
    """
    nodes: list[Neighbour | None] = [arrival.sender]
    if receipt.state == DELIVERED and arrival.job.node != id_text(arrival.sender.id):
        nodes.append(config.by_id(decode(arrival.job.node)))
    wanting = {node.id: node for node in nodes if node is not None and node.ack and node.id != identity.id}
    for node in wanting.values():
        yield _queue(receipt, node, config, identity, spool)


def _queue(receipt: Receipt, node: Neighbour, config: Config, identity: Identity, spool: Spool) -> Event:
    from gateway.engine.draft import hops, route_to  # noqa: PLC0415 - only where something is sealed
    from gateway.packet.sealing import Sealer  # noqa: PLC0415 - as above

    route = route_to(config, node)
    with spool.stage() as staged:
        sealer = Sealer(
            staged.write,
            identity=identity,
            route=hops(route),
            niceness=NORMAL,
            plain=Plain(PacketType.ACK, NORMAL, receipt.encode()),
        )
        sealed = sealer.finish()
        staged.complete()
        spool.commit(staged, encode(route[0].id), "tx", sealed.name, alias=route[0].name)
    detail: dict[str, object] = {
        "type": "ack",
        "of": receipt.packet,
        "state": receipt.state,
        "inner": sealed.inner_name,
        "layers": sealed.layers,
    }
    return Event(EventKind.SUBMITTED, sealed.name, node.name, NORMAL, sealed.plain_size, receipt.text, detail)
