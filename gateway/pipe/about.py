"""Who we are: the version, from the installed distribution."""

from __future__ import annotations


def version() -> str:
    """Return the version of the installed distribution."""
    from importlib.metadata import version as of  # noqa: PLC0415 - slow to import, wanted once

    return of("mailgateway")
