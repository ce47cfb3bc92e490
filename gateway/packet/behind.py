"""A second thread for large packets: ciphers, hashes and writes leave the interpreter's lock alone.

Small packets never start one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")

BACKLOG = 4
"""Items that may be under way. With more the caller takes a hand in them."""


class _Task(Generic[_Item, _Made]):
    """One item; `pending` is locked until something was made of it."""

    __slots__ = ("item", "made", "pending")

    def __init__(self, item: _Item) -> None:
        self.item = item
        self.pending = threading.Lock()
        self.pending.acquire()
        self.made: _Made


class Behind(Generic[_Item, _Made]):
    """Makes something of many items, in another thread and, when that falls behind, in the caller's.

    `make` is called by both threads, also at once; `then`, with what came out, by one at a time and in
    the order of the items. Where no thread is to be had the caller's does it all. What either of them
    raises is raised to the caller, and no further call is made.
    """

    def __init__(self, make: Callable[[_Item], _Made], then: Callable[[_Made], object]) -> None:
        self._make = make
        self._then = then
        self._waiting: SimpleQueue[_Task[_Item, _Made] | None] = SimpleQueue()
        self._under_way: deque[_Task[_Item, _Made]] = deque()
        """In order, until `then` has returned; only who holds `_turn` takes one away."""
        self._turn = threading.Lock()
        self._failure: BaseException | None = None
        self._given_up = False
        self._thread: threading.Thread | None = threading.Thread(
            target=self._work, name="gateway-behind", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # a limit of processes
            self._thread = None

    def put(self, item: _Item) -> None:
        """Add an item; what its calls raise may be raised by a later one."""
        task: _Task[_Item, _Made] = _Task(item)
        self._under_way.append(task)
        self._waiting.put(task)
        self._keep_up(BACKLOG)

    def finish(self) -> None:
        """Return when all calls were made; nothing may follow."""
        try:
            self._keep_up(0)
        finally:
            self.give_up()

    def give_up(self) -> None:
        """Make no further call; return when the thread has ended."""
        self._given_up = True
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _keep_up(self, backlog: int) -> None:
        """Take a hand until at most `backlog` items are under way; where there is nothing to take, wait."""
        while self._failure is None and len(self._under_way) > backlog:
            try:
                task = self._waiting.get_nowait()
            except Empty:
                self._wait()
            else:
                if task is not None:
                    self._do(task)
        if self._failure is not None:
            raise self._failure

    def _wait(self) -> None:
        """Wait until the thread has made what is next, and see it through."""
        try:
            first = self._under_way[0]
        except IndexError:  # The thread was faster.
            return
        with first.pending:
            pass
        self._take_turns(wait=True)

    def _do(self, task: _Task[_Item, _Made]) -> None:
        try:
            if not self._stopped():
                task.made = self._make(task.item)
        except BaseException as failure:
            self._failure = failure
        finally:
            task.pending.release()
        self._take_turns(wait=False)

    def _take_turns(self, *, wait: bool) -> None:
        """Call `then` for all that is made and next in order, unless somebody else is at it.

        Who is at it looks once more after letting go, so that nothing made meanwhile is left.
        """
        while self._is_next_made() and self._turn.acquire(blocking=wait):
            try:
                while self._is_next_made():
                    self._then(self._under_way[0].made)
                    self._under_way.popleft()
            except BaseException as failure:
                self._failure = failure
            finally:
                self._turn.release()

    def _is_next_made(self) -> bool:
        try:
            return not (self._stopped() or self._under_way[0].pending.locked())
        except IndexError:
            return False

    def _stopped(self) -> bool:
        return self._given_up or self._failure is not None

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            self._do(task)
