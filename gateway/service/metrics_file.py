"""The part that writes the metrics into a file, for the node exporter's textfile collector."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.service.threads import in_thread
from gateway.spool.durable import replace_file

if TYPE_CHECKING:
    from gateway.service.part import Pulse

__all__ = ["MetricsFile"]

INTERVAL = 15.0
"""[s] Between two versions of the file."""


class MetricsFile:
    """Replaces a file again and again; whoever reads it sees one version whole."""

    name = "metrics"

    def __init__(self, path: str, make: Callable[[], bytes]) -> None:
        self._path = path
        self._make = make

    async def run(self, pulse: Pulse) -> None:
        """Write until cancelled; a file that cannot be written is a death, and told."""
        while True:
            await in_thread("metrics", self._write)
            pulse()
            await asyncio.sleep(INTERVAL)

    def _write(self) -> None:
        replace_file(self._path, self._make(), 0o644)
