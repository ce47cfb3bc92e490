"""The part that answers calls: `gateway.links.daemon` on a socket that outlives it."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from gateway.links.daemon import MOST_CONNECTIONS, Daemon, Door
from gateway.links.session import Rules, deadline
from gateway.service.threads import in_thread, to_its_end

if TYPE_CHECKING:
    from gateway.links.session import Account
    from gateway.service.ground import Ground
    from gateway.service.part import Pulse

__all__ = ["Answering"]

_LONG = 86400.0


class Answering:
    """Accepts connections; at most one thread for each, and so many at a time."""

    name = "daemon"

    def __init__(self, ground: Ground, listener: socket.socket) -> None:
        self._ground = ground
        self._listener = listener

    async def run(self, pulse: Pulse) -> None:
        """Answer until cancelled; sessions under way go on until they end, or are to leave."""
        closed = threading.Event()

        def stop() -> bool:  # asked after every connection, and once a second
            pulse()
            return closed.is_set()

        door = Door(self._ground.config, self._ground.party(), Rules.of, deadline=deadline())
        daemon = Daemon(door, most=MOST_CONNECTIONS, stop=stop, tell=self._tell)
        try:
            await to_its_end(in_thread("daemon", lambda: daemon.accept(self._listener)), closed.set)
        finally:
            await in_thread("leave", lambda: daemon.wait(_LONG))

    def _tell(self, peer: str, account: Account) -> None:
        who = " ".join(word for word in (account.peer, peer) if word) or "caller"
        for note in account.notes:
            self._ground.say(note)
        # Of a neighbour's sessions that break again and again `Outages` has a word for a person.
        tell = self._ground.say if account.broken and not account.started else self._ground.news
        tell(f"{who}: {account.end if account.broken else account}")
