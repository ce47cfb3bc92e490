"""The Postfix side of a node, as values: the pipe service, parameters, the table of routes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from gateway import MtaPlan, lmtp_lines
from gateway_postfix.service import (
    RECIPIENT_LIMIT,
    SERVICE,
    SOCKET,
    TIME_LIMIT,
    lmtp_block,
    lmtp_entry,
    service_argv,
    service_block,
    service_entry,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = "gateway_transport"
"""The file of routes, in Postfix's configuration directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(MtaPlan):
    """What is to be set up for Postfix.

    With `lmtp` mail goes to the resident process, at `socket`, and the gateway's own table says
    which node gets it.
    """

    DOMAIN: ClassVar[re.Pattern[str]] = re.compile(r"\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
    PLACE: ClassVar[str] = "a Postfix configuration"

    handle: str = "rsmtp"
    lmtp: bool = False
    socket: str = SOCKET

    def paths(self) -> Mapping[str, str | None]:
        """Return every path that is going to stand in Postfix's configuration."""
        return {**MtaPlan.paths(self), "socket": self.socket}

    @property
    def argv(self) -> str:
        """The service's command."""
        return service_argv(self.command, self.config)

    @property
    def entry(self) -> str:
        """The service on one line, as ``postconf -M`` takes it."""
        return lmtp_entry() if self.lmtp else service_entry(self.user, self.argv)

    @property
    def block(self) -> str:
        """The service as one writes it into ``master.cf``."""
        return lmtp_block() if self.lmtp else service_block(self.user, self.argv)

    def way(self, node: str) -> str:
        """Return what a route to a node says: transport and nexthop."""
        return f"{SERVICE}:unix:{self.socket}" if self.lmtp else f"{SERVICE}:{node}"


def parameters(plan: Plan, directory: str, present: dict[str, str]) -> dict[str, str]:
    """Return the parameters of ``main.cf`` that are to be set.

    `present` has the values of `EXTENDED` as they are now: what they list is kept.
    """
    values = {} if plan.lmtp else {f"{SERVICE}_time_limit": f"{TIME_LIMIT}s"}
    values[f"{SERVICE}_destination_recipient_limit"] = str(RECIPIENT_LIMIT)
    if plan.routes:
        table = f"texthash:{directory}/{TABLE}"
        for name in EXTENDED:
            words = present.get(name, "").strip()
            if table in re.split(r"[,\s]+", words):
                values[name] = words
            else:
                values[name] = f"{table}, {words}" if words else table
    if plan.node:
        values["default_transport"] = plan.way(plan.node)
    return values


EXTENDED = ("transport_maps", "relay_domains")
"""Parameters that are lists: our table is put in front of what is there."""


def table(plan: Plan) -> str:
    """Return the table of routes: transport_maps takes its values, relay_domains its keys."""
    lines = [
        f"# {'far.example':<19} {plan.way('NODE')}     this domain",
        f"# {'.far.example':<19} {plan.way('NODE')}     all below it",
        *(f"{domain:<19} {plan.way(node)}" for domain, node in plan.routes),
    ]
    return "\n".join(lines) + "\n"


def serve_lines(plan: Plan) -> str:
    """Return the sending side's lines for the gateway's own configuration (TOML), with a resident process."""
    return lmtp_lines(plan.socket, plan.routes, plan.node)


def gateway_lines(plan: Plan) -> str:
    """Return the receiving side's lines for the gateway's own configuration (TOML)."""
    return plan.receiving_lines("postfix")


def next_steps(plan: Plan) -> list[str]:
    """Return what is left to do, one shell line or sentence each."""
    steps = []
    if plan.send and plan.lmtp:
        folder = plan.socket.rpartition("/")[0]
        # Postfix's client has no other groups: the directory has to give the socket its own.
        steps.append(f"install -d -o {plan.user} -g postfix -m 2750 {folder}   # before `gateway serve`")
    steps.append("postfix reload")
    if plan.send:
        steps.append("gateway postfix check someone@far.example   # an address for the gateway")
    if plan.receive:
        steps.append("message_size_limit bounds what is received too: postconf message_size_limit")
    return steps
