"""Mail from the MTA over LMTP: a part of the resident process, one thread for each client."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.ground import self_name
from gateway.engine.reception import Desk, Reception
from gateway.errors import GatewayError
from gateway.mail.lmtp import Machine
from gateway.service.lmtp_conversation import PATIENCE, Conversation, Line
from gateway.service.local_socket import check_local, listening, readable

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.registry import Registry
    from gateway.service.part import Pulse
    from gateway.spool.spool import Spool

MOST_CLIENTS = 100
"""At a time; more wait until one leaves, as the system's queue of connections lets them."""
WELCOME = 5.0
"""[s] For which a client may have nothing to say while others wait."""

_BEAT = 10.0
"""[s] Between two looks at whether anything hangs."""
_STUCK = 30.0
"""[s] After which a client that waits for us is no progress."""


class _Client(NamedTuple):
    connection: socket.socket
    conversation: Conversation


class LmtpPart:
    """Takes mail from clients of this machine, at ``serve.lmtp`` or on a socket handed over.

    `listener` is a listening socket, from systemd say; it stays open. `say` gets what went wrong.
    """

    name = "lmtp"

    def __init__(
        self,
        config: Config,
        spool: Spool,
        registry: Registry,
        *,
        say: Callable[[str], None],
        listener: socket.socket | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._config = config
        self._desk = Desk(config, spool.sharing(), registry, one_at_a_time=threading.Lock())
        self._say = say
        self._given = listener
        self._patience = patience
        self._clients: dict[threading.Thread, _Client] = {}

    async def run(self, pulse: Pulse) -> None:
        """Serve until cancelled, then let transactions that are under way come to their end.

        Raises:
            ConfigError, GatewayError: temporary; the address cannot be had.
        """
        stop, stopped = os.pipe()
        beat = asyncio.create_task(self._beat(pulse))
        try:
            with self._listening() as listener:
                listener.setblocking(False)
                await self._accept(listener, stop, pulse)
        finally:
            os.close(stopped)  # what is read from the other end now is its end
            try:
                while self._clients:
                    await asyncio.sleep(0.02)
            finally:
                beat.cancel()
                if not self._clients:
                    os.close(stop)

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        if self._given is not None:
            check_local(self._given)
            yield self._given
        elif self._config.serve.lmtp is None:
            raise GatewayError(f"{self._config.path}: serve.lmtp: no address to listen on")
        else:
            with listening(self._config.serve.lmtp) as listener:
                yield listener

    async def _accept(self, listener: socket.socket, stop: int, pulse: Pulse) -> None:
        while True:
            await readable(listener)
            while len(self._clients) >= MOST_CLIENTS:
                self._make_room()
                await asyncio.sleep(0.02)
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue
            except OSError as failure:  # no descriptors left, or the client is gone already
                self._say(f"lmtp: accept: {failure.strerror}")
                await asyncio.sleep(0.5)
                continue
            self._admit(connection, stop, pulse)

    def _make_room(self) -> None:
        """End the reading from clients that have nothing to say; they find that out as a hanging up."""
        now = time.monotonic()
        for client in list(self._clients.values()):
            since = client.conversation.idle_since
            if since is not None and now - since > WELCOME:
                with suppress(OSError):  # it left by itself
                    client.connection.shutdown(socket.SHUT_RD)

    def _admit(self, connection: socket.socket, stop: int, pulse: Pulse) -> None:
        connection.setblocking(True)
        line = Line(connection.fileno(), connection.fileno(), patience=self._patience, stop=stop)
        machine = Machine(self_name(self._config), max_size=self._config.serve.lmtp_max_size)
        conversation = Conversation(line, machine, Reception(self._desk), progress=pulse)

        def serve() -> None:
            try:
                with connection:
                    conversation.run()
            except GatewayError as failure:
                self._say(f"lmtp: {failure}")
            except Exception as failure:  # whatever it is, it is this client's alone
                self._say(f"lmtp: {type(failure).__name__}: {failure}")
            finally:
                del self._clients[threading.current_thread()]

        # A daemon: what hangs in it must not keep the process from ending.
        thread = threading.Thread(target=serve, name="gateway-lmtp", daemon=True)
        self._clients[thread] = _Client(connection, conversation)
        try:
            thread.start()
        except RuntimeError as failure:
            del self._clients[thread]
            connection.close()
            self._say(f"lmtp: {failure}")

    async def _beat(self, pulse: Pulse) -> None:
        while True:
            waiting = [client.conversation.since for client in list(self._clients.values())]
            if all(since is None or time.monotonic() - since < _STUCK for since in waiting):
                pulse()
            await asyncio.sleep(_BEAT)
