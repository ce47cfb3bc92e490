"""The journal's writer: a line for everything that happened, for ``gateway trace``.

Off with ``enabled = false`` in ``[plugin.journal]``. A journal that cannot be written fails
nothing: it is complained of once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from gateway.hookspecs import hookimpl
from gateway.journal.line import encode
from gateway.journal.place import place_of
from gateway.journal.segments import append

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.mta import Event

_complained: set[str] = set()


@hookimpl
def gateway_event(event: Event, config: Config) -> None:
    """Add the line.

    Raises:
        GatewayError: temporary; the journal cannot be written, once in a row.
    """
    try:
        place = place_of(config)
        if not place.enabled:
            return
        append(place, encode(event, time.time_ns()))
    except (OSError, GatewayError) as failure:
        if config.path not in _complained:
            _complained.add(config.path)
            if isinstance(failure, GatewayError):
                raise
            where = f"journal {place.path}"
            raise GatewayError(f"{where}: {failure.strerror or failure}") from failure
    else:
        _complained.discard(config.path)
