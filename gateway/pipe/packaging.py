"""The flags that `exec` and `submit` share: configuration, spool, nicenesses, sizes, relays."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from gateway.engine.draft import Order
from gateway.errors import UsageError
from gateway.packet import niceness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.config.model import Config

KIB = 1024

VALUES = {
    "config": "config",
    "cfg": "config",
    "spool": "spool",
    "log": "log",
    "nice": "nice",
    "replynice": "replynice",
    "minsize": "minsize",
    "maxsize": "maxsize",
    "via": "via",
}
SWITCHES = {
    "nocompress": "nocompress",
    "q": "quiet",
    "quiet": "quiet",
    "progress": "progress",
    "noprogress": "noprogress",
    "debug": "debug",
}

_ABOUT = ("-h", "-help", "--help", "-version", "--version", "-warranty", "--warranty")


def told_about(words: Sequence[str], usage: str) -> bool:
    """Say what the command is if that is the only thing asked for, and return whether it was.

    Beside other words it is a usage error: status 0 would make an MTA forget the mail.
    """
    if len(words) != 1 or words[0] not in _ABOUT:
        return False
    from gateway.pipe.about import about  # noqa: PLC0415 - never on a mail's way

    sys.stdout.write(about(usage))
    return True


def config_of(given: Mapping[str, str]) -> Config:
    """Load the configuration that the flags, the environment or the defaults name."""
    from gateway.config import load, locate  # noqa: PLC0415 - after the flags are known to be right

    return load(locate(given.get("config"), os.environ), spool=given.get("spool"), log=given.get("log"))


def standard_input() -> IO[bytes]:
    """Return standard input, which the caller may have left closed.

    Raises:
        UsageError: temporary; there is none.
    """
    if sys.stdin is None:
        msg = "standard input is closed: the message was expected there"
        raise UsageError(msg)
    return sys.stdin.buffer


def order_of(given: Mapping[str, str]) -> Order:
    """Return how packets are to be made.

    Raises:
        UsageError: temporary on the pipe path; names the flag.
    """
    via = given.get("via")
    return Order(
        niceness=_niceness(given, "nice", niceness.PRIORITY),
        reply_niceness=_niceness(given, "replynice", niceness.BULK),
        min_size=_kib(given, "minsize") or 0,
        max_size=_kib(given, "maxsize"),
        via=None if via is None else () if via == "-" else tuple(via.split(",")),
        compress="nocompress" not in given,
    )


def _niceness(given: Mapping[str, str], flag: str, default: int) -> int:
    if flag not in given:
        return default
    try:
        return niceness.parse(given[flag])
    except ValueError as error:
        msg = f"flag -{flag}: {error}"
        raise UsageError(msg) from error


def _kib(given: Mapping[str, str], flag: str) -> int | None:
    text = given.get(flag)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        msg = f"flag -{flag}: {text!r} is not a whole number of KiB"
        raise UsageError(msg)
    # Like NNCP's, 0 means no limit.
    return int(text) * KIB or None
