"""An LMTP service in this process, and a client that says what it is told to."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.config import load
from gateway.config.model import Config
from gateway.registry import Registry
from gateway.service.lmtp import LmtpPart
from gateway.spool.spool import Spool
from tests.real.nodes import Node

LIMIT = 30.0


class Service:
    """The part alone, in a thread with an event loop of its own; `said` is what it complained of."""

    def __init__(self, config: Config, **options: object) -> None:
        self.said: list[str] = []
        self.pulses = 0
        spool = Spool(config.spool, umask=config.umask)
        registry = Registry(config, report=self.said.append)
        self.part = LmtpPart(config, spool, registry, say=self.said.append, **options)  # type: ignore[arg-type]
        self.failure: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self.part.run(self._pulse))
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as failure:
            self.failure = failure
        finally:
            self._loop.close()

    def _pulse(self) -> None:
        self.pulses += 1

    def start(self) -> Self:
        """Start it; whether it listens yet is for `Client` to find out."""
        self._thread.start()
        return self

    def cancel(self) -> None:
        """Ask it to end."""
        if self._thread.is_alive() and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(LIMIT)
        assert not self._thread.is_alive(), "it does not end"


@contextmanager
def serving(node: Node, **options: object) -> Iterator[Service]:
    """Run the service of a node until the end of the block."""
    service = Service(load(str(node.toml)), **options).start()
    try:
        yield service
    finally:
        service.cancel()
        service.join()


def served(node: Node, path: Path, *lines: str) -> None:
    """Configure a node to take mail at `path`, everything for bob."""
    node.tail = "\n".join([f'[serve]\nlmtp = "{path}"', *lines, '[routes]\n"*" = "bob"\n'])
    node.write()


class Client:
    """A connection to a service, once it listens."""

    def __init__(self, address: str | tuple[str, int]) -> None:
        self.socket = _connected(address)
        self._file = self.socket.makefile("rb")
        self.last = b""

    def read(self, answers: int = 1) -> list[int]:
        """Return the codes of that many answers, the last of which stays in `last`."""
        codes = []
        while len(codes) < answers:
            self.last = self._file.readline()
            assert self.last, "the service hung up"
            if match := re.match(rb"(\d{3}) ", self.last):
                codes.append(int(match[1]))
        return codes

    def say(self, octets: bytes, answers: int = 1) -> list[int]:
        """Send octets; return the codes of the answers."""
        self.socket.sendall(octets)
        return self.read(answers)

    def begin(self, *recipients: str) -> None:
        """Say everything up to the message."""
        self.read()
        assert [250] == self.say(b"LHLO client\r\n")
        self.open(*recipients)

    def open(self, *recipients: str) -> None:
        """Begin a transaction."""
        lines = [f"RCPT TO:<{recipient}>\r\n" for recipient in recipients]
        words = "".join(["MAIL FROM:<joe@a.example>\r\n", *lines, "DATA\r\n"]).encode()
        assert [250] * (1 + len(recipients)) + [354] == self.say(words, 2 + len(recipients))

    def at_end(self) -> bool:
        """Whether the service hung up."""
        return self._file.readline() == b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.socket.close()


def _connected(address: str | tuple[str, int]) -> socket.socket:
    pause = threading.Event()
    for _ in range(int(LIMIT * 50)):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        one = socket.socket(family, socket.SOCK_STREAM)
        one.settimeout(LIMIT)
        try:
            one.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            one.close()
            pause.wait(0.02)
        else:
            return one
    raise AssertionError(f"nobody listens on {address}")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come to pass soon."""
    pause = threading.Event()
    for _ in range(int(LIMIT * 50)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come to pass")
