"""What ends a session, and nothing but that session."""

from __future__ import annotations

from gateway.errors import GatewayError


class Breach(GatewayError):
    """The peer did what the sync protocol does not allow; the session is over, temporary."""
