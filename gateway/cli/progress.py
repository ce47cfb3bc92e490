"""How far something long has come, with the time that is left: on a terminal, after one second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.table import is_terminal

if TYPE_CHECKING:
    from typing import Self

_STEPS = 500
"""The bar is drawn so often at most."""
BEARABLE = 1.0
"""[s] Work that takes less is not worth a bar."""


class Progress:
    """A context in which `advance` is called with each step; the bar is on stderr, and gone at the end.

    `length` is how many steps there are, of any unit.
    """

    def __init__(self, length: int, label: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._length = length
        self._label = label
        self._clock = clock
        self._begun = clock()
        self._done = 0
        self._bar: Any = None

    def advance(self, steps: int = 1) -> None:
        """Say that some more steps are done."""
        self._done += steps
        if self._bar is not None:
            self._bar.update(steps)
        elif self._clock() - self._begun >= BEARABLE and is_terminal(sys.stderr):
            self._bar = click.progressbar(
                length=self._length,
                label=self._label,
                file=sys.stderr,
                show_eta=True,
                show_percent=True,
                update_min_steps=max(1, self._length // _STEPS),
            )
            self._bar.__enter__()
            self._bar.update(self._done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
