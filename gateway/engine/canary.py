"""Canaries: packets from ourselves to ourselves, through another node and back.

A canary is an exec packet whose sender and recipient we are, wrapped for the whole way as any packet is:
our relays to the node, the node, and then us. The node unwraps a transit packet for a neighbour it knows, and
sends it on; so every gateway and every NNCP can do it, with nothing configured for it. What came back is
proved as mail is, by its mark in ``rx/seen``.
"""

from __future__ import annotations

import os
import time
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.ground import identity_of
from gateway.errors import UsageError
from gateway.packet.identity import encode
from gateway.packet.niceness import PRIORITY
from gateway.packet.plain import PacketType, split_exec_path
from gateway.spool.canary import Canary, remember

if TYPE_CHECKING:
    from gateway.config.model import Config, Neighbour
    from gateway.engine.verify import Arrival
    from gateway.packet.identity import Identity
    from gateway.registry import Registry
    from gateway.spool.spool import Spool

HANDLE = "canary"
"""The handle that we alone have, at ourselves alone, without any configuration."""

_BODY = b"A canary of `gateway canary`: it is to come back to the node that sent it.\n"


def is_canary(arrival: Arrival, identity: Identity) -> bool:
    """Whether a packet is a canary that we signed; a handle of that name in our own table goes before."""
    return (
        arrival.plain.type in (PacketType.EXEC, PacketType.EXEC_FAT)
        and arrival.sender.id == identity.id
        and split_exec_path(arrival.plain.path)[0] == HANDLE
        and HANDLE not in arrival.sender.handles
    )


def send(
    config: Config, spool: Spool, registry: Registry, node: Neighbour, *, niceness: int = PRIORITY
) -> Canary:
    """Queue a canary that goes to a node and back, and remember it.

    Raises:
        UsageError: the node is ourselves.
        ConfigError: temporary; there are no keys.
        GatewayError: temporary.
    """
    from gateway.engine.draft import Draft, Order, route_to  # noqa: PLC0415 - a toss only looks for canaries

    identity = identity_of(config)
    ourselves = config.by_id(identity.id)
    assert ourselves is not None, "a configuration with keys has `self`"
    if node.id == identity.id:
        msg = f"{node.name} is this node itself: name the neighbour through which the canary is to fly"
        raise UsageError(msg)
    route = [*route_to(config, node), ourselves]
    draft = Draft(
        spool,
        identity=identity,
        route=route,
        handle=HANDLE,
        arguments=(node.name,),
        order=Order(niceness=niceness, compress=False),
    )
    try:
        draft.write(_BODY)
        draft.finish()
        sealed = draft.sealed
        assert sealed is not None, "it was finished"
        canary = Canary(sealed.name, sealed.inner_name, encode(draft.first.id), time.time())
        draft.commit()
    finally:
        draft.discard()
    remember(spool, encode(node.id), canary)
    news = draft.news({"through": [hop.name for hop in route[:-1]]})
    registry.event(news._replace(node=node.name))
    return canary


class Where(Enum):
    """Where a canary is; what comes later proves all that stands before it."""

    WAITING = "waiting"
    """In the queue for the first hop."""
    STOPPED = "stopped"
    """Held in that queue by a person, or removed from it."""
    AWAY = "away"
    """No longer with us, and not back."""
    BACK = "back"
    """It lies here, and is still to be tossed."""
    HELD = "held"
    """It came back and is held."""
    TOSSED = "tossed"
    """It was verified to its last byte: the whole way is proved."""


class Sight(NamedTuple):
    """Where a canary was seen, since when it is there [unix s] (0: not known), and the words of a hold."""

    where: Where
    since: float = 0.0
    reason: str = ""


def look(spool: Spool, canary: Canary) -> Sight:
    """Say where a canary is now; a few system calls for each neighbour.

    Raises:
        SpoolError: temporary.
    """
    nodes = spool.nodes()
    if spool.known(canary.inner, nodes) == "seen":
        return Sight(Where.TOSSED, _marked(spool, canary, nodes))
    back = spool.find(canary.inner)
    for job in back:
        if job.box in ("rx", "work"):
            return Sight(Where.BACK, job.mtime)
    if not back and (waiting := spool.job(canary.hop, "tx", canary.packet)):
        return Sight(Where.WAITING, waiting.mtime)
    for where, jobs in ((Where.HELD, back), (Where.STOPPED, spool.find(canary.packet))):
        for job in jobs:
            record = spool.recorded(job)
            return Sight(where, job.mtime, record.reason if record else "")
    return Sight(Where.AWAY)


def _marked(spool: Spool, canary: Canary, nodes: list[str]) -> float:
    for node in nodes:
        try:
            return os.stat(spool.paths.seen(node, canary.inner)).st_mtime
        except OSError:
            continue
    return 0.0
