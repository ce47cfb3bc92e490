"""A second thread for large packets: sealing and opening leave the interpreter's lock alone.

Small packets never start one. What goes wrong in the thread is raised in the caller's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import Empty, Queue, SimpleQueue
from typing import Any, Generic, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

BACKLOG = 16
"""Blocks that may wait between the threads: 2 MiB."""


class Behind(Generic[_Item, _Result]):
    """Calls a function for one item after the other, in another thread; the results come in order."""

    def __init__(self, call: Callable[[_Item], _Result]) -> None:
        self._call = call
        self._items: Queue[_Item | None] = Queue(BACKLOG)
        self._results: SimpleQueue[_Result] = SimpleQueue()
        self._under_way = 0
        self._failure: BaseException | None = None
        self._given_up = False
        self._thread = threading.Thread(target=self._work, name="gateway-behind", daemon=True)
        self._thread.start()

    def put(self, item: _Item) -> Iterator[_Result]:
        """Have the function called with `item`, later; yield the results that are there by now.

        To be drained. Raises what an earlier call raised.
        """
        self._raise()
        self._items.put(item)
        self._under_way += 1
        while self._under_way and not self._results.empty():
            self._under_way -= 1
            yield self._results.get()

    def finish(self) -> Iterator[_Result]:
        """Yield the results of all calls that are left; raise what one of them raised."""
        self._items.put(None)
        self._thread.join()
        while not self._results.empty():
            yield self._results.get()
        self._raise()

    def give_up(self) -> None:
        """Make no further call; return when the thread has ended."""
        self._given_up = True
        self._items.put(None)
        self._thread.join()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        # It takes items to the end even after a failure: the caller must never wait for room.
        while (item := self._items.get()) is not None:
            if self._given_up or self._failure is not None:
                continue
            try:
                self._results.put(self._call(item))
            except BaseException as failure:
                self._failure = failure


def ahead(source: Iterator[_Item]) -> Iterator[_Item]:
    """Yield what `source` yields, taken from it in another thread, a little in advance.

    Closing this iterator early ends the thread; `source` must not be used by others meanwhile.
    """
    items: Queue[tuple[_Item | None, BaseException | None, bool]] = Queue(BACKLOG)
    leaving = threading.Event()

    def take() -> None:
        last: tuple[Any, BaseException | None, bool] = (None, None, True)
        try:
            for item in source:
                if leaving.is_set():
                    break
                items.put((item, None, False))
        except BaseException as failure:
            last = (None, failure, True)
        items.put(last)

    thread = threading.Thread(target=take, name="gateway-ahead", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # a limit of processes: without a thread then
        yield from source
        return
    try:
        while True:
            item, failure, done = items.get()
            if failure is not None:
                raise failure
            if done:
                return
            yield item  # type: ignore[misc]  # None only where `done` is set
    finally:
        leaving.set()
        while thread.is_alive():
            try:
                items.get(timeout=0.05)
            except Empty:
                continue
        thread.join()
