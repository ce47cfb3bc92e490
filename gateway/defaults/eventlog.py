"""The event log: one record for everything that happened, where the configuration's ``log`` says.

With ``log-format = "nncp"`` (the default) records are those of NNCP's log, so that nncp-log reads
them and both may share one file; with ``"json"`` each is one JSON object on a line, with the
keys of `Event` and ``when``. A log named ``FD:4`` is that descriptor.

The file is opened for each record, so that a rotated one needs no signal, and locked by
``<log>.lock`` as NNCP does, but never waited for longer than `PATIENCE`. A log that cannot be
written fails nothing: it is complained of once.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from gateway.hookspecs import hookimpl

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.mta import Event

PATIENCE = 5.0
"""[s] How long another writer of the log is waited for."""

_complained: set[str] = set()


@hookimpl
def gateway_event(event: Event, config: Config) -> None:
    """Write the record.

    Raises:
        GatewayError: temporary; the log cannot be written, once in a row.
    """
    if not config.log:
        return
    if config.log_format == "json":
        record = _json_record(event)
    else:
        from gateway.defaults.nncp_record import records  # noqa: PLC0415 - only where there is such a log

        record = records(event, config, _now())
    try:
        _append(config.log, record.encode("utf-8", "backslashreplace"))
    except OSError as error:
        if config.log not in _complained:
            _complained.add(config.log)
            raise GatewayError(f"log {config.log}: {error.strerror or error}") from error
    else:
        _complained.discard(config.log)


def _append(log: str, record: bytes) -> None:
    if log.startswith("FD:"):
        _write_whole(_descriptor(log), record)
        return
    # O_NONBLOCK: a FIFO that nobody reads must not hold us.
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    lock = os.open(f"{log}.lock", flags, 0o666)
    try:
        _lock(lock, 0.0 if log in _complained else PATIENCE)
        fd = os.open(log, flags | os.O_APPEND, 0o666)
        try:
            _write_whole(fd, record)
        finally:
            os.close(fd)
    finally:
        os.close(lock)


def _descriptor(log: str) -> int:
    try:
        return int(log[3:])
    except ValueError:
        raise OSError(f"no descriptor number after {log[:3]}") from None


def _lock(fd: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise OSError("another process keeps it locked") from None
            time.sleep(0.01)
        else:
            return


def _write_whole(fd: int, record: bytes) -> None:
    """Write a record or, on a full disk, nothing of it: half a one would spoil the next."""
    written = os.write(fd, record)
    if written < len(record):
        with suppress(OSError):  # a pipe keeps what it has
            os.ftruncate(fd, os.fstat(fd).st_size - written)
        raise OSError("no room for the whole record")


def _json_record(event: Event) -> str:
    import json  # noqa: PLC0415 - not on the way of those who do not want it

    known = {
        "when": _now(),
        "event": event.kind.value,
        "packet": event.packet,
        "node": event.node,
        "niceness": event.niceness,
        "size": event.size,
        "text": event.text,
        "detail": dict(event.detail),
    }
    return json.dumps(known, default=str) + "\n"


def _now() -> str:
    """Return the time in UTC to the nanosecond, zeros at its end left out (RFC 3339)."""
    seconds, fraction = divmod(time.time_ns(), 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    digits = f"{fraction:09}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"
