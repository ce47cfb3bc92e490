"""A socket that only this machine reaches: a path in the file system, or a loopback address."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address

from gateway.errors import ConfigError, GatewayError, LockBusy

_BACKLOG = 128


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Listen on the absolute path of a Unix socket, or on ``HOST:PORT`` of the loopback.

    Who may connect to a path is what the umask and its directory say. What a process that
    is gone left there is replaced; one that lives, and anything else, is not.

    Raises:
        ConfigError: temporary; other machines could reach the address.
        GatewayError: temporary; it cannot be had.
    """
    try:
        if address.startswith("/"):
            with _at_path(address) as listener:
                yield listener
        else:
            with _at_loopback(address) as listener:
                yield listener
    except OSError as failure:
        raise GatewayError(f"cannot listen on {address}: {failure.strerror or failure}") from failure


def check_local(listener: socket.socket) -> None:
    """Refuse a socket that was handed to us, by systemd say, and that other machines can reach.

    Raises:
        ConfigError: temporary.
    """
    if listener.family != socket.AF_UNIX:
        _check_loopback(str(listener.getsockname()[0]), "the socket that was handed over")


async def readable(listener: socket.socket) -> None:
    """Wait for a client; cancelled, unlike `loop.sock_accept`, it drops none."""
    loop = asyncio.get_running_loop()
    come = asyncio.Event()
    loop.add_reader(listener, come.set)
    try:
        await come.wait()
    finally:
        loop.remove_reader(listener)


def _check_loopback(host: str, what: str) -> None:
    if not ip_address(host.partition("%")[0]).is_loopback:
        msg = f"{what}: {host} can be reached from other machines; use a path, 127.0.0.1:PORT or [::1]:PORT"
        raise ConfigError(msg)


def _at_loopback(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    found = socket.getaddrinfo(host.strip("[]") or "0.0.0.0", int(port), type=socket.SOCK_STREAM)  # noqa: S104 - to be refused
    family, _, _, _, where = found[0]
    _check_loopback(str(where[0]), address)
    return socket.create_server(where[:2], family=family, backlog=_BACKLOG)


@contextmanager
def _at_path(path: str) -> Iterator[socket.socket]:
    with _alone(f"{path}.lock", path), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        _clear(path)
        listener.bind(path)
        ours = os.lstat(path)
        try:
            listener.listen(_BACKLOG)
            yield listener
        finally:
            with suppress(OSError):
                if os.path.samestat(ours, os.lstat(path)):
                    os.unlink(path)


@contextmanager
def _alone(lock: str, path: str) -> Iterator[None]:
    """Hold a lock for as long as we listen: what is there without it belongs to nobody that lives."""
    fd = os.open(lock, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockBusy(f"another process listens on {path}") from None
        yield
    finally:
        os.close(fd)


def _clear(path: str) -> None:
    """Remove a socket behind which nobody is."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "what is there is no socket: remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise LockBusy(f"another process listens on {path}")
