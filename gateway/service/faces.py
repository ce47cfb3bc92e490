"""What the service shows of itself: metrics for Prometheus, and a page for people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.engine.ground import self_name
from gateway.service.supervisor import Duty

if TYPE_CHECKING:
    from gateway.service.counts import Counts
    from gateway.service.ground import Ground
    from gateway.service.sockets import Sockets
    from gateway.service.stock import StockTaking

__all__ = ["faces"]


def faces(ground: Ground, counts: Counts, sockets: Sockets) -> Iterator[Duty]:
    """Yield what the configuration asks for; nothing of it is loaded where it asks for nothing.

    Raises:
        GatewayError: temporary; an address cannot be had.
        UsageError: a library is not installed.
    """
    serve = ground.config.serve
    if serve.metrics or serve.status:
        from gateway.service import stock as taking  # noqa: PLC0415 - only where somebody looks

        stock = taking.StockTaking(ground.config, ground.spool)
        if serve.metrics:
            yield _metrics(ground, counts, sockets, stock, serve.metrics)
        if serve.status:
            yield _status(ground, sockets, stock, serve.status)


def _metrics(ground: Ground, counts: Counts, sockets: Sockets, stock: StockTaking, address: str) -> Duty:
    from gateway.service.metrics import CONTENT_TYPE, exposition  # noqa: PLC0415 - only where it is asked for

    make = exposition(stock.stock, counts.numbers)
    if address.startswith("/"):
        from gateway.service.metrics_file import MetricsFile  # noqa: PLC0415 - as above

        return Duty("metrics", lambda: MetricsFile(address, make))
    from gateway.service.pages import Page, Pages  # noqa: PLC0415 - as above

    listener = sockets.opened("metrics", address)
    pages = {"/metrics": Page(CONTENT_TYPE, make)}
    return Duty("metrics", lambda: Pages("metrics", listener, pages, say=ground.say))


def _status(ground: Ground, sockets: Sockets, stock: StockTaking, address: str) -> Duty:
    from gateway.service.overview import overview  # noqa: PLC0415 - only where it is asked for
    from gateway.service.pages import Page, Pages  # noqa: PLC0415 - as above
    from gateway.service.status_page import CONTENT_TYPE, page  # noqa: PLC0415 - as above

    def make() -> bytes:
        now = stock.stock()
        seen = overview(ground.config, ground.spool, now)
        return page(self_name(ground.config), seen, now, time.time())

    listener = sockets.opened("status", address)
    return Duty("status", lambda: Pages("status", listener, {"/": Page(CONTENT_TYPE, make)}, say=ground.say))
