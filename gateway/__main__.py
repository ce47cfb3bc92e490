"""The outermost guard: whatever happens, the process ends in a chosen exit status.

The import of the program itself is inside the guard: a crash while importing would end in
Python's status 1, which both MTAs take as "bounce it".
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without
if TYPE_CHECKING:
    from typing import NoReturn

_EX_TEMPFAIL = 75
_RARELY = 100_000
"""New objects between two searches for garbage.

Loading makes many objects and drops none, so that searching every 700 of them finds nothing,
dozens of times a message.
"""


def run() -> NoReturn:
    """Run the command line and leave with its status; 75 for whatever nobody foresaw."""
    status = _EX_TEMPFAIL
    gc.set_threshold(_RARELY)
    try:
        _occupy_standard_descriptors()
        from gateway.main import main  # noqa: PLC0415 - inside the guard on purpose

        status = main(sys.argv[1:])
    except BaseException as crash:  # the last resort before Python's status 1
        _say(f"4.3.0 {type(crash).__name__}: {crash}")
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        status = status or 1
    # Nothing is left to tear down, and interpreter shutdown costs milliseconds a message.
    os._exit(status)


def _occupy_standard_descriptors() -> None:
    """Put /dev/null where the caller left 0, 1 or 2 closed.

    A packet's file would get that number otherwise, and our words on "stderr" would go into it.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:  # noqa: PLR2004 - stdin, stdout, stderr
        descriptor = os.dup(descriptor)
    os.close(descriptor)


def _say(text: str) -> None:
    try:
        os.write(2, (" ".join(text.split()) + "\n").encode("utf-8", "backslashreplace"))
    except OSError:
        return


if __name__ == "__main__":
    run()
