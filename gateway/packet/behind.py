"""A second thread for large packets: sealing and opening a block leave the interpreter's lock alone.

Small packets never start one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

BACKLOG = 16
"""Blocks that may be under way: 2 MiB. With more the caller takes a hand in them."""


class _Task(Generic[_Item, _Result]):
    """One call; `pending` is locked until it was made."""

    __slots__ = ("item", "pending", "result")

    def __init__(self, item: _Item) -> None:
        self.item = item
        self.pending = threading.Lock()
        self.pending.acquire()
        self.result: _Result


class Behind(Generic[_Item, _Result]):
    """Calls a function for many items, in another thread and, when that falls behind, in the caller's.

    The results come in the order of the items. Where no thread is to be had the caller's does it all.
    What a call raises is raised to the caller, and no further call is made.
    """

    def __init__(self, call: Callable[[_Item], _Result]) -> None:
        self._call = call
        self._under_way: deque[_Task[_Item, _Result]] = deque()
        self._waiting: SimpleQueue[_Task[_Item, _Result] | None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._given_up = False
        self._thread: threading.Thread | None = threading.Thread(
            target=self._work, name="gateway-behind", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # a limit of processes
            self._thread = None

    def put(self, item: _Item) -> Iterator[_Result]:
        """Have the function called with `item`; yield the results that are there by now. To be drained."""
        task: _Task[_Item, _Result] = _Task(item)
        self._under_way.append(task)
        self._waiting.put(task)
        return self._results(BACKLOG)

    def finish(self) -> Iterator[_Result]:
        """Yield the results of all calls that are left; to be drained, and nothing may follow."""
        try:
            yield from self._results(0)
        finally:
            self.give_up()

    def give_up(self) -> None:
        """Make no further call; return when the thread has ended."""
        self._given_up = True
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _results(self, backlog: int) -> Iterator[_Result]:
        """Yield results, those that are there and more until `backlog` calls are under way."""
        while self._under_way:
            first = self._under_way[0]
            if first.pending.locked():
                if len(self._under_way) <= backlog:
                    return
                self._help(first)
                continue
            if self._failure is not None:
                raise self._failure
            self._under_way.popleft()
            yield first.result

    def _help(self, first: _Task[_Item, _Result]) -> None:
        """Make the oldest call that nobody is at; with none left, wait for the first one."""
        try:
            task = self._waiting.get_nowait()
        except Empty:
            with first.pending:
                return
        if task is not None:
            self._do(task)

    def _do(self, task: _Task[_Item, _Result]) -> None:
        if not self._given_up and self._failure is None:
            try:
                task.result = self._call(task.item)
            except BaseException as failure:
                self._failure = failure
        task.pending.release()

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            self._do(task)
