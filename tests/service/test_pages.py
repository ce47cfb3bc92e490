"""The HTTP pages: whom they answer, and what no client can do to them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.errors import SpoolError
from gateway.service import pages
from gateway.service.pages import Page, Pages

LIMIT = 20.0


class Served:
    """Pages in a thread with an event loop of its own; `said` is what they complained of."""

    def __init__(self, listener: socket.socket) -> None:
        self.said: list[str] = []
        self.pulses = 0
        self.where = listener.getsockname()
        self._family = listener.family

        def broken() -> bytes:
            raise SpoolError("the disk is gone")

        answers = {"/": Page("text/plain", lambda: b"hello"), "/broken": Page("text/plain", broken)}
        self._part = Pages("status", listener, answers, say=self.said.append)
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self._task = self._loop.create_task(self._part.run(self._pulse))
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    def _pulse(self) -> None:
        self.pulses += 1

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        assert self._task is not None
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()

    def connect(self) -> socket.socket:
        client = socket.socket(self._family)
        client.settimeout(LIMIT)
        client.connect(self.where)
        return client

    def ask(self, request: bytes) -> bytes:
        with self.connect() as client:
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.fixture(params=["tcp", "unix"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    if request.param == "tcp":
        listener = socket.create_server(("127.0.0.1", 0))
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "s"))
        listener.listen()
    with listener:
        it = Served(listener)
        it.start()
        yield it
        it.stop()
        assert -1 != listener.fileno()  # it outlives the part


def get(path: str, host: str = "localhost", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()


def test_a_page(served: Served) -> None:
    head, _, body = served.ask(get("/?again")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 ")
    assert b"Content-Security-Policy: default-src 'none'" in head
    assert b"hello" == body
    head, _, body = served.ask(get("/", method="HEAD")).partition(b"\r\n\r\n")
    assert (True, b"") == (b"Content-Length: 5" in head, body)


@pytest.mark.parametrize("host", ["localhost:9141", "127.0.0.1", "[::1]:9141", "LOCALHOST"])
def test_names_of_this_machine(served: Served, host: str) -> None:
    assert served.ask(get("/", host)).startswith(b"HTTP/1.0 200 ")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example"])
def test_a_page_of_somebody_else_cannot_read_ours(served: Served, host: str) -> None:
    answer = served.ask(get("/", host))
    assert answer.startswith(b"HTTP/1.0 403 ")
    assert b"hello" not in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("/nothing"), b"404"),
        (get("/../../etc/passwd"), b"404"),
        (get("/", method="POST"), b"501"),
        (get("/", method="DELETE"), b"501"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.0\r\n\r\n", b"414"),
    ],
)
def test_what_is_not_there(served: Served, request_: bytes, status: bytes) -> None:
    answer = served.ask(request_)
    assert status in answer[:300]
    assert served.ask(get("/")).endswith(b"hello")


def test_a_page_that_cannot_be_made(served: Served) -> None:
    assert served.ask(get("/broken")).startswith(b"HTTP/1.0 503 the disk is gone")
    assert ["/broken: the disk is gone"] == served.said


def test_silent_clients_keep_nobody_else_out(served: Served) -> None:
    """More of them than are answered at once are hung up on; when they are gone, all is as before."""
    silent = [served.connect() for _ in range(40)]
    hung_up = 0
    for client in silent:
        client.settimeout(0.2)
        with suppress(TimeoutError):
            hung_up += client.recv(1) == b""
    assert 0 < hung_up < 40
    for client in silent:
        client.close()
    for _ in range(200):
        if served.ask(get("/")).endswith(b"hello"):
            break
    else:
        pytest.fail("nobody is answered any more")
    assert served.pulses > 0


def test_nor_do_slow_ones(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is to be whole in time, whether or not something of it comes now and then."""
    monkeypatch.setattr(pages, "_PATIENCE", 1.0)
    slow = [served.connect() for _ in range(16)]
    answered = False
    for _ in range(60):
        for client in slow:
            with suppress(OSError):
                client.sendall(b"G")
        with suppress(OSError):
            answered = served.ask(get("/")).endswith(b"hello")
        if answered:
            break
        threading.Event().wait(0.2)
    for client in slow:
        client.close()
    assert answered
