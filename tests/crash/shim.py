"""Every changing system call of Python's `os` goes through here while a test looks."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CHANGING = (
    "open", "write", "fsync", "mkdir", "chmod", "fchmod",
    "rename", "link", "truncate", "unlink", "symlink",
)  # fmt: skip
LOOKING = ("lstat", "fstat", "scandir", "pread")

Around = Callable[[str, Callable[..., Any], tuple[Any, ...]], Any]


@contextmanager
def around(call: Around, names: tuple[str, ...] = CHANGING) -> Iterator[None]:
    """Let `call(name, function, arguments)` stand in for the named functions of `os`."""
    originals = {name: getattr(os, name) for name in names}

    def stand_in(name: str) -> Callable[..., Any]:
        def replaced(*arguments: Any, **options: Any) -> Any:
            def function(*given: Any) -> Any:
                return originals[name](*given, **options)

            return call(name, function, arguments)

        return replaced

    for name in names:
        setattr(os, name, stand_in(name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def killed(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a child killed before call number `step`; say whether it came through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: forking a threaded test runner
        child = os.fork()
    if child == 0:
        left = step

        def call(_name: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return function(*arguments)

        try:
            with around(call):
                work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status == 0
