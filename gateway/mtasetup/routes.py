"""Routes as plugins' setup commands are told them, and as they stand in the gateway's configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gateway.errors import UsageError

__all__ = ["lmtp_lines", "neighbour_heading", "nodes_of", "read_routes", "route_lines"]

Routes = Sequence[tuple[str, str]]
"""Pairs of a domain, as the MTA writes it, and a node."""


def read_routes(given: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what ``--route DOMAIN=NODE`` says, however often it was given.

    Raises:
        UsageError: one is not written so.
    """
    pairs = []
    for text in given:
        domain, equals, node = text.partition("=")
        if not equals:
            msg = f"--route {text!r}: expected DOMAIN=NODE"
            raise UsageError(msg)
        pairs.append((domain, node))
    return tuple(pairs)


def nodes_of(routes: Routes, rest: str | None) -> tuple[str, ...]:
    """Return the nodes named, each once; `rest` is the one that gets everything else, if any."""
    return tuple(dict.fromkeys([*(node for _, node in routes), *([rest] if rest else [])]))


def neighbour_heading(node: str) -> str:
    """Return the heading of a neighbour's table (TOML)."""
    return f"[neigh.{node}]" if re.fullmatch(r"[A-Za-z0-9_-]+", node) else f'[neigh."{node}"]'


def route_lines(routes: Routes, rest: str | None) -> list[str]:
    """Return the lines of the table of routes (TOML); a domain stands there for all below it, too."""
    pairs = {domain.removeprefix("*.").removeprefix("."): node for domain, node in routes}
    if rest:
        pairs["*"] = rest
    return ["[routes]", *(f'"{domain}" = "{node}"' for domain, node in pairs.items())]


def lmtp_lines(socket: str, routes: Routes, rest: str | None, *, remarks: Sequence[str] = ()) -> str:
    """Return what an MTA that hands over by LMTP needs in the gateway's configuration (TOML)."""
    lines = [
        "[serve]",
        f'lmtp = "{socket}"',
        "",
        "# No node's name crosses LMTP. A domain stands for all below it, too.",
        *(f"# {remark}" for remark in remarks),
        *route_lines(routes, rest),
    ]
    return "\n".join(lines) + "\n"
