"""Signals around the start of a program: the child gets none ignored, and the start is not cut in two.

What is done for every start asks `_signal`, the core of `signal`, without its enumerations: these
take ten times as long as the system calls.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

_PYTHONS = {signal.SIGPIPE, signal.SIGXFSZ}
"""Ignored by Python for itself; subprocess gives them back to the child."""
_INHERITED = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - _PYTHONS
_ENDING = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGALRM,
    signal.SIGXCPU,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
"""Those whose handlers may raise."""

_heeded: list[bool] = []


def heed_signals() -> None:
    """Undo, once, what our parent told us to ignore; does nothing outside the main thread.

    A signal that a process ignores is ignored by its children as well, and MTAs start us
    with SIGTERM ignored. Here it gets a handler that does nothing: the same for us, while
    the programs we start have the default again. An inherited SIGCHLD is set to its default,
    without which no exit status could be learnt. Call it before starting threads that run
    programs; in the main thread `run_program` does.
    """
    if _heeded or threading.current_thread() is not threading.main_thread():
        return
    for number in _INHERITED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else _do_nothing)
    _heeded.append(True)


def _do_nothing(_number: int, _frame: object) -> None:
    pass


@contextmanager
def deferred() -> Iterator[None]:
    """Let no handler of ours run inside the block; those that were due run at its end.

    A handler that raises between the birth of a program and our knowing of it would close
    the program's input, and an empty message would be taken for the whole one. The signals
    cannot simply be blocked: the program would have them blocked as well.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread only
        return
    due: list[int] = []
    handlers = {number: handler for number in _ENDING if callable(handler := _signal.getsignal(number))}
    try:
        for number in handlers:
            _signal.signal(number, lambda came, _frame: due.append(came))
        yield
    finally:
        before = _signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
        for number, handler in handlers.items():
            _signal.signal(number, handler)
        for caught in due:
            signal.raise_signal(caught)
        _signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def unblocked() -> Iterator[None]:
    """Block no signal of this thread inside the block: a program that is born there inherits it."""
    blocked = _signal.pthread_sigmask(signal.SIG_BLOCK, ())
    if not blocked:
        yield
        return
    _signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        yield
    finally:
        _signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
