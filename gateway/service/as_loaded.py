"""Whether the files of a configuration still say what a resident process works by."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.config import load
from gateway.errors import GatewayError
from gateway.request.handover import stamp_of

if TYPE_CHECKING:
    from gateway.config.model import Config

__all__ = ["AsLoaded"]


class AsLoaded:
    """The files behind a configuration, as they were when they said what it says.

    They are read once more for that, after they were looked at: what changes from then on
    shows, and so does what came between the first reading and this one, or what a spool
    named on our command line makes different from what others read in the file.
    """

    def __init__(self, config: Config) -> None:
        files = [config.path, *config.key_files]
        self._path = config.path
        try:
            self._stamps = {file: _stamp(file) for file in files}
            # Where we listen, and with how many threads we deliver, changes nothing for pipe commands.
            self._same = load(config.path, environ={})._replace(serve=config.serve) == config
        except (GatewayError, OSError):
            self._same = False

    def holds(self, path: str, stamp: str) -> bool:
        """Return whether who reads `path`, with that stamp, and its keys, reads what we work by."""
        if not self._same or path != self._path or stamp != self._stamps[path]:
            return False
        try:
            return all(_stamp(file) == known for file, known in self._stamps.items())
        except OSError:
            return False


def _stamp(file: str) -> str:
    return stamp_of(os.stat(file))
