"""``gateway rmail setup`` and ``gateway rmail check``."""

from __future__ import annotations

import click


@click.group()
def rmail() -> None:
    """Set up, and check, the UUCP style of this node."""
