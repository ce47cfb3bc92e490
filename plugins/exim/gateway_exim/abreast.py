"""Several generators at work at once, their results yielded as they come."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


class _Ended:
    """A job's last word: its failure, if it had one."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.failure = failure


def abreast(
    jobs: Iterable[T], work: Callable[[T], Iterator[R]], width: int, stop: Callable[[], object]
) -> Iterator[R]:
    """Yield what `work` yields for each job, at most `width` jobs at once.

    `jobs` are asked for in the caller's thread, one at a time. After a failure no job is
    begun; those at work are waited for and their results yielded, then it is raised. If the
    caller closes us or is interrupted, `stop` is called and nobody is waited for.

    Raises:
        Exception: the first that `jobs` or `work` raised.
    """
    coming = iter(jobs)
    first = next(coming, None)
    second = None if first is None or width == 1 else next(coming, None)
    if first is None:
        return
    if second is None:  # no thread for a single job
        yield from work(first)
        for following in coming:
            yield from work(following)
        return
    results: queue.SimpleQueue[R | _Ended] = queue.SimpleQueue()
    busy = 0
    failure: BaseException | None = None
    ready = [second, first]
    try:
        while True:
            while busy < width and failure is None:
                try:
                    job: T | None = ready.pop() if ready else next(coming, None)
                except Exception as error:  # raised again when the others have ended
                    failure = error
                    break
                if job is None:
                    break
                threading.Thread(target=_work, args=(work, job, results), daemon=True).start()
                busy += 1
            if not busy:
                break
            result = results.get()
            if isinstance(result, _Ended):
                busy -= 1
                failure = failure or result.failure
            else:
                yield result
    finally:
        stop()
    if failure is not None:
        raise failure


def _work(work: Callable[[T], Iterator[R]], job: T, results: queue.SimpleQueue[R | _Ended]) -> None:
    try:
        for result in work(job):
            results.put(result)
    except BaseException as error:  # handed to the thread that can do something about it
        results.put(_Ended(error))
    else:
        results.put(_Ended())
