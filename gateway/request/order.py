"""The flags that say how packets are made: nicenesses, sizes, relays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.engine.draft import Order
from gateway.errors import UsageError
from gateway.packet import niceness

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB = 1024


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
