"""Answering calls: a bounded number of threads, one session each; no session harms another."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, LockBusy, Refused, SpoolError
from gateway.links.call import split_address
from gateway.links.session import Account, Party, Rules, Wire, answer

if TYPE_CHECKING:
    from gateway.config.model import Config, Neighbour

MOST_CONNECTIONS = 128
_LEAVE = 5.0
"""[s] For the sessions to end once we are to stop."""


class Door:
    """Who may come in: finds callers by their key, and counts how many sessions each has.

    `rules_for` gives the rules of a neighbour's session, `deadline` [s] the time for a
    caller's first message. Thread safe.
    """

    def __init__(
        self, config: Config, party: Party, rules_for: Callable[[Neighbour], Rules], *, deadline: float
    ) -> None:
        callers = [n for n in config.neighbours.values() if n.noisepub is not None]
        # Of two with one key the last is found, and that is not to be ourselves.
        self._neighbours = sorted(callers, key=lambda n: n.name != "self")
        self._party = party
        self._rules_for = rules_for
        self._deadline = deadline
        self._sessions: Counter[str] = Counter()
        self._lock = threading.Lock()

    def serve(self, wire: Wire) -> Account:
        """Hold one session with whoever is at the other end.

        Nothing that goes wrong in a session is raised; the account says it.
        """
        inside: list[str] = []

        def known(key: bytes) -> Neighbour | None:
            neighbour = self._find(key)
            if neighbour is not None:
                self._enter(neighbour)
                inside.append(neighbour.name)
            return neighbour

        try:
            return answer(wire, self._party, known, self._rules, deadline=self._deadline)
        except (LockBusy, Refused, SpoolError, OSError) as failure:
            return Account(peer=inside[0] if inside else "", end=str(failure), broken=True)
        finally:
            with self._lock:
                self._sessions.subtract(inside)

    def _find(self, key: bytes) -> Neighbour | None:
        """Return the neighbour with that key, looking at all of them, whichever it is."""
        found = None
        for neighbour in self._neighbours:
            if compare_digest(neighbour.noisepub or b"", key):
                found = neighbour
        return found

    def _rules(self, neighbour: Neighbour) -> Rules:
        """Return the rules of a session; whoever has our own keys only asks whether it is us who answer."""
        rules = self._rules_for(neighbour)
        if neighbour.name == "self":
            return rules._replace(receive=False, send=False, listing=True)
        return rules

    def _enter(self, neighbour: Neighbour) -> None:
        most = neighbour.limits.connections
        with self._lock:
            if most is not None and self._sessions[neighbour.name] >= most:
                msg = f"{neighbour.name} has {most} sessions already, and `limits` allows no more"
                raise Refused(msg)
            self._sessions[neighbour.name] += 1


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Listen on ``host:port``; ``[::]:port`` is every address of either kind.

    Raises:
        GatewayError: temporary; the address cannot be had.
    """
    try:
        host, port = split_address(address)
        both = host in ("", "::") and socket.has_dualstack_ipv6()
        if host in ("", "::") and not both:
            host = "0.0.0.0"  # noqa: S104 - every address was asked for, and there is only the one kind
        family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, dualstack_ipv6=both)
    except (OSError, ValueError) as failure:
        why = getattr(failure, "strerror", None) or failure
        raise GatewayError(f"cannot listen on {address}: {why}") from failure
    with listener:
        yield listener


class Daemon:
    """Accepts connections and gives each a thread; at most `most` at a time, more are closed."""

    def __init__(
        self, door: Door, *, most: int, stop: Callable[[], bool], tell: Callable[[str, Account], None]
    ) -> None:
        self._door = door
        self._most = most
        self._stop = stop
        self._tell = tell
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def run(self, listener: socket.socket) -> None:
        """Serve until we are to stop; `tell` gets the caller's address and what became of it."""
        self.accept(listener)
        self.wait(_LEAVE)

    def accept(self, listener: socket.socket) -> None:
        """Take connections until we are to stop, which is asked once a second at least."""
        listener.settimeout(1.0)
        while not self._stop():
            try:
                connection, peer = listener.accept()
            except TimeoutError:
                continue
            except OSError as failure:
                if self._stop():  # the listener was closed
                    return
                # No descriptors left, or the caller is gone already: others may still come.
                self._tell("", Account(end=f"accept: {failure}", broken=True))
                time.sleep(0.1)
                continue
            self._admit(connection, f"{peer[0]}:{peer[1]}")

    def wait(self, seconds: float) -> None:
        """Wait for the sessions to end, not longer than that."""
        until = time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _admit(self, connection: socket.socket, peer: str) -> None:
        with self._lock:
            full = len(self._threads) >= self._most
        if full:
            connection.close()
            self._tell(peer, Account(end=f"{self._most} connections already: refused", broken=True))
            return
        thread = threading.Thread(target=self._serve, args=(connection, peer), daemon=True)
        with self._lock:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as failure:
            connection.close()
            with self._lock:
                self._threads.discard(thread)
            self._tell(peer, Account(end=str(failure), broken=True))

    def _serve(self, connection: socket.socket, peer: str) -> None:
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with Wire(connection.fileno(), connection.fileno()) as wire:
                    account = self._door.serve(wire)
        except Exception as failure:  # whatever it is, it is this session's alone
            account = Account(end=f"{type(failure).__name__}: {failure}", broken=True)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
        self._tell(peer, account)
