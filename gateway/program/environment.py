"""Where programs are found, and the small environment they get."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

from gateway.errors import ProgramError

SAFE_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a program named without a slash is looked for, and the PATH it gets itself."""


def clean_environ(
    *, self_id: str, sender_id: str, niceness: int, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the complete environment of a program that handles a packet.

    ``NNCP_SELF`` and ``NNCP_SENDER`` are the ids (base32) of this node and of the one that
    signed the packet, ``NNCP_NICE`` the niceness in decimal: NNCP's three. ``PATH`` is
    `SAFE_PATH`, ``HOME`` the home directory of the user we run as (``/`` if it has none),
    ``LANG`` is ``C``, so that what is logged is what the manual page says. Nothing of our
    own environment passes; `extra` comes last and wins.
    """
    try:
        home = _home(os.geteuid())
    except KeyError:
        home = ""
    return {
        "NNCP_SELF": self_id,
        "NNCP_SENDER": sender_id,
        "NNCP_NICE": str(niceness),
        "PATH": SAFE_PATH,
        "HOME": home or "/",
        "LANG": "C",
        **(extra or {}),
    }


@lru_cache(maxsize=8)
def _home(uid: int) -> str:
    """Return a user's home directory, remembered; raises KeyError for a user that nobody knows."""
    import pwd  # noqa: PLC0415 - only where programs are run

    return pwd.getpwuid(uid).pw_dir


def find_program(name: str) -> str:
    """Return the absolute path of a program: as given, or found on `SAFE_PATH`.

    Raises:
        ProgramError: temporary; it is a relative path or on none of the directories.
    """
    if name.startswith("/"):
        return name
    if name and "/" not in name:
        for directory in SAFE_PATH.split(":"):
            path = f"{directory}/{name}"
            if os.access(path, os.X_OK) and os.path.isfile(path):
                return path
        msg = f"program {name!r}: not in {SAFE_PATH}"
    else:
        msg = f"program {name!r}: neither an absolute path nor a bare name"
    raise ProgramError(msg)
