"""Brings the egress ``maildir``, which writes into a Maildir."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.hookspecs import hookimpl

if TYPE_CHECKING:
    from gateway.defaults.maildir_egress import MaildirEgress


@hookimpl
def gateway_register_egress() -> MaildirEgress:
    """Bring the egress ``maildir``."""
    from gateway.defaults.maildir_egress import MaildirEgress  # noqa: PLC0415 - only where something is delivered

    return MaildirEgress()
