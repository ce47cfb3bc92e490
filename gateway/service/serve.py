"""The resident process: the parts that a configuration asks for, until it is told to stop.

SIGHUP takes a new configuration over, whole or not at all. SIGTERM and SIGINT let what is under
way come to its end, within a limit; a second one does not.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.errors import EX_FAILURE, EX_OK, ConfigError, GatewayError
from gateway.program import heed_signals, kill_running
from gateway.service.answering import Answering
from gateway.service.calling import Calling, callable_neighbours
from gateway.service.counts import Counts
from gateway.service.faces import faces
from gateway.service.ground import Ground
from gateway.service.notify import Manager
from gateway.service.outages import Outages
from gateway.service.sockets import PURPOSES, Sockets, inherited
from gateway.service.supervisor import Duty, Supervisor
from gateway.service.sweeping import Sweeping
from gateway.service.tossing import Tossing

if TYPE_CHECKING:
    from gateway.config.model import Config

__all__ = ["Service"]

DRAIN = 30.0
"""[s] For deliveries under way once we are to stop; then their programs are killed,"""
RECORD = 5.0
"""[s] and so long later, when that is on disk as a failed attempt, we end."""
RETIRE = 3600.0
"""[s] For what is under way under a configuration that was replaced."""
_LOOK = 10.0
_MOMENT = 0.05
"""[s] For parts to take their hands from a socket that others accept on next."""


@dataclass(frozen=True, eq=False)
class _Generation:
    """Everything that works by one configuration."""

    ground: Ground
    supervisor: Supervisor


class Service:
    """One run of the resident process; `load` reads the configuration anew.

    `say` is for what a person should look at, `news` for what goes as it should.
    """

    def __init__(
        self,
        load: Callable[[], Config],
        *,
        say: Callable[[str], None],
        news: Callable[[str], None],
        environ: MutableMapping[str, str],
    ) -> None:
        self._load = load
        self._say = say
        self._news = news
        self._manager = Manager(environ)
        self._sockets = Sockets(inherited(environ))
        self._counts = Counts()
        self._outages = Outages(say)
        self._words: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._replaced: dict[_Generation, asyncio.Task[None]] = {}

    async def run(self) -> int:
        """Serve until told to stop; return the exit status.

        Raises:
            GatewayError: temporary, before anything was served.
        """
        heed_signals()
        loop = asyncio.get_running_loop()
        now = self._generation()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._words.put_nowait, number)
        now.supervisor.start()
        self._ready(now)
        while True:
            number = await self._next_word(now)
            if number != signal.SIGHUP:
                break
            now = await self._reload(now)
        self._manager.stopping()
        return await self._stop(now)

    async def _next_word(self, now: _Generation) -> signal.Signals:
        """Wait for a signal; meanwhile tell the manager that we are alive, while we are."""
        look = min(_LOOK, (self._manager.watchdog or _LOOK * 3) / 3)
        while True:
            with suppress(TimeoutError):
                return await asyncio.wait_for(self._words.get(), look)
            if not now.supervisor.stuck():
                self._manager.alive()

    def _generation(self) -> _Generation:
        """Read the configuration and prepare all it asks for; nothing is started."""
        config = self._load()
        ground = Ground.of(config, self._say, self._news)
        ground.registry.join("counts", self._counts)
        ground.registry.join("outages", self._outages)
        duties = [Duty("tosser", lambda: Tossing(ground)), Duty("sweeper", lambda: Sweeping(ground))]
        if listener := self._sockets.get("daemon", config.serve.daemon):
            duties.append(Duty("daemon", lambda: Answering(ground, listener)))
        if neighbours := callable_neighbours(config):
            duties.append(Duty("caller", lambda: Calling(ground, neighbours)))
        if local := self._sockets.get("lmtp", config.serve.lmtp):
            from gateway.service.lmtp import LmtpPart  # noqa: PLC0415 - only where it is asked for

            arguments = (config, ground.spool, ground.registry)
            duties.append(Duty("lmtp", lambda: LmtpPart(*arguments, say=ground.say, listener=local)))
        if handing := self._sockets.get("submit", config.serve.submit):
            from gateway.service.handover import Handover  # noqa: PLC0415 - as above

            duties.append(Duty("submit", lambda: Handover(ground, handing)))
        duties += faces(ground, self._counts, self._sockets)
        return _Generation(ground, Supervisor(duties, self._say))

    async def _reload(self, old: _Generation) -> _Generation:
        """Return the generation of the configuration as it is now, or the old one if that is no good."""
        self._manager.reloading()
        try:
            new = self._generation()
        except ConfigError as failure:
            for mistake in failure.mistakes:
                self._say(mistake)
            new = old
        except (GatewayError, OSError) as failure:
            self._say(str(failure))
            new = old
        except (Exception, SystemExit) as failure:  # whatever it is, mail goes on as before
            self._say(f"{type(failure).__name__}: {failure}")
            new = old
        if new is old:
            self._say("the configuration stays as it was")
        else:
            old.supervisor.leave()
            await asyncio.sleep(_MOMENT)
            new.supervisor.start()
            self._replaced[old] = task = asyncio.create_task(self._retire(old))
            task.add_done_callback(lambda _: self._replaced.pop(old))
        serve = new.ground.config.serve
        self._sockets.keep_only((purpose, getattr(serve, purpose)) for purpose in PURPOSES)
        self._ready(new)
        return new

    def _ready(self, now: _Generation) -> None:
        names = ", ".join(now.supervisor.names)
        self._manager.ready(names)
        self._news(f"serves by {now.ground.config.path}: {names}")

    async def _retire(self, old: _Generation) -> None:
        """Let what is under way by a replaced configuration come to its end."""
        if not await old.supervisor.ended(RETIRE):
            old.ground.leaving.set()
            await old.supervisor.ended()

    async def _stop(self, now: _Generation) -> int:
        """End everything: in good order within the limit, or at once when told again."""
        for one in (now, *self._replaced):
            one.ground.leaving.set()
        now.supervisor.leave()  # those of the others were told when they were replaced
        again = asyncio.create_task(self._told_again())
        if await self._ended(now, DRAIN, again):
            return EX_OK
        kill_running()
        if not again.done():
            self._say(f"not at their end after {DRAIN:g} s: the programs of deliveries are killed")
            await self._ended(now, RECORD, again)
        return EX_FAILURE

    async def _told_again(self) -> signal.Signals:
        """Wait for a signal that says the same once more; there is nothing to reload any more."""
        while (number := await self._words.get()) == signal.SIGHUP:
            pass
        return number

    async def _ended(self, now: _Generation, seconds: float, again: asyncio.Task[signal.Signals]) -> bool:
        everything = asyncio.gather(*(one.supervisor.ended(seconds) for one in (now, *self._replaced)))
        either: list[asyncio.Future[Any]] = [everything, again]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if everything.done():
            return all(everything.result())
        everything.cancel()
        with suppress(asyncio.CancelledError):
            await everything
        return False
