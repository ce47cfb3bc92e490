"""The egress ``maildir``: every transaction, or a whole raw body, becomes one file of a Maildir.

Options of the handle: ``path`` (absolute; made, with ``tmp``, ``new`` and ``cur``, if only it is
missing itself) and ``mode`` (octal text, default ``"0600"``) of the files.

A delivery with an envelope gets ``Return-Path:`` and ``Envelope-To:`` in front; a raw one is kept
as it came. It is taken once the file lies in ``new`` and both are synced. The file's name holds
the packet's name and the transaction's number, so a delivery that is repeated after a crash
is recognised as long as the mail is still in ``new`` or ``cur``.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from gateway.egress import OneByOne
from gateway.errors import ConfigError
from gateway.mta import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.mail.envelope import Envelope
    from gateway.mta import Outcome

DEFAULT_MODE = 0o600
_KNOWN = ("path", "mode")
_ALREADY = "delivered before"
_sequence = count()


class MaildirEgress(OneByOne):
    """Writes into the Maildir of the handle."""

    name = "maildir"

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        """Yield the outcome of each; the folder is listed once for all of them."""
        return _Visit().deliver(deliveries)

    def check(self, handle: str, options: Mapping[str, object]) -> None:
        """Raise `ConfigError` (temporary) for the mistakes in a handle's own options."""
        _read(options, f"exec.{handle}")
        if unknown := [key for key in options if key not in _KNOWN]:
            raise ConfigError(
                [f"exec.{handle}: {key}: unknown key, expected path or mode" for key in unknown]
            )


class _Visit(OneByOne):
    """The deliveries of one packet."""

    def __init__(self) -> None:
        self._listed: dict[str, list[str]] = {}

    def deliver_one(self, delivery: Delivery) -> str:
        """Write one file.

        Raises:
            ConfigError: temporary; the options cannot be used.
            SpoolError: temporary; the disk refuses.
        """
        from gateway.spool import durable  # noqa: PLC0415 - only where something is delivered

        path, mode = _options(delivery)
        if self._is_there(path, mode, delivery):
            # What lies there was synced; whether its name was, a crash may have left open.
            durable.sync_directory(f"{path}/new")
            durable.sync_directory(f"{path}/cur")
            return _ALREADY
        name = _unique_name(delivery)
        part = os.path.join(path, "tmp", name)
        try:
            self._write(part, mode, delivery)
            durable.move(part, f"{path}/new/{name}", floor=path)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise
        return f"as {name}"

    def _is_there(self, path: str, mode: int, delivery: Delivery) -> bool:
        from gateway.spool import durable  # noqa: PLC0415 - as above

        if path not in self._listed:
            umask = ~(mode | (mode & 0o444) >> 2) & 0o777  # who may read a file may enter its folder
            for folder in ("tmp", "new", "cur"):
                durable.make_directories(f"{path}/{folder}", floor=path, umask=umask)
            self._listed[path] = [
                name for folder in ("new", "cur") for name in os.listdir(f"{path}/{folder}")
            ]
        mark = _mark(delivery)
        return any(mark in name for name in self._listed[path])

    def _write(self, part: str, mode: int, delivery: Delivery) -> None:
        from gateway.spool import durable  # noqa: PLC0415 - as above

        fd = durable.create(part, umask=~mode & 0o777)
        try:
            if delivery.envelope is not None:
                durable.write_all(fd, _trace(delivery.envelope), part)
            for chunk in delivery.message:
                durable.write_all(fd, chunk, part)
            durable.sync(fd, part)
        finally:
            os.close(fd)


def _options(delivery: Delivery) -> tuple[str, int]:
    return _read(delivery.options, f"handle {delivery.handle!r} of {delivery.sender_node}")


def _read(options: Mapping[str, object], where: str) -> tuple[str, int]:
    path, mode = options.get("path"), options.get("mode")
    if not isinstance(path, str) or not path.startswith("/"):
        raise ConfigError(f"{where}: path: not an absolute path: {path!r}")
    if mode is None:
        return path.rstrip("/"), DEFAULT_MODE
    try:
        return path.rstrip("/"), int(str(mode), 8) & 0o666
    except ValueError:
        raise ConfigError(f"{where}: mode: not octal digits: {mode!r}") from None


def _mark(delivery: Delivery) -> str:
    return f"_{delivery.packet}_{delivery.transaction}."


def _unique_name(delivery: Delivery) -> str:
    """Return a name that is new on this disk: time, what makes it unique, host."""
    now = time.time_ns()
    host = os.uname().nodename.replace("/", "\\057").replace(":", "\\072")
    unique = f"M{now // 1000 % 1_000_000}P{os.getpid()}Q{next(_sequence)}"
    return f"{now // 1_000_000_000}.{unique}{_mark(delivery)}{host}"


def _trace(envelope: Envelope) -> bytes:
    """Return the header lines that carry the envelope, as MTAs write them at final delivery."""
    recipients = ",\n\t".join(map(str, envelope.recipients))
    sender = f"Return-Path: <{envelope.sender}>\n" if envelope.sender.known else ""
    text = f"{sender}Envelope-To: {recipients}\n"
    return text.encode("utf-8", "surrogateescape")
