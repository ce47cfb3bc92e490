"""The part that makes calls, by the `calls` of every neighbour; one at a time with each."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial
from typing import TYPE_CHECKING

from gateway.engine.toss import Selection, Tosser
from gateway.errors import GatewayError, LockBusy
from gateway.links.call import call_neighbour
from gateway.links.schedule import Call, calls_of
from gateway.packet.header import Header
from gateway.packet.identity import encode
from gateway.service.threads import in_thread, to_its_end

if TYPE_CHECKING:
    from gateway.config.model import Config, Neighbour
    from gateway.service.ground import Ground
    from gateway.service.part import Pulse

__all__ = ["Calling", "callable_neighbours"]

_NAP = 20.0
"""[s] At most: the clock may have been set meanwhile, or the machine have slept."""


class Calling:
    """Makes the calls that are due, each neighbour's after the other, none waiting for another's.

    `alone` is where no part delivers: then `autotoss` of a call has what arrived delivered.
    """

    name = "caller"

    def __init__(self, ground: Ground, neighbours: list[Neighbour], *, alone: bool = False) -> None:
        self._ground = ground
        self._neighbours = neighbours
        self._alone = alone

    async def run(self, pulse: Pulse) -> None:
        """Call until cancelled; calls under way go on until they end, or are to leave."""
        tasks = [asyncio.create_task(self._serve(neighbour)) for neighbour in self._neighbours]
        try:
            while not any(task.done() for task in tasks):
                pulse()
                await asyncio.wait(tasks, timeout=_NAP, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            task.result()

    async def _serve(self, neighbour: Neighbour) -> None:
        calls, now = calls_of(neighbour), time.time()
        if not all(call.addresses for call in calls):
            self._ground.say(f"{neighbour.name}: has calls without an address: add some to its `addrs`")
        while True:
            # Those that fell due during a call are skipped, as NNCP's caller does.
            moments = [(moment, number) for number, call in enumerate(calls) if (moment := call.due(now))]
            if not moments:
                self._ground.say(f"{neighbour.name}: none of its calls will ever be due again")
                await asyncio.Event().wait()
            moment, number = min(moments)
            while (left := moment - time.time()) > 0:
                await asyncio.sleep(min(left, _NAP))
            await to_its_end(in_thread("call", partial(self._safely, neighbour, calls[number])))
            now = max(time.time(), moment)

    def _safely(self, neighbour: Neighbour, call: Call) -> None:
        try:
            self._call(neighbour, call)
        except Exception as failure:  # whatever it is, it is this call's alone
            self._ground.say(f"{neighbour.name}: {type(failure).__name__}: {failure}")

    def _call(self, neighbour: Neighbour, call: Call) -> None:
        ground = self._ground
        try:
            if call.if_waiting and not self._waiting(neighbour, call):
                return
            addresses = list(call.addresses)
            random.shuffle(addresses)
            account = call_neighbour(ground.party(), neighbour, tuple(addresses), call.rules)
        except LockBusy:
            return  # there is a session with it already
        except (GatewayError, OSError) as failure:
            ground.say(f"{neighbour.name}: {failure}")
            return
        # Where a call fails again and again, `Outages` has a word for a person.
        for note in account.notes:
            (ground.say if account.started else ground.news)(note)
        if account.started:
            ground.news(f"{neighbour.name}: {account.end if account.broken else account}")
        if self._alone and call.toss:
            tosser = Tosser(ground.config, ground.spool, ground.registry, say=ground.say, leave=call.leave)
            tosser.pass_over(Selection(node=neighbour.id), stopping=ground.leaving.is_set)

    def _waiting(self, neighbour: Neighbour, call: Call) -> bool:
        headers = self._ground.spool.headers(encode(neighbour.id), "tx")
        return any(_within(header, call.rules.max_niceness) for _, header in headers)


def callable_neighbours(config: Config) -> list[Neighbour]:
    """Return the neighbours with calls that can be made."""
    return [n for n in config.neighbours.values() if n.calls and n.noisepub is not None and n.name != "self"]


def _within(header: bytes, max_niceness: int) -> bool:
    try:
        return Header.decode(header).niceness <= max_niceness
    except GatewayError:
        return False
