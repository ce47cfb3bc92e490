"""Toss: work through what arrived; verify everything first, then deliver or relay.

States T1 to T6 of docs/spool.md. Every job ends a pass in one of the `Fate`s; none is ever deleted
that was not delivered, relayed or seen before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from gateway.engine.fate import Fate
from gateway.engine.ground import identity_of
from gateway.engine.handling import Handling
from gateway.engine.retry import due
from gateway.engine.turns import Turns
from gateway.engine.worker import Worker, safely
from gateway.errors import GatewayError, LockBusy, SpoolError
from gateway.packet.header import Header
from gateway.packet.identity import encode
from gateway.program import heed_signals
from gateway.spool.finisher import Finisher

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.registry import Registry
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


@dataclass(slots=True)
class Tally:
    """How a pass went: counts of fates, and the nodes whose lock was busy."""

    fates: Counter[Fate] = field(default_factory=Counter)
    busy: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{fate.value} {self.fates[fate]}" for fate in Fate if self.fates[fate])

    @property
    def troubled(self) -> bool:
        """Whether a person or a later pass has something left to do."""
        return any(self.fates[f] for f in (Fate.DEFERRED, Fate.HELD, Fate.FAILED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which jobs a pass is for: the neighbour that handed them over, the greatest niceness."""

    node: bytes | None = None
    max_niceness: int = 255


class Tosser:
    """Works through one spool under one configuration."""

    def __init__(
        self, config: Config, spool: Spool, registry: Registry, *, say: Callable[[str], None]
    ) -> None:
        self._spool = spool
        self._say = say
        self._registry = registry
        self._retry = config.retry
        self._handling = partial(Handling, config, identity_of(config), spool, registry, say=say)

    def pass_over(
        self,
        selection: Selection,
        *,
        jobs: int = 1,
        dry_run: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Tally:
        """Make one pass over everything that is due, most urgent first; hold the toss locks.

        With `jobs` above 1 that many deliveries run at once, begun in the same order. Once
        `stopping` says so no further job is begun; those at work are brought to their end.
        """
        tally = Tally()
        with ExitStack() as held:
            mine = list(self._locked(selection, tally, held, dry_run=dry_run))
            ordered = [
                job for _, _, job in sorted(self._due(mine, selection, tally), key=lambda row: row[:2])
            ]
            # The same packet may have come by two relays: one copy a pass, or two threads
            # might deliver it at once.
            once = list({job.name: job for job in reversed(ordered)}.values())[::-1]
            tally.fates[Fate.LEFT] += len(ordered) - len(once)
            if dry_run:
                examine = self._handling(finish=self._spool.finish).examine
                tally.fates.update(safely(job, partial(examine, job), self._say) for job in once)
                return tally
            finisher = held.enter_context(Finisher(self._spool, report=self._say))
            turns = held.enter_context(Turns(once, stopping))
            worker = Worker(
                self._handling(finish=finisher.finish), self._registry, turns, alone=jobs <= 1, say=self._say
            )
            for fates in _each(worker, jobs):
                tally.fates.update(fates)
        return tally

    def _locked(
        self, selection: Selection, tally: Tally, locks: ExitStack, *, dry_run: bool
    ) -> Iterator[str]:
        wanted = encode(selection.node) if selection.node else None
        for node in self._spool.nodes():
            if wanted not in (None, node):
                continue
            try:
                if not self._has_jobs(node):
                    continue
                if not dry_run:
                    locks.enter_context(self._spool.lock(node, "toss"))
            except LockBusy as busy:
                tally.busy.append(node)
                self._say(str(busy))
            except SpoolError as failure:  # one neighbour's directory never stops the others
                tally.fates[Fate.FAILED] += 1
                self._say(str(failure))
            else:
                yield node

    def _has_jobs(self, node: str) -> bool:
        return any(True for box in ("rx", "work") for _ in self._spool.jobs(node, box))

    def _due(self, nodes: list[str], selection: Selection, tally: Tally) -> Iterator[tuple[int, float, Job]]:
        now = time.time()
        for node in nodes:
            try:
                for box in ("work", "rx"):
                    for job, header in self._spool.headers(node, box):
                        if box == "work":
                            record = self._spool.recorded(job)
                            if record is not None and not due(record, now, self._retry):
                                continue
                        niceness = _niceness(header)
                        if niceness <= selection.max_niceness:
                            yield niceness, job.mtime, job
            except SpoolError as failure:
                tally.fates[Fate.FAILED] += 1
                self._say(str(failure))


def _each(worker: Worker, jobs: int) -> Iterator[Iterable[Fate]]:
    """Yield the fates of all jobs, worked on by so many threads."""
    if jobs <= 1:
        yield worker.fates()
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only when asked for

    heed_signals()  # only the main thread can, and the threads will run programs
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda _: list(worker.fates()), range(jobs))


def _niceness(header: bytes) -> int:
    """Return the header's niceness; whatever has none is looked at first, and then held."""
    try:
        return Header.decode(header).niceness
    except GatewayError:
        return 0
