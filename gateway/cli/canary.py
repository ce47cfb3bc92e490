"""``gateway canary``: a packet to ourselves, through another node and back, and when it did what."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from gateway.cli.names import NODE
from gateway.cli.types import DURATION, NICENESS
from gateway.config.units import duration_text
from gateway.errors import EX_FAILURE, EX_OK, UsageError
from gateway.packet.niceness import PRIORITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.cli import Setting
    from gateway.cli.table import Cell
    from gateway.config.model import Config, Neighbour
    from gateway.engine.flight import Flight, Step
    from gateway.spool.canary import Canary
    from gateway.spool.spool import Spool

_PATIENCE = 300.0
_FIRST_LOOK, _LAST_LOOK = 0.05, 1.0
"""[s] Between two looks at the spool, more and more."""
_EXACT = 100.0


@click.command("canary")
@click.option("--timeout", type=DURATION, metavar="TIME", help="how long it may take: 90s, 6h [default: 5m]")
@click.option("--no-wait", is_flag=True, help="send it and leave; --last tells of it later")
@click.option("--last", is_flag=True, help="tell of the last one, send none; with --no-wait, send one then")
@click.option(
    "--nice", "-nice", type=NICENESS, default=PRIORITY, metavar="N", help="how urgent; as mail if not given"
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.argument("node", type=NODE)
@click.pass_obj
def command(
    setting: Setting, *, timeout: float | None, no_wait: bool, last: bool, nice: int, as_json: bool, node: str
) -> int:
    """Send a packet to NODE and back over the route that mail takes, and say when it did what.

    It proves the way there, the tossing at NODE and the way back. NODE may be a gateway or an
    NNCP, and needs nothing for it but to know us. It is moved as mail is: by `gateway serve`,
    calls, or whatever moves packets here. Status 0: it arrived; 1: not in time.

    With --last, a canary that has not come back is passed over while it is younger than
    --timeout; without --timeout the last one counts, whatever its age.
    """
    config = setting.config()
    lookout = _Lookout(setting, config, setting.open_spool(config), config.neighbour(node), as_json=as_json)
    status = EX_OK
    if last:
        status = lookout.tell_of_last(timeout or 0.0, more=no_wait)
    if no_wait:
        canary = lookout.send(nice)
        if not last:
            lookout.tell_of_next(canary)
    elif not last:
        patience = _PATIENCE if timeout is None else timeout
        canary = lookout.send(nice)
        status = lookout.tell(canary, lookout.wait(canary, patience), patience)
    return status


@dataclass(frozen=True, slots=True)
class _Lookout:
    """Sends canaries through one node, looks for them, and tells of them."""

    setting: Setting
    config: Config
    spool: Spool
    node: Neighbour
    as_json: bool

    def send(self, nice: int) -> Canary:
        from gateway.engine.canary import send  # noqa: PLC0415 - not for the help page

        return send(self.config, self.spool, self.setting.registry(self.config), self.node, niceness=nice)

    def wait(self, canary: Canary, patience: float) -> dict[str, float]:
        """Wait until it arrived, was stopped, or the time is over; return when each step was seen."""
        from gateway.cli.leaving import leaving  # noqa: PLC0415 - not for the help page
        from gateway.engine.canary import Where, look  # noqa: PLC0415 - as above

        stop, until, pause = leaving(), time.monotonic() + patience, _FIRST_LOOK
        seen: dict[str, float] = {}
        while True:
            where = look(self.spool, canary).where
            if where is not Where.WAITING:
                seen.setdefault("sent", time.time())
            if where in (Where.BACK, Where.TOSSED):
                seen.setdefault("back", time.time())
            left = until - time.monotonic()
            ended = where in (Where.TOSSED, Where.HELD, Where.STOPPED)
            if ended or left <= 0 or stop.wait(min(pause, left)):
                return seen
            pause = min(_LAST_LOOK, pause * 1.2)

    def tell_of_last(self, timeout: float, *, more: bool) -> int:
        """Tell of the newest that is back, or older than `timeout` [s]; `more` says that others follow.

        Raises:
            UsageError: there is none, and none follows.
        """
        from gateway.engine.canary import Where, look  # noqa: PLC0415 - not for the help page
        from gateway.packet.identity import encode  # noqa: PLC0415 - as above
        from gateway.spool.canary import sent  # noqa: PLC0415 - as above

        known, now, name = sent(self.spool, encode(self.node.id)), time.time(), self.node.name
        for canary in reversed(known):
            if now - canary.queued >= timeout or look(self.spool, canary).where is Where.TOSSED:
                return self.tell(canary, {}, 0.0)
        if known:
            within = duration_text(timeout)
            self.setting.say(f"{name}: none back yet of {len(known)}, none on its way for {within}")
        elif not more:
            msg = f"no canary was ever sent through {name}: `gateway canary {name}` sends one"
            raise UsageError(msg)
        return EX_OK

    def tell_of_next(self, canary: Canary) -> None:
        """Tell of one that nobody waits for."""
        if self.as_json:
            self._show_json(self._flight(canary, {}))
        elif not self.setting.quiet:
            name = self.node.name
            click.echo(f"{canary.packet[:12]} is queued through {name}: `gateway canary --last {name}` tells")

    def tell(self, canary: Canary, seen: Mapping[str, float], patience: float) -> int:
        """Tell of a canary's steps, and of what is missing; return the status."""
        from gateway.engine.canary import Where  # noqa: PLC0415 - not for the help page
        from gateway.engine.flight import advice  # noqa: PLC0415 - as above

        flown, name = self._flight(canary, seen), self.node.name
        arrived = flown.sight.where is Where.TOSSED
        if self.as_json:
            self._show_json(flown)
        elif not (self.setting.quiet and arrived):
            self._show(flown)
        if arrived:
            return EX_OK
        within = f" within {duration_text(patience)}" if patience else ""
        self.setting.say(
            f"{name}: the canary did not arrive{within}: {advice(flown, name, self._hop(canary))}"
        )
        return EX_FAILURE

    def _flight(self, canary: Canary, seen: Mapping[str, float]) -> Flight:
        from gateway.engine.canary import look  # noqa: PLC0415 - not for the help page
        from gateway.engine.flight import flight  # noqa: PLC0415 - as above
        from gateway.journal.index import Index  # noqa: PLC0415 - as above
        from gateway.journal.place import place_of  # noqa: PLC0415 - as above

        sight = look(self.spool, canary)
        place = place_of(self.config)
        if not place.enabled:
            return flight(canary, sight, (), seen)
        try:
            with Index(place, say=self.setting.say) as index:
                index.refresh()
                told = [found.entry for found in index.search(canary.inner)]
        except sqlite3.Error as failure:
            self.setting.say(f"{place.path}: {failure}: the times are those of our own looking")
            told = []
        return flight(canary, sight, told, seen)

    def _hop(self, canary: Canary) -> str:
        from gateway.packet.identity import encode  # noqa: PLC0415 - not for the help page

        names = (node.name for node in self.config.neighbours.values() if encode(node.id) == canary.hop)
        return next(names, canary.hop)

    def _show(self, flown: Flight) -> None:
        from gateway.cli.table import Column, Tinted, show_table  # noqa: PLC0415 - only for people
        from gateway.journal.telling import account  # noqa: PLC0415 - as above

        canary, hop = flown.canary, self._hop(flown.canary)
        by = "" if hop == self.node.name else f", by {hop}"
        words = {
            "queued": f"{canary.packet[:12]} through {self.node.name}{by}",
            "tossed": "verified to its last byte: the way there and back is proved",
        }

        def row(step: Step) -> tuple[Cell, ...]:
            at = after = "not seen"
            if step.when is not None:
                at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(step.when))
                after = "" if step.name == "queued" else _length(step.when - canary.queued)
            told = words.get(step.name) or (account(step.told) if step.told else "")
            return Tinted(step.name, "good"), at, after, told

        columns = [
            Column("STEP", 6),
            Column("AT", 19),
            Column("AFTER", 8, right=True),
            Column("", wraps=True),
        ]
        show_table(columns, map(row, flown.steps))

    def _show_json(self, flown: Flight) -> None:
        from gateway.engine.canary import Where  # noqa: PLC0415 - not for the help page
        from gateway.engine.flight import STEPS, advice  # noqa: PLC0415 - as above

        times = {step.name: step.when for step in flown.steps}
        hop = self._hop(flown.canary)
        facts = {
            "node": self.node.name,
            "hop": hop,
            "packet": flown.canary.packet,
            "inner": flown.canary.inner,
            "arrived": flown.sight.where is Where.TOSSED,
            "where": flown.sight.where.value,
            "proved": flown.steps[-1].name,
            "seconds": flown.seconds,
            **{name: times.get(name) for name in STEPS},
            "text": advice(flown, self.node.name, hop),
        }
        click.echo(json.dumps(facts))


def _length(seconds: float) -> str:
    seconds = max(0.0, seconds)
    return f"{seconds:.2f} s" if seconds < _EXACT else duration_text(float(round(seconds)))
