"""Brings the egress ``command``, which runs a program for each delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.hookspecs import hookimpl

if TYPE_CHECKING:
    from gateway.defaults.command_egress import CommandEgress


@hookimpl
def gateway_register_egress() -> CommandEgress:
    """Bring the egress ``command``."""
    from gateway.defaults.command_egress import CommandEgress  # noqa: PLC0415 - only where something is delivered

    return CommandEgress()
