"""The routing table of the configuration: a recipient's domain decides which node gets the mail.

A domain in ``[routes]`` stands for itself and for every domain below it; the longest one that
matches wins, ``*`` takes the rest. Case does not count, and neither does whether a name is
written in Unicode or as ``xn--``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.config.model import Config
    from gateway.mail.envelope import Envelope

REST = "*"


@hookimpl
def gateway_route(envelope: Envelope, config: Config) -> str | None:
    """Return the node that the table names for the recipient, or None."""
    if not config.routes:
        return None
    table = _table(config.routes)
    domain = envelope.recipients[0].ascii_domain()
    return next((table[key] for key in _keys(domain) if key in table), None)


def _keys(domain: str | None) -> Iterator[str]:
    """Yield what may stand in the table for a domain, the longest first."""
    rest = (domain or "").lower().rstrip(".")
    if rest.startswith("["):
        yield rest
        rest = ""
    while rest:
        yield rest
        rest = rest.partition(".")[2]
    yield REST


def _table(routes: Mapping[str, str]) -> dict[str, str]:
    return {_folded(domain): node for domain, node in routes.items()}


def _folded(domain: str) -> str:
    domain = domain.lower().rstrip(".")
    if domain.isascii():
        return domain
    from gateway.errors import Malformed  # noqa: PLC0415 - only for names in Unicode
    from gateway.mail.address import to_ascii  # noqa: PLC0415 - as above

    try:
        return to_ascii(domain).lower()
    except Malformed:
        return domain  # no recipient has such a domain
