"""Forgetting what was delivered long ago: the marks in ``seen`` past their age."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.spool.clock import unset
from gateway.spool.layout import is_name
from gateway.spool.refusal import refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_BOXES = ("rx", "work", "hold", "trash")


def sweep(
    root: str, nodes: Iterable[str], before: float, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Remove the marks made before a time [unix s] whose packet lies nowhere; return how many.

    A packet that is still there, or has come again, keeps its mark: without one it would be
    delivered once more. A mark of a time before the clock was set becomes one of now.

    Raises:
        SpoolError: temporary; a directory cannot be read, or a mark not removed.
    """
    nodes, removed = list(nodes), 0
    for node in nodes:
        seen = f"{root}/{node}/rx/seen"
        with refusals(seen):
            try:
                entries = os.scandir(seen)
            except (FileNotFoundError, NotADirectoryError):
                continue
            with entries:
                for entry in entries:
                    if stopping():
                        return removed
                    if is_name(entry.name) and _past(entry, before) and not _lies(root, nodes, entry.name):
                        with suppress(FileNotFoundError):
                            os.unlink(entry.path)
                            removed += 1
    return removed


def _past(entry: os.DirEntry[str], before: float) -> bool:
    try:
        if not entry.is_file(follow_symlinks=False):
            return False
        made = entry.stat(follow_symlinks=False).st_mtime
        if unset(made, before):
            os.utime(entry.path, follow_symlinks=False)
            return False
    except FileNotFoundError:
        return False
    return made < before


def _lies(root: str, nodes: Iterable[str], name: str) -> bool:
    return any(os.path.lexists(f"{root}/{node}/{box}/{name}") for node in nodes for box in _BOXES)
