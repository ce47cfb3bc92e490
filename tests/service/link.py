"""A link between two nodes that is as bad as a test wants it: slow, late, cut in the middle."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

_RESET = b"\1\0\0\0\0\0\0\0"
"""SO_LINGER on and 0 s: the end of a connection is a reset."""


class Link:
    """Carries connections to a port; `port` is its own.

    `rate` [bytes/s] bounds either direction, `delay` [s] is how late everything comes, `cuts` are after
    how many bytes, both ways together, each connection is reset, the first of them first; when they are used
    up no more is. `lasts` [s] cuts every connection after that time.
    """

    def __init__(
        self,
        target: int,
        *,
        rate: float = 0.0,
        delay: float = 0.0,
        cuts: tuple[int, ...] = (),
        lasts: float = 0.0,
    ) -> None:
        self._target = target
        self._rate = rate
        self._delay = delay
        self._cuts = deque(cuts)
        self._lasts = lasts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.carried = 0
        self.cut = 0
        """How many connections were cut."""
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join(30)
        self._listener.close()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed.is_set():
            if select.select([self._listener], [], [], 0.1)[0]:
                connection, _ = self._listener.accept()
                self._start(lambda connection=connection: self._carry(connection))  # type: ignore[misc]

    def _carry(self, caller: socket.socket) -> None:
        try:
            called = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            caller.close()
            return
        with caller, called, suppress(OSError):
            self._pump(caller, called)

    def _pump(self, caller: socket.socket, called: socket.socket) -> None:
        """Carry bytes until either end hangs up, or the connection is to be cut."""
        other = {caller: called, called: caller}
        ready = dict.fromkeys(other, 0.0)
        late: dict[socket.socket, deque[tuple[float, bytes]]] = {one: deque() for one in other}
        left = self._cuts.popleft() if self._cuts else 0
        end = time.monotonic() + (self._lasts or 1e9)
        limited, carried = bool(left), 0
        while not self._closed.is_set():
            now = time.monotonic()
            if now > end or (limited and carried >= left):
                self.cut += 1
                for one in other:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            reading = [one for one in other if ready[one] <= now]
            for one in select.select(reading, [], [], 0.01)[0]:
                data = one.recv(1024 if self._rate else 65536)
                late[one].append((now + self._delay, data))
                if self._rate:
                    ready[one] = max(ready[one], now - 0.1) + len(data) / self._rate
            for one, waiting in late.items():
                while waiting and waiting[0][0] <= time.monotonic():
                    data = waiting.popleft()[1]
                    if not data:
                        return
                    other[one].sendall(data)
                    carried += len(data)
                    self.carried += len(data)
