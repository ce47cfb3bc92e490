"""News: what became of jobs is told to the plugins, of a delivered one while the next program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.mta import Event


class News:
    """A context in which events are told, in their order; leaving it, all of them were.

    One event may wait for `catch_up`, if they are told `behind`; so nobody else works on the pass then.
    A process that is killed before has told nobody of one job, whose mark stands.
    """

    def __init__(self, tell: Callable[[Event], None], *, behind: bool) -> None:
        self._tell = tell
        self._behind = behind
        self._waiting: Event | None = None

    def __enter__(self) -> News:
        return self

    def __exit__(self, *exc: object) -> None:
        self.catch_up()

    def tell(self, event: Event) -> None:
        """Tell of something at once."""
        self.catch_up()
        self._tell(event)

    def tell_soon(self, event: Event) -> None:
        """Tell of something that nobody waits for, when there is time or something else to tell."""
        self.catch_up()
        if self._behind:
            self._waiting = event
        else:
            self._tell(event)

    def catch_up(self) -> None:
        """Tell what waits to be told."""
        event, self._waiting = self._waiting, None
        if event is not None:
            self._tell(event)
