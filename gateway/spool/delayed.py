"""What waits in ``tx`` for too long: who was told of which packets, in ``<ID>/delayed.json``.

The file's time of modification is when somebody looked last. Reports to senders go out once, whatever dies
meanwhile, all of one look together, under ``toss.lock``:

=====  ==================================================  =====================================
state  on disk                                             a crash here leads to
=====  ==================================================  =====================================
D0     nothing                                             a new beginning
D1     ``<ID>/delayed/<REPORT>``, each synced              the same: nobody said yet what they are
D2     ``delayed.json`` names them, and who hears of what  D3
D3     ``<HOP>/rx/<REPORT>`` in its place, synced          nothing
=====  ==================================================  =====================================
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from gateway.spool import durable, note
from gateway.spool.layout import is_name
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.spool.layout import Box
    from gateway.spool.spool import Spool
    from gateway.spool.staged import Staged

_SENDERS, _REPORTS = "senders", "reports"
_PLACES: tuple[Box, ...] = ("tx", "hold", "trash")


class Memory(NamedTuple):
    """What is remembered of one neighbour's queue.

    `told` has by packet name when a person was told [unix s]. `senders` has by packet name the
    senders that were told of it, none where there is nobody to tell. `reports` are the packets
    that tell them, each as ``<HOP>/<NAME>``: they lie in ``<HOP>/rx``, or are on their way there.
    """

    told: Mapping[str, float] = {}
    senders: Mapping[str, tuple[str, ...]] = {}
    reports: tuple[str, ...] = ()


def looked(spool: Spool, node: str) -> float:
    """Return when a neighbour's packets were looked at last [unix s], 0 for never."""
    try:
        return os.stat(spool.paths.delayed(node)).st_mtime
    except OSError:
        return 0.0


def recall(spool: Spool, node: str) -> Memory:
    """Return what is remembered; of what makes no sense, nothing is.

    Raises:
        SpoolError: temporary.
    """
    found = note.read(spool.paths.delayed(node))
    if not isinstance(found, dict):
        return Memory()
    senders, reports = found.get(_SENDERS), found.get(_REPORTS)
    return Memory(
        {
            name: float(when)
            for name, when in found.items()
            if is_name(name) and isinstance(when, int | float)
        },
        {name: tuple(map(str, who)) for name, who in senders.items() if isinstance(who, list)}
        if isinstance(senders, dict)
        else {},
        tuple(map(str, reports)) if isinstance(reports, list) else (),
    )


def remember(spool: Spool, node: str, memory: Memory) -> None:
    """Put this in the place of what was remembered, durably; packets that went away are forgotten.

    Raises:
        SpoolError: temporary.
    """
    here = {job.name for box in _PLACES for job in spool.jobs(node, box)}
    facts: dict[str, object] = {name: when for name, when in memory.told.items() if name in here}
    if senders := {name: list(who) for name, who in memory.senders.items() if name in here}:
        facts[_SENDERS] = senders
    if memory.reports:
        facts[_REPORTS] = list(memory.reports)
    import json  # noqa: PLC0415 - most packets do not wait for so long

    note.write(spool, spool.paths.delayed(node), json.dumps(facts, indent=1) + "\n")


def touch(spool: Spool, node: str, *, make: bool) -> None:
    """Note that somebody looked; without a file to note it on only if one is to be made.

    Raises:
        SpoolError: temporary.
    """
    try:
        os.utime(spool.paths.delayed(node))
    except OSError:
        if make:
            remember(spool, node, Memory())


def prepare(spool: Spool, node: str, report: Staged, name: str) -> None:
    """Lay a complete report aside until all of a look are there (D1).

    Raises:
        SpoolError: temporary.
    """
    report.place(spool.paths.delay_report(node, name))


def send(spool: Spool, node: str, memory: Memory) -> None:
    """Send the reports that `memory` names and `prepare` laid aside, and remember who hears (D2, D3).

    Raises:
        SpoolError: temporary; either nothing was sent and nothing is remembered, or `settle` sends it.
    """
    with durable.uninterrupted():
        remember(spool, node, memory)
        settle(spool, node)


def unsettled(spool: Spool, node: str) -> list[str]:
    """Return the reports that lie aside: somebody is at work on them, or died of it.

    Raises:
        SpoolError: temporary.
    """
    directory = spool.paths.delay_reports(node)
    with refusals(directory):
        try:
            return sorted(filter(is_name, os.listdir(directory)))
        except (FileNotFoundError, NotADirectoryError):
            return []


def settle(spool: Spool, node: str) -> None:
    """Bring to its end what a crash interrupted: D2 goes on to D3, D1 back to D0.

    Raises:
        SpoolError: temporary.
    """
    aside = unsettled(spool, node)
    if not aside:
        return
    hops = _hops(recall(spool, node).reports)
    for name in aside:
        path = spool.paths.delay_report(node, name)
        if name in hops:
            durable.move(
                path, spool.paths.packet(hops[name], "rx", name), floor=spool.root, umask=spool.umask
            )
        else:
            durable.unlink(path)


def _hops(reports: Sequence[str]) -> dict[str, str]:
    pairs = (report.partition("/") for report in reports)
    return {name: hop for hop, _, name in pairs if is_name(hop)}
