"""Series: what one call of an egress is given, and what it says of it.

Usually that is one job. An egress whose `series` is true is given jobs that are alike one after the
other in a single call, so that it can keep its session with the MTA: it asks for the next
when it has room. Every job keeps its own states, its own progress and its own fate.
"""

from __future__ import annotations

from contextlib import closing
from typing import IO, TYPE_CHECKING

from gateway.engine.deliver import Progress
from gateway.errors import GatewayError, Interrupted, PluginError, Refused
from gateway.mta import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from gateway.engine.deliver import Parcel
    from gateway.engine.verify import Arrival
    from gateway.mta import Delivery
    from gateway.registry import Registry
    from gateway.spool.record import JobRecord


class Begun:
    """A job in work (T3) and what is handed over of it; whoever has it closes `body`.

    `failure` is why its progress could not be remembered.
    """

    __slots__ = ("arrival", "body", "failure", "progress", "record", "whole")

    def __init__(self, arrival: Arrival, whole: Parcel, body: IO[bytes], record: JobRecord) -> None:
        self.arrival = arrival
        self.whole = whole
        self.body = body
        self.record = record
        self.progress = Progress(record)
        self.failure: GatewayError | None = None

    def outstanding(self) -> list[Delivery]:
        """Return the deliveries of which something is still to be served."""
        return list(filter(None, map(self.progress.outstanding, self.whole.deliveries)))


class Series:
    """One call of an egress. `note` is called after every outcome, to remember the progress.

    `well` until something was deferred; `open` are the jobs of which not everything is known yet.
    """

    def __init__(self, registry: Registry, note: Callable[[Begun], None]) -> None:
        self.well = True
        self.open: dict[Begun, range] = {}
        self._registry = registry
        self._note = note
        self._given: dict[int, tuple[Begun, Delivery]] = {}
        self._base = 0

    def hand_over(self, first: Begun, following: Iterable[Begun] = ()) -> Iterator[Begun]:
        """Give every outstanding delivery to the first's egress, and yield each job when it is settled.

        Those of which something is left come at the end. What a check fails on without refusing
        it, and what the egress raises or leaves without an outcome, is deferred with words that say so.
        """
        egress = first.whole.egress
        deliveries = self._deliveries(first, following)
        with closing(self._outcomes(egress.deliver, deliveries)) as said:
            for outcome in said:
                if outcome.transaction not in self._given:
                    # A plugin that mixes up its transactions is not listened to any further.
                    number = outcome.transaction
                    self._defer_rest(
                        f"egress {egress.name}: an outcome for transaction {number}, not given to it"
                    )
                    break
                begun, given = self._given[outcome.transaction]
                self._take(outcome._replace(transaction=given.transaction), begun, given)
                if not begun.outstanding():
                    self._close(begun)
                    yield begun
        self._defer_rest(f"egress {egress.name} said nothing of it")
        for begun in list(self.open):
            self._close(begun)
            yield begun

    def _deliveries(self, first: Begun, following: Iterable[Begun]) -> Iterator[Delivery]:
        yield from self._those_of(first)
        for begun in following:
            yield from self._those_of(begun)

    def _those_of(self, begun: Begun) -> Iterator[Delivery]:
        """Yield what may be delivered of a job, numbered on from what was given before."""
        base = self._base
        self._base += len(begun.whole.deliveries)
        self.open[begun] = range(base, self._base)
        allowed = [delivery for delivery in begun.outstanding() if self._allowed(begun, delivery)]
        for delivery in allowed:
            self._given[base + delivery.transaction] = begun, delivery
        before = begun.record.attempts + begun.record.deaths
        for delivery in allowed:
            if begun.failure is None:
                yield delivery._replace(transaction=base + delivery.transaction, attempts=before)

    def _allowed(self, begun: Begun, delivery: Delivery) -> bool:
        try:
            self._registry.check_delivery(delivery)
        except Refused as refusal:
            begun.progress.note(Outcome(delivery.transaction, Verdict.REFUSED, str(refusal)), delivery)
        except PluginError as broken:
            begun.progress.words[delivery.transaction] = str(broken)
        else:
            return True
        return False

    def _outcomes(
        self,
        deliver: Callable[[Iterable[Delivery]], Iterable[Outcome]],
        deliveries: Iterable[Delivery],
    ) -> Generator[Outcome]:
        try:
            yield from deliver(deliveries)
        except Interrupted:
            raise
        except (Exception, SystemExit) as crash:  # whatever a plugin does, the job stays
            self._defer_rest(
                str(crash) if isinstance(crash, GatewayError) else f"{type(crash).__name__}: {crash}"
            )

    def _take(self, outcome: Outcome, begun: Begun, delivery: Delivery) -> None:
        if begun.failure is not None:
            return
        begun.progress.note(outcome, delivery)
        try:
            self._note(begun)
        except GatewayError as failure:
            begun.failure = failure
        self.well = self.well and not begun.progress.words and begun.failure is None

    def _close(self, begun: Begun) -> None:
        for number in self.open.pop(begun):
            self._given.pop(number, None)

    def _defer_rest(self, words: str) -> None:
        for begun, delivery in self._given.values():
            if begun.progress.outstanding(delivery) is not None:
                begun.progress.words.setdefault(delivery.transaction, words)
