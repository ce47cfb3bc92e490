"""The Postfix side of a node, as values: the pipe service, parameters, the table of routes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway import UsageError, lmtp_lines, neighbour_heading, nodes_of
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

TABLE = "gateway_transport"
"""The file of routes, in Postfix's configuration directory."""

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DOMAIN = re.compile(r"\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_PATH = re.compile(r"/[A-Za-z0-9._+/@%,=-]*")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be set up.

    `node` gets everything that is not local and has no route; `routes` are (domain, node)
    pairs, the domain Postfix's way (``.uucp.example`` for all below). With `lmtp` mail goes to
    the resident process, at `socket`, and the gateway's own table says which node gets it.

    Raises:
        UsageError: temporary; a name that Postfix would read as something else, or no way to
            any node.
    """

    user: str
    command: str
    node: str | None = None
    routes: tuple[tuple[str, str], ...] = ()
    config: str | None = None
    sendmail: str = "/usr/sbin/sendmail"
    handle: str = "rsmtp"
    send: bool = True
    receive: bool = True
    lmtp: bool = False
    socket: str = SOCKET

    def __post_init__(self) -> None:
        for what, text, pattern in [
            ("node", self.node, _NODE),
            ("user", self.user, _WORD),
            ("handle", self.handle, _WORD),
            ("command", self.command, _PATH),
            ("sendmail", self.sendmail, _PATH),
            ("configuration", self.config, _PATH),
            ("socket", self.socket, _PATH),
            *(("domain", domain, _DOMAIN) for domain, _ in self.routes),
            *(("node", node, _NODE) for _, node in self.routes),
        ]:
            if text is not None and not pattern.fullmatch(text):
                relative = pattern is _PATH and not text.startswith("/")
                advice = "; give the whole path, from / on" if relative else ""
                msg = f"{what} {text!r}: cannot stand in a Postfix configuration{advice}"
                raise UsageError(msg)
        if self.send and not (self.node or self.routes):
            msg = "name the node that gets the mail: --node or --route"
            raise UsageError(msg)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes named, each once."""
        return nodes_of(self.routes, self.node)

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
    lines = ["# What a neighbour may run here. Repeat for each that may send mail."]
    for node in plan.nodes or ("NODE",):
        lines += [
            neighbour_heading(node),
            f'exec.{plan.handle} = {{ egress = "postfix", command = ["{plan.sendmail}"] }}',
        ]
    return "\n".join(lines) + "\n"


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
