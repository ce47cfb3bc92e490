"""Work of ours that fits into the time in which a program runs and nobody needs us."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Of(threading.local):
    work: Callable[[], object] | None = None


_of_this_thread = _Of()


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Have `work` done inside the block, once, as soon as this thread waits for a program or a server.

    Where it waits for none it is not done. It should take milliseconds, for until it returns
    nobody serves the program's pipes or heeds its time limit, and it should not raise: that
    would end the program.
    """
    _of_this_thread.work = work
    try:
        yield
    finally:
        _of_this_thread.work = None


def work_meanwhile() -> None:
    """Do what is to be done while a program or server works; it has just got what it needs for that."""
    work, _of_this_thread.work = _of_this_thread.work, None
    if work is not None:
        work()
