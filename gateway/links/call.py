"""Calling a neighbour: its addresses, the locks, and one session over the first address that answers."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, GatewayError, UsageError
from gateway.links.session import Account, Party, Rules, Wire, call, locked
from gateway.mta import EventKind
from gateway.program import heed_signals

if TYPE_CHECKING:
    from gateway.config.model import Config, Neighbour

DEFAULT_PORT = 5400
_GRACE = 10.0
"""[s] For a command to end once its input is closed."""


class Unreachable(GatewayError):
    """No session could be started over an address."""


def destination(config: Config, text: str) -> tuple[Neighbour, tuple[str, ...]]:
    """Return neighbour and addresses of ``NODE``, ``NODE:ADDR``, ``NODE:host:port`` or ``NODE:|command``.

    ADDR is the name of one of the configured addresses. Without any, all of them, in random
    order.

    Raises:
        UnknownNode: temporary.
        ConfigError: temporary; the neighbour cannot be called.
    """
    node, colon, address = text.partition(":")
    neighbour = config.neighbour(node)
    if neighbour.noisepub is None:
        msg = (
            f"{config.path}: neigh.{neighbour.name}.noisepub: missing: it can be neither called nor answered"
        )
        raise ConfigError(msg)
    if colon:
        if not address:
            raise UsageError(f"no address after {node}:")
        return neighbour, (neighbour.addrs.get(address, address),)
    addresses = list(neighbour.addrs.values())
    if not addresses:
        name = neighbour.name
        msg = f"{config.path}: neigh.{name}.addrs: there are none: add one, or name it as {name}:HOST:PORT"
        raise ConfigError(msg)
    random.shuffle(addresses)
    return neighbour, tuple(addresses)


def call_neighbour(party: Party, neighbour: Neighbour, addresses: tuple[str, ...], rules: Rules) -> Account:
    """Hold a session over the first address that starts one.

    Raises:
        LockBusy: temporary; another session with this neighbour is under way.
        SpoolError: temporary.
    """
    account = Account(peer=neighbour.name, end="no address", broken=True)
    missed: list[str] = []
    with locked(party, neighbour, rules):
        for address in addresses:
            try:
                with connected(address, rules.deadline) as wire:
                    account = call(wire, party, neighbour, rules, addr=address)
            except Unreachable as failure:
                account = Account(peer=neighbour.name, end=str(failure), broken=True, addr=address)
            if account.started or party.stop():
                break
            party.report(account.event(EventKind.CALL_FAILED))
            missed.append(f"{neighbour.name}: {address}: {account.end}")
    if not account.started:
        account.notes = missed
        account.broken = True
    return account


@contextmanager
def connected(address: str, seconds: float) -> Iterator[Wire]:
    """Connect to ``host:port``, or run ``|command``, and close it at the end.

    Raises:
        Unreachable: temporary.
    """
    if address.startswith("|"):
        with _command(address[1:]) as wire:
            yield wire
        return
    with _connection(address, seconds) as connection, Wire(connection.fileno(), connection.fileno()) as wire:
        yield wire


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``[host]:port`` or a host alone.

    Raises:
        ValueError: the port is no port.
    """
    host, _, port = address.rpartition(":")
    if not host or "]" in port or (":" in host and not host.startswith("[")):
        host, port = address, str(DEFAULT_PORT)
    if not port.isdecimal() or not 0 <= int(port) <= 65535:  # noqa: PLR2004 - the number of ports
        raise ValueError(f"{address!r}: no port number at its end")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _connection(address: str, seconds: float) -> socket.socket:
    try:
        connection = socket.create_connection(split_address(address), timeout=seconds)
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, ValueError) as failure:
        raise Unreachable(getattr(failure, "strerror", None) or str(failure)) from failure
    return connection


@contextmanager
def _command(line: str) -> Iterator[Wire]:
    """Run a shell command line in a process group of its own; nothing of it is left at the end."""
    heed_signals()
    try:
        child = subprocess.Popen(
            ["/bin/sh", "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
        )
    except OSError as failure:
        raise Unreachable(f"/bin/sh: {failure.strerror}") from failure
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with Wire(child.stdout.fileno(), child.stdin.fileno()) as wire:
            yield wire
    finally:
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):
                pipe.close()
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
