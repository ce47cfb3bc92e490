"""Jobs that nothing will ever send or deliver, and those that a person should look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.doctor.ailment import Ailment
from gateway.packet.identity import encode
from gateway.spool.spool import Spool

if TYPE_CHECKING:
    from gateway.config.model import Config

UNTOSSED = 3600.0
"""[s] What lies in rx for longer, nobody tosses."""
STALE = 86400.0
"""[s] What was deferred for longer deserves a look."""


def check(config: Config, now: float) -> Iterator[Ailment]:
    """Yield what lies for nobody, what nobody works on, what is deferred for long, and what is held."""
    spool = Spool(config.spool)
    names = {encode(neighbour.id): neighbour.name for neighbour in config.neighbours.values()}
    for node in spool.nodes():
        name = names.get(node)
        if name is None:
            yield from _unknown(spool, node)
            continue
        yield from _untossed(spool, node, name, now)
        yield from _stale(spool, node, name, now)
        yield from _held(spool, node, name)


def _unknown(spool: Spool, node: str) -> Iterator[Ailment]:
    count = sum(1 for box in ("rx", "tx", "work") for _ in spool.jobs(node, box))
    if count:
        yield Ailment(
            spool.paths.node(node),
            f"{_packets(count)} of a node that is not in the configuration",
            "they are neither sent nor delivered",
            f"gateway node add, with the block of {node}",
        )


def _untossed(spool: Spool, node: str, name: str, now: float) -> Iterator[Ailment]:
    old = [job for job in spool.jobs(node, "rx") if now - job.mtime > UNTOSSED]
    if old:
        hours = (now - min(job.mtime for job in old)) / 3600
        yield Ailment(
            spool.paths.box(node, "rx"),
            f"{_packets(len(old))} from {name} for up to {hours:.0f} h",
            "they have arrived, and nobody delivers them",
            "gateway toss   # or let `gateway serve` run",
        )


def _stale(spool: Spool, node: str, name: str, now: float) -> Iterator[Ailment]:
    for job in spool.jobs(node, "work"):
        record = spool.recorded(job)
        if record is not None and record.first and now - record.first > STALE:
            days = (now - record.first) / 86400
            what = f"from {name}: deferred for {days:.1f} days, {record.attempts} attempts: {record.error}"
            mend = f"gateway queue show {job.name}"
            yield Ailment(job.name, what, "the last attempt says what keeps it", mend)


def _held(spool: Spool, node: str, name: str) -> Iterator[Ailment]:
    reasons: Counter[str] = Counter()
    example: dict[str, str] = {}
    for job in spool.jobs(node, "hold"):
        record = spool.recorded(job)
        reason = record.reason if record is not None and record.reason else "no reason is recorded"
        reasons[reason] += 1
        example.setdefault(reason, job.name)
    for reason, count in reasons.most_common():
        yield Ailment(
            spool.paths.box(node, "hold"),
            f"{_packets(count)} from {name} held: {reason}",
            "held jobs wait for a person, for ever",
            f"gateway queue show {example[reason]}, then gateway queue release or remove",
        )


def _packets(count: int) -> str:
    return f"{count} packet{'s' * (count != 1)}"
