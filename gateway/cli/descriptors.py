"""How many files a process that holds many sessions may have open."""

from __future__ import annotations

import resource
from contextlib import suppress

_DESCRIPTORS = 32768


def allow_descriptors() -> None:
    """Take as many open files as we may have: a busy session needs some 140."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
