"""Brings the egress ``smtp``, which speaks SMTP or LMTP to a program or an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.hookspecs import hookimpl

if TYPE_CHECKING:
    from gateway.defaults.smtp_egress import SmtpEgress


@hookimpl
def gateway_register_egress() -> SmtpEgress:
    """Bring the egress ``smtp``."""
    from gateway.defaults.smtp_egress import SmtpEgress  # noqa: PLC0415 - only where something is delivered

    return SmtpEgress()
