"""The links: who answers at the neighbours' addresses, and at our own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gateway.doctor.ailment import Ailment
from gateway.links.probe import probe
from gateway.links.session import Party, Rules
from gateway.spool.spool import Spool

if TYPE_CHECKING:
    from gateway.config.model import Config, Neighbour

_ASKED = Rules(deadline=5.0)
_AT_ONCE = 8


def check(config: Config) -> Iterator[Ailment]:
    """Yield the neighbours of whom no address is good; and our own daemon, if it does not answer."""
    if config.identity is None:
        return
    party = Party(config.identity, Spool(config.spool), lambda _: None)
    callable_ = [n for n in config.neighbours.values() if n.addrs and n.noisepub and n.name != "self"]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for found in pool.map(lambda neighbour: _neighbour(party, neighbour), callable_):
            yield from found
    me = config.neighbours.get("self")
    if config.serve.daemon and me is not None:
        yield from _ourselves(party, me, config.serve.daemon)


def _neighbour(party: Party, neighbour: Neighbour) -> list[Ailment]:
    answers = list(probe(party, neighbour, neighbour.addrs.values(), _ASKED))
    if any(answer.wrong is None for answer in answers):
        return []
    return [
        Ailment(
            f"neigh.{neighbour.name}.addrs",
            f"{answer.address}: {answer.wrong}",
            f"mail for {neighbour.name} waits until it can be called, or calls",
            f"gateway node probe {neighbour.name}   # when {neighbour.name}'s operator has been asked",
        )
        for answer in answers
    ]


def _ourselves(party: Party, me: Neighbour, daemon: str) -> Iterator[Ailment]:
    host, _, port = daemon.rpartition(":")
    local = {"": "127.0.0.1", "[::]": "[::1]", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1"}  # noqa: S104 - read, not bound
    address = f"{local.get(host, host)}:{port}"
    for answer in probe(party, me, [address], _ASKED):
        if answer.wrong is not None:
            yield Ailment(
                "serve.daemon",
                f"{address}: {answer.wrong}",
                "neighbours that call us find nobody, or somebody else",
                "systemctl start gateway   # or: gateway serve",
            )
