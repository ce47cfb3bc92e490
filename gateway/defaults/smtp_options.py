"""What a handle may say beside ``egress = "smtp"``."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.mta import Delivery

__all__ = ["Address", "Options", "options_of", "read"]

_HOST_PORT = re.compile(
    r"(?:\[(?P<literal>[0-9A-Fa-f:.]+(?:%\w+)?)\]|(?P<host>[A-Za-z0-9_.-]+)):(?P<port>[0-9]{1,5})"
)
_PORTS = range(1, 65536)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?|\[[0-9A-Za-z:.]+\]")
_KNOWN = ("address", "helo", "protocol")


class Address(NamedTuple):
    """Where a server listens: a host and port, or the `path` of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""


class Options(NamedTuple):
    """How to reach the server and what to speak; without an address the handle's command is run."""

    address: Address | None
    lmtp: bool
    helo: str


def options_of(delivery: Delivery) -> Options:
    """Return what the handle of a delivery says, checked.

    Raises:
        ConfigError: temporary; lists every mistake as ``exec.HANDLE: key: text``.
    """
    return read(delivery.options, delivery.handle, has_command=bool(delivery.command))


def read(table: Mapping[str, object], handle: str, *, has_command: bool) -> Options:
    """Return the options of a handle, checked; raises as `options_of` does."""
    where = f"exec.{handle}"
    mistakes = [
        f"{where}: {key}: unknown key, expected one of {', '.join(_KNOWN)}"
        for key in table
        if key not in _KNOWN
    ]
    address = _address(table["address"]) if "address" in table else None
    if "address" in table and address is None:
        mistakes.append(f'{where}: address: expected "host:port", "[ipv6]:port" or "unix:/path"')
    elif (address is None) == (not has_command):
        mistakes.append(f"{where}: address: expected either an address or a command")
    protocol = table.get("protocol", "smtp")
    if protocol not in ("smtp", "lmtp"):
        mistakes.append(f'{where}: protocol: expected "smtp" or "lmtp"')
    helo = table.get("helo", own_name())
    if not isinstance(helo, str) or not _NAME.fullmatch(helo):
        mistakes.append(f'{where}: helo: expected a host name such as "mail.example" or "[192.0.2.1]"')
        helo = ""
    if mistakes:
        raise ConfigError(mistakes)
    return Options(address, protocol == "lmtp", helo)


def own_name() -> str:
    """Return this host's name as far as a server takes it; the DNS is not asked."""
    name = os.uname().nodename
    return name if _NAME.fullmatch(name) else "localhost"


def _address(value: object) -> Address | None:
    if not isinstance(value, str):
        return None
    if value.startswith("unix:/") and "\0" not in value:
        return Address(path=value.removeprefix("unix:"))
    found = _HOST_PORT.fullmatch(value)
    if found is None or int(found["port"]) not in _PORTS:
        return None
    return Address(found["literal"] or found["host"], int(found["port"]))
