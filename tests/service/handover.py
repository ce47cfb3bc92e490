"""The part that pipe commands hand their work over to, in this process, and what it was given."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gateway.config import load
from gateway.config.model import Config
from gateway.engine.ground import identity_of
from gateway.registry import Registry
from gateway.request.handover import Offer
from gateway.service.ground import Ground
from gateway.service.handed_input import HandedInput
from gateway.service.handover import Handover
from gateway.service.local_socket import listening
from gateway.spool.spool import Spool
from tests.real.nodes import Node

LIMIT = 60.0
At = Callable[[str, HandedInput], None]


class Watched(Handover):
    """Keeps the statuses it answers with; `at` is called with the step that comes next, and the input."""

    def __init__(self, ground: Ground, listener: socket.socket, at: At) -> None:
        super().__init__(ground, listener)
        self.statuses: list[int] = []
        self._at = at

    def _fulfil(self, offer: Offer, source: HandedInput) -> tuple[int, str]:
        self._at("begin", source)
        status, text = super()._fulfil(offer, source)
        self.statuses.append(status)
        self._at("answer", source)
        return status, text

    def _before_commit(self, source: HandedInput) -> None:
        self._at("commit", source)
        super()._before_commit(source)


class Service:
    """The part alone, in a thread with an event loop of its own; `said` is what it complained of."""

    def __init__(self, config: Config, at: At) -> None:
        self.said: list[str] = []
        assert config.serve.submit is not None
        spool = Spool(config.spool, umask=config.umask)
        registry = Registry(config, report=self.said.append)
        say = self.said.append
        ground = Ground(config, identity_of(config), spool, registry, say, say, threading.Event())
        self._closing = ExitStack()
        listener = self._closing.enter_context(listening(config.serve.submit))
        self.part = Watched(ground, listener, at)
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self.part.run(lambda: None))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def statuses(self) -> list[int]:
        """What was answered so far."""
        return self.part.statuses

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    def close(self) -> None:
        """Have it come to its end."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(LIMIT)
        assert not self._thread.is_alive(), "it does not end"
        self._closing.close()


def handing(node: Node, *lines: str) -> Path:
    """Configure a node to have its work done by a service, everything for bob; return the socket's path."""
    path = node.directory / "submit.sock"
    node.tail = "\n".join([f'[serve]\nsubmit = "{path}"', *lines])
    node.write()
    return path


@contextmanager
def taking(node: Node, at: At = lambda step, source: None) -> Iterator[Service]:
    """Run the part of a node until the end of the block."""
    service = Service(load(str(node.toml)), at)
    try:
        yield service
    finally:
        service.close()
