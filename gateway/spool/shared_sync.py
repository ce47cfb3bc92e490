"""One sync of a directory for all who need it (group commit)."""

from __future__ import annotations

import threading

from gateway.errors import SpoolError
from gateway.spool import durable


class _Round:
    """A sync that has not begun when somebody joins it, and what became of it."""

    def __init__(self) -> None:
        self.done = False
        self.failure: BaseException | None = None


class SharedSync:
    """Syncs directories for many threads; to be called in the place of `durable.sync_directory`.

    Whoever calls it returns after a sync that *began after the call*, for only that one is
    certain to cover what he had changed before. So one that is under way is waited for, and
    all who came meanwhile share the next. A sync that fails, fails for all who share it.

    Raises:
        SpoolError: temporary; the entries may be lost in a crash.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._joining: dict[str, _Round] = {}
        self._running: set[str] = set()

    def __call__(self, path: str) -> None:
        """Sync a directory, or have it synced."""
        with self._changed:
            joined = self._joining.get(path)
            if joined is not None:
                self._changed.wait_for(lambda: joined.done)
                if joined.failure is not None:
                    raise SpoolError(str(joined.failure)) from joined.failure
                return
            own = self._joining[path] = _Round()
            while path in self._running:
                self._changed.wait()
            # It begins: whoever comes from here on has to wait for another.
            del self._joining[path]
            self._running.add(path)
        try:
            durable.sync_directory(path)
        except BaseException as failure:
            own.failure = failure
            raise
        finally:
            with self._changed:
                own.done = True
                self._running.discard(path)
                self._changed.notify_all()
