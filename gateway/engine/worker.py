"""Worker: brings one job after the other to its fate, with the next one ready before its turn.

While the program of one job runs, the next is verified and unpacked. Only the time is
another: nothing on disk changes, and no byte is handed over, before a job's turn has come. What is not
as it should be is forgotten, and found again then.

Jobs that are alike go into one `Series`, if their egress wants that: the same sender, handle and
niceness, hence the same program in the same environment. One that was never tried goes in
from where it lies; a larger one, and one in whose delivery we died, goes by itself.
"""

from __future__ import annotations

from contextlib import ExitStack, closing, nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from gateway.engine.deliver import alike
from gateway.engine.fate import Fate
from gateway.engine.series import Begun, Series
from gateway.errors import GatewayError, Interrupted, UnknownJob
from gateway.program import meanwhile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from gateway.engine.conclusion import Conclusion
    from gateway.engine.handling import Handling
    from gateway.engine.turns import Turn, Turns
    from gateway.engine.unpacking import Unpacker
    from gateway.registry import Registry
    from gateway.spool.layout import Job

LIMIT = 1024 * 1024
"""[bytes] Larger packets, and larger bodies, are not unpacked before their turn."""
MOST = 256
"""So many jobs of a series may be without their outcome; it ends when they are."""


Result = TypeVar("Result")


def safely(job: Job, work: Callable[[], Result], say: Callable[[str], None]) -> Result | Fate:
    """Return what `work` returns; its failure is the fate of that job and stops no other."""
    try:
        return work()
    except UnknownJob:
        return Fate.LEFT
    except Interrupted:
        raise
    except GatewayError as failure:
        say(f"{job.name}: {failure}")
    except (Exception, SystemExit) as crash:  # one job never stops the others
        say(f"{job.name}: {type(crash).__name__}: {crash}")
    return Fate.FAILED


class Worker:
    """Works on a pass, alone or beside others; `alone` it gets the next job ready meanwhile.

    Before that it does what may wait until a program runs: `catch_up`.
    One job, or series of jobs, after the other is worked on in a `place`.
    """

    def __init__(
        self,
        turns: Turns,
        unpacker: Unpacker,
        handling: Handling,
        conclusion: Conclusion,
        registry: Registry,
        *,
        catch_up: Callable[[], None],
        alone: bool,
        say: Callable[[str], None],
        place: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._turns = turns
        self._unpacker = unpacker
        self._handling = handling
        self._conclusion = conclusion
        self._registry = registry
        self._catch_up = catch_up
        self._alone = alone
        self._say = say
        self._place = place

    def fates(self) -> Iterator[tuple[Job, Fate]]:
        """Yield the fates of the jobs whose turn came here, as they are known."""
        while True:
            with self._place():
                turn = self._turns.take()
                if turn is None:
                    return
                found = self._taken_up(turn)
                if isinstance(found, Begun):
                    yield from self._delivered(found)
                else:
                    yield turn.job, found

    def _taken_up(self, turn: Turn) -> Begun | Fate:
        with ExitStack() as until_begun:
            until_begun.callback(turn.close)
            take_up = partial(self._handling.take_up, turn.job, turn.unpacked)
            found = safely(turn.job, take_up, self._say)
            if isinstance(found, Begun):
                until_begun.pop_all()
            return found

    def _delivered(self, first: Begun) -> Iterator[tuple[Job, Fate]]:
        series = Series(self._registry, self._conclusion.note)
        aside: list[tuple[Job, Fate]] = []
        following = self._following(first, series, aside) if _sociable(first) else ()
        try:
            with self._meanwhile():
                for begun in series.hand_over(first, following):
                    with closing(begun.body):
                        conclude = partial(self._conclusion.draw, begun)
                        yield begun.arrival.job, safely(begun.arrival.job, conclude, self._say)
        except Interrupted:
            raise
        except (Exception, SystemExit) as crash:  # one series never stops the others
            for begun in series.open:
                self._say(f"{begun.arrival.job.name}: {type(crash).__name__}: {crash}")
                yield begun.arrival.job, Fate.FAILED
        finally:
            for begun in series.open:
                begun.body.close()
        yield from aside

    def _following(self, first: Begun, series: Series, aside: list[tuple[Job, Fate]]) -> Iterator[Begun]:
        """Yield the next jobs while they are like the first; those with another fate go `aside`."""
        while series.well and len(series.open) < MOST:
            turn = self._turns.take()
            if turn is None:
                return
            turn = self._unpacked(turn)
            if turn.unpacked is None or not alike(first.whole, turn.unpacked.whole):
                self._turns.put_back(turn)
                return
            found = self._taken_up(turn)
            if isinstance(found, Begun):
                with self._meanwhile():
                    yield found
            else:
                aside.append((turn.job, found))

    def _meanwhile(self) -> AbstractContextManager[None]:
        return meanwhile(self._look_ahead) if self._alone else nullcontext()

    def _look_ahead(self) -> None:
        self._catch_up()
        turn = self._turns.take()
        if turn is not None:
            self._turns.put_back(self._unpacked(turn))

    def _unpacked(self, turn: Turn) -> Turn:
        if turn.unpacked is not None or turn.job.size > LIMIT:
            return turn
        try:
            return turn._replace(unpacked=self._unpacker.unpack(turn.job, LIMIT))
        except Interrupted:
            raise
        except Exception:  # noqa: S110 - whatever it is, it comes up again in the job's turn
            pass
        return turn


def _sociable(first: Begun) -> bool:
    return first.record.deaths == 0 and bool(getattr(first.whole.egress, "series", False))
