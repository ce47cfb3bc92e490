"""The ways to the neighbours: whom no link and no relay can reach, and routes that end nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.doctor.ailment import Ailment
from gateway.packet.identity import encode
from gateway.spool.spool import Spool

if TYPE_CHECKING:
    from gateway.config.model import Config, Neighbour


def check(config: Config) -> Iterator[Ailment]:
    """Yield routes to nobody, relays that are none, and neighbours for whom mail waits without a way."""
    known = config.neighbours
    for domain, node in config.routes.items():
        if node not in known:
            mend = f"gateway node add {node}, or name another node in [routes]"
            why = f"mail to {domain} is deferred until then"
            yield Ailment(f"routes.{domain}", f"leads to {node}, which is no neighbour", why, mend)
    for name, neighbour in known.items():
        if name != "self":
            yield from _way(config, name, neighbour)


def _way(config: Config, name: str, neighbour: Neighbour) -> Iterator[Ailment]:
    key = f"neigh.{name}"
    for relay in neighbour.via:
        if relay not in config.neighbours:
            why = f"nothing can be sealed for {name}"
            yield Ailment(f"{key}.via", f"{relay} is no neighbour", why, f"gateway node add {relay}")
    if neighbour.via or neighbour.addrs:
        return
    waiting = list(Spool(config.spool).jobs(encode(neighbour.id), "tx"))
    if waiting:
        many = f"{len(waiting)} packet{'s' * (len(waiting) > 1)} wait{'s' * (len(waiting) == 1)} for it"
        yield Ailment(
            key,
            f"has no address and no relay, and {many}",
            "only somebody who carries them, or a call from there, takes them away",
            f'addrs.NAME = "HOST:PORT" below [{key}], or gateway xfer --node {name} DIR',
        )
