"""What a value of the configuration may be: each reader returns it converted.

All raise ValueError whose text says what was expected; the caller knows the key.
"""

from __future__ import annotations

import re

_MAX_UMASK = 0o777
# Patterns as text are compiled when first used, not once a message.
_OCTAL = r"[0-7]{1,4}"
_TCP = r"(?a:(\[[0-9A-Za-z:.%_-]*\]|[^\s\[\]:/|]*):([0-9]{1,5}))"
_LOOPBACK = r"(?a:127(\.\d{1,3}){3})"
_SEPARATOR = r"[!#$%&*+/=?^_`{|}~-]{1,8}"
_MAX_PORT = 65535
_LONG_KEY_SIZE = 64


def text(value: object) -> str:
    """Read text."""
    if not isinstance(value, str):
        msg = f"text was expected, not {_named(value)}"
        raise ValueError(msg)
    if "\0" in value:
        msg = "text without NUL was expected"
        raise ValueError(msg)
    return value


def flag(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        msg = f"true or false was expected, not {_named(value)}"
        raise ValueError(msg)
    return value


def integer(value: object) -> int:
    """Read a whole number; 1e2 is one too, as it is to NNCP."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"a whole number was expected, not {_named(value)}"
        raise ValueError(msg)
    return value


def count(value: object) -> int:
    """Read a whole number, zero or greater."""
    number = integer(value)
    if number < 0:
        msg = "a number of at least 0 was expected"
        raise ValueError(msg)
    return number


def positive(value: object) -> int:
    """Read a whole number greater than zero."""
    number = integer(value)
    if number < 1:
        msg = "a number of at least 1 was expected"
        raise ValueError(msg)
    return number


def words(value: object) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, list):
        msg = f"a list of texts was expected, not {_named(value)}"
        raise ValueError(msg)
    return tuple(text(item) for item in value)


class OneOf:
    """A reader of one of the words in `known`."""

    __slots__ = ("known",)

    def __init__(self, *known: str) -> None:
        self.known = known

    def __call__(self, value: object) -> str:
        """Read one of them."""
        if value not in self.known:
            msg = "one of " + ", ".join(f'"{word}"' for word in self.known) + " was expected"
            raise ValueError(msg)
        return text(value)


direction = OneOf("rx", "tx")


def absolute_path(value: object) -> str:
    """Read an absolute path."""
    path = text(value)
    if not path.startswith("/"):
        msg = "an absolute path was expected"
        raise ValueError(msg)
    return path


def umask(value: object) -> int:
    """Read a umask, octal text such as ``"007"``."""
    if not isinstance(value, str) or not re.fullmatch(_OCTAL, value) or int(value, 8) > _MAX_UMASK:
        msg = 'octal text was expected, such as "007"'
        raise ValueError(msg)
    return int(value, 8)


def key(value: object) -> bytes:
    """Read 32 bytes in base32 (NNCP SPEC 1)."""
    return _base32(value, 32)


def key_text(value: object) -> str:
    """Read 32 bytes in base32 and return the text, for keys that are only passed on."""
    key(value)
    return text(value)


def long_key(value: object) -> bytes:
    """Read 64 bytes in base32: a private signing key with its public half."""
    return _base32(value, _LONG_KEY_SIZE)


def _base32(value: object, size: int) -> bytes:
    from gateway.packet.identity import decode  # noqa: PLC0415 - what checks no keys needs no packet layer

    written = text(value)
    try:
        return decode(written, size)
    except ValueError as wrong:
        msg = f"{size} bytes in base32 were expected: {wrong}"
        raise ValueError(msg) from wrong


def niceness(value: object) -> str:
    """Read a niceness and return it as NNCP writes it, text."""
    from gateway.packet.niceness import parse  # noqa: PLC0415 - few files have one

    written = text(value)
    parse(written)
    return written


def node_name(value: object) -> str:
    """Read a name for a node: one that no command line takes for something else."""
    name = text(value)
    if not name or name[0] == "-" or not name.isprintable() or any(char in " ,:/|" for char in name):
        msg = "a name without white space and , : / | was expected, not beginning with -"
        raise ValueError(msg)
    return name


def durations(value: object) -> tuple[float, ...]:
    """Read a list of durations, at least one [s]."""
    if not isinstance(value, list) or not value:
        msg = 'a list of durations was expected, such as ["1m", "5m", "1h"]'
        raise ValueError(msg)
    return tuple(duration(item) for item in value)


def duration(value: object) -> float:
    """Read a duration, text or a number [s]."""
    from gateway.config import units  # noqa: PLC0415 - NNCP's files have none

    return units.duration(value)


def size(value: object) -> int:
    """Read a size, text or a number [bytes]."""
    from gateway.config import units  # noqa: PLC0415 - NNCP's files have none

    return units.size(value)


def globs(value: object) -> tuple[str, ...]:
    """Read a list of globs for addresses; ``<>`` is the null sender."""
    patterns = words(value)
    for pattern in patterns:
        if pattern == "<>":
            continue
        if not pattern or not pattern.isprintable() or " " in pattern:
            msg = f'{pattern!r} is no address glob; write it as "*@example.org", "user@*" or "<>"'
            raise ValueError(msg)
        if "@" not in pattern and "*" not in pattern and pattern.lower() != "postmaster":
            msg = f'"{pattern}" matches no address; did you mean "*@{pattern}"?'
            raise ValueError(msg)
    return patterns


def tcp_address(value: object) -> str:
    """Read ``HOST:PORT`` or ``[V6]:PORT``."""
    address = text(value)
    found = re.fullmatch(_TCP, address)
    if found is None or int(found[2]) > _MAX_PORT:
        msg = 'HOST:PORT was expected, such as "[::]:5400"'
        raise ValueError(msg)
    return address


def any_address(value: object) -> str:
    """Read the absolute path of a Unix socket, or ``HOST:PORT``."""
    if isinstance(value, str) and value.startswith("/"):
        return absolute_path(value)
    try:
        return tcp_address(value)
    except ValueError:
        msg = "the absolute path of a socket or HOST:PORT was expected"
        raise ValueError(msg) from None


def local_address(value: object) -> str:
    """Read the same, of this machine only: there is nobody behind it who asks for a password."""
    address = any_address(value)
    host = address.rpartition(":")[0]
    if address.startswith("/") or host in ("localhost", "[::1]") or re.fullmatch(_LOOPBACK, host):
        return address
    msg = "other machines could reach it: a path, 127.0.0.1:PORT or [::1]:PORT was expected"
    raise ValueError(msg)


def separator(value: object) -> str:
    """Read what separates an extension from a local part, such as ``"+"``."""
    written = text(value)
    if not re.fullmatch(_SEPARATOR, written):
        msg = 'what may stand in an address before a node\'s name was expected, such as "+" or "--"'
        raise ValueError(msg)
    return written


def cron(value: object) -> str:
    """Read a cron expression and return its text."""
    from gateway.config.cron import parse  # noqa: PLC0415 - few files have calls

    expression = text(value)
    parse(expression)
    return expression


def _named(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"a {type(value).__name__}"
