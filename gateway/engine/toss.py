"""Toss: work through what arrived; verify everything first, then deliver or relay.

States T1 to T6 of docs/spool.md. Every job ends a pass in one of the `Fate`s; none is ever deleted
that was not delivered, relayed or seen before.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import partial
from heapq import nsmallest
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.conclusion import Conclusion
from gateway.engine.delay import Delays
from gateway.engine.due import Due, in_runs
from gateway.engine.ending import Endings
from gateway.engine.fate import Fate
from gateway.engine.ground import identity_of
from gateway.engine.handling import Handling
from gateway.engine.news import News
from gateway.engine.rejection import Rejection
from gateway.engine.report import Reports
from gateway.engine.retry import due
from gateway.engine.turns import Turns
from gateway.engine.unpacking import Unpacker
from gateway.engine.worker import Worker, safely
from gateway.errors import LockBusy, SpoolError
from gateway.packet.identity import encode
from gateway.program import heed_signals
from gateway.spool.finisher import SHARE, Finisher

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.packet.plain import PacketType
    from gateway.registry import Registry
    from gateway.spool.layout import Box, Job
    from gateway.spool.spool import Spool


class Tally:
    """How a pass went: counts of fates, and the nodes whose lock was busy, with the words for it.

    `stayed` has the jobs that lie where they lay, by name; `more` is whether some were left
    for the next pass, `next` when the first of the deferred ones is due [unix s].
    """

    def __init__(self) -> None:
        self.fates: Counter[Fate] = Counter()
        self.busy: dict[str, str] = {}
        self.stayed: dict[str, Fate] = {}
        self.more = False
        self.next = float("inf")

    def __str__(self) -> str:
        return ", ".join(f"{fate.value} {self.fates[fate]}" for fate in Fate if self.fates[fate])

    def add(self, job: Job, fate: Fate) -> None:
        """Count what became of a job."""
        self.fates[fate] += 1
        if fate in (Fate.LEFT, Fate.FAILED):
            self.stayed[job.name] = fate

    @property
    def troubled(self) -> bool:
        """Whether a person or a later pass has something left to do."""
        return any(self.fates[f] for f in (Fate.DEFERRED, Fate.HELD, Fate.FAILED))


class Selection(NamedTuple):
    """Which jobs a pass is for: the neighbour that handed them over, the greatest niceness.

    `boxes` are those that are looked into; at most `most` jobs are taken up, and none whose
    name is in `aside`.
    """

    node: bytes | None = None
    max_niceness: int = 255
    boxes: tuple[Box, ...] = ("work", "rx")
    most: int | None = None
    aside: Container[str] = frozenset()


class Tosser:
    """Works through one spool under one configuration; packets of the kinds in `leave` stay."""

    def __init__(
        self,
        config: Config,
        spool: Spool,
        registry: Registry,
        *,
        say: Callable[[str], None],
        leave: frozenset[PacketType] = frozenset(),
    ) -> None:
        self._config = config
        self._identity = identity_of(config)
        self._spool = spool
        self._registry = registry
        self._say = say
        self._leave = leave
        self._delays = Delays(config, spool, registry, say=say)

    def pass_over(
        self,
        selection: Selection,
        *,
        jobs: int = 1,
        dry_run: bool = False,
        stopping: Callable[[], bool] = lambda: False,
        place: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> Tally:
        """Make one pass over everything that is due, most urgent first; hold the toss locks.

        With `jobs` above 1 that many deliveries run at once, begun in the same order. Once
        `stopping` says so no further job is begun; those at work are brought to their end.
        Each is worked on in a `place`, for which it may have to wait.
        """
        tally = Tally()
        with ExitStack() as held:
            mine = list(self._locked(selection, tally, held, dry_run=dry_run))
            ordered = self._ordered(mine, selection, tally)
            # The same packet may have come by two relays: one copy a pass, or two threads
            # might deliver it at once.
            once = list({job.name: job for job in reversed(ordered)}.values())[::-1]
            tally.fates[Fate.LEFT] += len(ordered) - len(once)
            if dry_run:
                for job in once:
                    tally.add(job, safely(job, partial(self._examine, job), self._say))
                return tally
            finisher = held.enter_context(Finisher(self._spool, report=self._say))
            turns = held.enter_context(Turns(once, stopping))
            news = held.enter_context(News(self._registry.event, behind=jobs <= 1))
            worker = self._worker(turns, finisher, news, alone=jobs <= 1, place=place)
            for fates in _each(worker, jobs):
                for job, fate in fates:
                    tally.add(job, fate)
        self._delays.look(selection.node)
        return tally

    def _examine(self, job: Job) -> Fate:
        from gateway.engine.examination import examine  # noqa: PLC0415 - only for a dry run

        return examine(job, self._config, self._identity, self._spool, say=self._say)

    def _worker(
        self,
        turns: Turns,
        finisher: Finisher,
        news: News,
        *,
        alone: bool,
        place: Callable[[], AbstractContextManager[object]],
    ) -> Worker:
        config, spool, registry = self._config, self._spool, self._registry
        ours = config, self._identity, spool
        unpacker = Unpacker(*ours, registry, leave=self._leave)
        reports = Reports(*ours, registry, news=news)
        endings = Endings(*ours, news=news, finish=finisher.finish, say=self._say)

        def catch_up() -> None:
            news.catch_up()
            finisher.clear_away(SHARE)

        rejection = Rejection(*ours, unpacker=unpacker, reports=reports, endings=endings)
        return Worker(
            turns,
            unpacker,
            Handling(*ours, unpacker=unpacker, endings=endings, rejection=rejection, leave=self._leave),
            Conclusion(spool, config.retry, reports=reports, endings=endings),
            registry,
            catch_up=catch_up,
            alone=alone,
            say=self._say,
            place=place,
        )

    def _ordered(self, nodes: list[str], selection: Selection, tally: Tally) -> list[Job]:
        """Return what is due, in its order."""
        rows, order = self._due(nodes, selection, tally), attrgetter("order")
        if selection.most is None:
            return in_runs(sorted(rows, key=order))
        ordered = in_runs(nsmallest(selection.most, rows, key=order))
        tally.more = len(ordered) == selection.most
        return ordered

    def _locked(
        self, selection: Selection, tally: Tally, locks: ExitStack, *, dry_run: bool
    ) -> Iterator[str]:
        wanted = encode(selection.node) if selection.node else None
        for node in self._spool.nodes():
            if wanted not in (None, node):
                continue
            try:
                if not self._has_jobs(node, selection.boxes):
                    continue
                if not dry_run:
                    locks.enter_context(self._spool.lock(node, "toss"))
            except LockBusy as busy:
                tally.busy[node] = str(busy)
            except SpoolError as failure:  # one neighbour's directory never stops the others
                tally.fates[Fate.FAILED] += 1
                self._say(str(failure))
            else:
                yield node

    def _has_jobs(self, node: str, boxes: tuple[Box, ...]) -> bool:
        return any(True for box in boxes for _ in self._spool.jobs(node, box))

    def _due(self, nodes: list[str], selection: Selection, tally: Tally) -> Iterator[Due]:
        now = time.time()
        for node in nodes:
            try:
                for box in selection.boxes:
                    for job, header in self._spool.headers(node, box):
                        if job.name in selection.aside:
                            continue
                        if box == "work":
                            record = self._spool.recorded(job)
                            if record is not None and not due(record, now, self._config.retry):
                                tally.next = min(tally.next, record.next)
                                continue
                        row = Due.of(job, header)
                        if row.niceness <= selection.max_niceness:
                            yield row
            except SpoolError as failure:
                tally.fates[Fate.FAILED] += 1
                self._say(str(failure))


def _each(worker: Worker, jobs: int) -> Iterator[Iterable[tuple[Job, Fate]]]:
    """Yield the fates of all jobs, worked on by so many threads."""
    if jobs <= 1:
        yield worker.fates()
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only when asked for

    heed_signals()  # only the main thread can, and the threads will run programs
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda _: list(worker.fates()), range(jobs))
