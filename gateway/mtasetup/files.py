"""Files of an MTA's configuration that a plugin writes: all of them or none, and nobody's own unasked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from gateway.errors import GatewayError
from gateway.spool.durable import replace_file

__all__ = ["MtaFile", "write_mta_files"]


class MtaFile(NamedTuple):
    """One file as it is to be."""

    path: str
    text: str
    mode: int = 0o644

    def present(self) -> str | None:
        """Return what stands there now, or None."""
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return None


def write_mta_files(files: Sequence[MtaFile], *, force: bool, changed: Sequence[str] = ()) -> list[str]:
    """Write those that are not there as they are to be, making their folders; return their paths.

    `changed` are what else was found with other content, in words. `force` replaces all of it.

    Raises:
        GatewayError: temporary; something is there with other content, and `force` is not set.
    """
    present = {file.path: file.present() for file in files}
    new = [file for file in files if present[file.path] != file.text]
    others = [*changed, *(file.path for file in new if present[file.path] is not None)]
    if others and not force:
        msg = f"already there, with other content: {', '.join(others)}; --force replaces"
        raise GatewayError(msg)
    for file in new:
        os.makedirs(os.path.dirname(file.path), exist_ok=True)
        replace_file(file.path, file.text.encode(), file.mode)
    return [file.path for file in new]
