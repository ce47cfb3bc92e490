"""The part that answers HTTP: a few pages for this machine alone, all of them read-only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import GatewayError
from gateway.service.threads import in_thread, to_its_end

if TYPE_CHECKING:
    from gateway.service.part import Pulse

__all__ = ["Page", "Pages"]

_PATIENCE = 10.0
"""[s] For a whole request, however it is cut; and for whoever takes the answer."""
_AT_ONCE = 16
_SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Page(NamedTuple):
    """What is answered: the kind of content, and what makes it when it is asked for."""

    kind: str
    make: Callable[[], bytes]


class Pages:
    """Answers GET for some paths on a socket that outlives it; `name` is the part's."""

    def __init__(
        self, name: str, listener: socket.socket, pages: Mapping[str, Page], *, say: Callable[[str], None]
    ) -> None:
        self.name = name
        self._listener = listener
        self._pages = pages
        self._say = say

    async def run(self, pulse: Pulse) -> None:
        """Answer until cancelled."""
        with _Server(self._listener, self._pages, self._say, pulse) as server:
            await to_its_end(in_thread(self.name, server.serve_forever), server.shutdown)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, listener: socket.socket, pages: Mapping[str, Page], say: Callable[[str], None], pulse: Pulse
    ) -> None:
        self.address_family = listener.family
        self.pages = pages
        self.say = say
        self._pulse = pulse
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(listener.getsockname(), _Answer, bind_and_activate=False)
        self.socket.close()
        self.socket = listener.dup()

    def service_actions(self) -> None:
        """Say twice a second that we are here, whether or not somebody asked."""
        self._pulse()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client: object) -> None:
        """Answer in a thread of its own, or hang up where too many are answered already."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client: object
    ) -> None:
        """Give the place back, whatever comes of it."""
        try:
            super().process_request_thread(request, client)
        finally:
            self._places.release()

    def handle_error(self, request: object, client: object) -> None:
        """Nobody is interested in who hung up."""


class _Answer(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE
    server_version = "gateway"
    sys_version = ""

    def setup(self) -> None:
        """Give the client its time: an octet now and then is no progress."""
        super().setup()
        self._late = threading.Timer(_PATIENCE, self._hang_up)
        self._late.daemon = True
        self._late.start()

    def finish(self) -> None:
        """Be done with the client."""
        self._late.cancel()
        super().finish()

    def _hang_up(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        """Answer with a page."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer without it."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        self._late.cancel()
        if not self._is_for_us():
            # A page of somebody else's, to whose name this address was given, must not read ours.
            self.send_error(HTTPStatus.FORBIDDEN, "ask by the address of this machine")
            return
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND, f"there is {', '.join(sorted(self.server.pages))}")
            return
        try:
            content = page.make()
        except (GatewayError, OSError) as failure:
            self.server.say(f"{self.path}: {failure}")
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, str(failure).partition("\n")[0])
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in _SAFE.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _is_for_us(self) -> bool:
        host = self.headers.get("Host", "localhost").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        return name in ("localhost", "127.0.0.1", "[::1]", "")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        """Keep no record of who looks."""
