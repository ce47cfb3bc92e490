"""The configuration's own mistakes: what is allowed in it, yet hardly meant; whose keys lie open."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from gateway.config.advice import open_key_files, warnings
from gateway.doctor.ailment import Ailment

if TYPE_CHECKING:
    from gateway.config.model import Config

_MODE = "whoever can read them can be us, and read our mail; whoever can change them can be in between"


def check(config: Config) -> Iterator[Ailment]:
    """Yield the open key files, then every warning of ``gateway config check``."""
    files = dict(open_key_files(config))
    for file, bits in files.items():
        mode = stat.S_IMODE(os.stat(file).st_mode)
        yield Ailment(
            file,
            f"private keys open to others (mode {mode:04o})",
            _MODE,
            f"chmod {mode & ~bits:04o} {file}",
            partial(os.chmod, file, mode & ~bits),
        )
    for line in warnings(config):
        place, _, text = line.partition(": ")
        if place not in files:
            yield Ailment(place, text, "it is allowed, and hardly meant", f"edit {place}")
