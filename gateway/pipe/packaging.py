"""What the pipe commands share: the page about them, the configuration, standard input."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING

from gateway.errors import UsageError
from gateway.request.words import ABOUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.config.model import Config


def told_about(words: Sequence[str], usage: str) -> bool:
    """Say what the command is if that is the only thing asked for, and return whether it was.

    Beside other words it is a usage error: status 0 would make an MTA forget the mail.
    """
    if len(words) != 1 or words[0] not in ABOUT:
        return False
    from gateway.pipe.about import about  # noqa: PLC0415 - never on a mail's way

    sys.stdout.write(about(usage))
    return True


def config_of(given: Mapping[str, str]) -> Config:
    """Load the configuration that the flags, the environment or the defaults name."""
    from gateway.config import load, locate  # noqa: PLC0415 - after the flags are known to be right

    return load(locate(given.get("config"), os.environ), spool=given.get("spool"), log=given.get("log"))


def standard_input() -> IO[bytes]:
    """Return standard input, which the caller may have left closed.

    Raises:
        UsageError: temporary; there is none.
    """
    if sys.stdin is None:
        msg = "standard input is closed: the message was expected there"
        raise UsageError(msg)
    return sys.stdin.buffer
