"""Which plugins are installed: an own reader of ``entry_points.txt``.

`importlib.metadata` does the same, but importing it costs more than the rest of a pipe
command's start-up together.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

GROUP = "gateway"


class EntryPoint(NamedTuple):
    """One plugin that a distribution offers: its name, what to import, where it comes from."""

    name: str
    target: str
    origin: str
    """The distribution's directory name, such as ``mailgateway-0.1.0``."""


def installed(path: Sequence[str] | None = None) -> Iterator[EntryPoint]:
    """Yield the entry points of our group, those found first on the path first."""
    for folder in sys.path if path is None else path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in sorted(name for name in names if name.endswith((".dist-info", ".egg-info"))):
            yield from _of_distribution(folder, name)


def _of_distribution(folder: str, name: str) -> Iterator[EntryPoint]:
    try:
        with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return
    section = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section == GROUP and "=" in line and not line.startswith(("#", ";")):
            key, _, target = line.partition("=")
            # An extra in brackets after the target says what it needs, not what it is.
            yield EntryPoint(key.strip(), target.partition("[")[0].strip(), name.rpartition(".")[0])
