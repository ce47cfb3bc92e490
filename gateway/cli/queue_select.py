"""Which packets a command of ``gateway queue`` is about: its options, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from gateway.cli.names import HANDLE, NODE, PACKET
from gateway.cli.queue_rows import Names
from gateway.cli.types import DURATION, NICENESS, SIZE
from gateway.engine import queue
from gateway.engine.queue import LIVE, WAITING, Row, Selector, State
from gateway.errors import UsageError

if TYPE_CHECKING:
    from gateway.cli import Setting
    from gateway.config.model import Config
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

_WAITING = "waiting"
"""A word for the states in which nothing has been tried yet."""

AS_JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object a line")


class View(NamedTuple):
    """What every command here stands on."""

    config: Config
    spool: Spool
    names: Names

    @classmethod
    def of(cls, setting: Setting) -> View:
        """Load the configuration and open its spool, which must be there."""
        config = setting.config()
        spool = setting.open_spool(config)
        spool.free()  # An empty list from a directory that is not there would be a lie.
        return cls(config, spool, Names(config))

    def rows(self, selector: Selector, now: float, *, headers: bool = True) -> Iterator[Row]:
        """Yield the packets that are meant, as `queue.rows` does."""
        return queue.rows(self.spool, selector, now, headers=headers, handle_of=self._handle_of)

    def _handle_of(self, job: Job) -> str | None:
        if self.config.identity is None:
            return None
        from gateway.engine.inspect import handle_of  # noqa: PLC0415 - loads the cryptography

        return handle_of(self.spool, job, self.config, self.config.identity)


def selecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the selectors; `selector` reads them."""
    states = [_WAITING, *(state.value for state in State)]
    decorators = (
        click.argument("prefixes", type=PACKET, nargs=-1, metavar="[NAME-PREFIX]..."),
        click.option("--node", "-node", type=NODE, metavar="NODE", help="in this neighbour's directory"),
        click.option("--rx", "-rx", "--in", "rx", is_flag=True, help="only inbound"),
        click.option("--tx", "-tx", "--out", "tx", is_flag=True, help="only outbound"),
        click.option("--state", "states", type=click.Choice(states), multiple=True,
                     help="in this state (again for another one)"),
        click.option("--handle", type=HANDLE, metavar="WORD",
                     help="inbound jobs for this handle (opens every packet)"),
        click.option("--older", type=DURATION, metavar="AGE", help="lying there for at least that long"),
        click.option("--newer", "--younger", "newer", type=DURATION, metavar="AGE",
                     help="lying there for at most that long"),
        click.option("--larger", type=SIZE, metavar="SIZE", help="of at least this size"),
        click.option("--smaller", type=SIZE, metavar="SIZE", help="of at most this size"),
        click.option("--nice", "-nice", type=NICENESS, default=255, metavar="N", help="up to this niceness"),
        click.option("--min-nice", type=NICENESS, metavar="N", help="from this niceness on"),
    )  # fmt: skip
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


def selector_of(config: Config, options: dict[str, Any]) -> Selector:
    """Return what the options of `selecting` mean, taking them out of `options`.

    Raises:
        UsageError: permanent; options that exclude each other.
        UnknownNode: temporary.
    """
    from gateway.packet.identity import encode  # noqa: PLC0415 - not needed for --help

    node, rx, tx = options.pop("node"), options.pop("rx"), options.pop("tx")
    if rx and tx:
        msg = "--rx and --tx exclude each other; both is what is listed with neither"
        raise UsageError(msg)
    return Selector(
        node=encode(config.neighbour(node).id) if node else None,
        prefixes=tuple(prefix.upper() for prefix in options.pop("prefixes")),
        states=_states(options.pop("states")),
        outbound=True if tx else False if rx else None,
        min_age=options.pop("older"),
        max_age=options.pop("newer"),
        min_size=options.pop("larger") or 0,
        max_size=options.pop("smaller"),
        min_niceness=options.pop("min_nice") or 0,
        max_niceness=options.pop("nice"),
        handle=options.pop("handle"),
    )


def _states(words: tuple[str, ...]) -> frozenset[State]:
    states = {State(word) for word in words if word != _WAITING}
    return frozenset(states | WAITING if _WAITING in words else states) or LIVE
