"""The Postfix side of a node, as values: the pipe service, parameters, the table of routes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway import UsageError
from gateway_postfix.service import RECIPIENT_LIMIT, SERVICE, TIME_LIMIT, service_argv

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
    pairs, the domain Postfix's way (``.uucp.example`` for all below).

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

    def __post_init__(self) -> None:
        for what, text, pattern in [
            ("node", self.node, _NODE),
            ("user", self.user, _WORD),
            ("handle", self.handle, _WORD),
            ("command", self.command, _PATH),
            ("sendmail", self.sendmail, _PATH),
            ("configuration", self.config, _PATH),
            *(("domain", domain, _DOMAIN) for domain, _ in self.routes),
            *(("node", node, _NODE) for _, node in self.routes),
        ]:
            if text is not None and not pattern.fullmatch(text):
                msg = f"{what} {text!r}: cannot stand in a Postfix configuration"
                raise UsageError(msg)
        if self.send and not (self.node or self.routes):
            msg = "name the node that gets the mail: --node or --route"
            raise UsageError(msg)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes named, each once."""
        named = [*(node for _, node in self.routes), *([self.node] if self.node else [])]
        return tuple(dict.fromkeys(named))

    @property
    def argv(self) -> str:
        """The service's command."""
        return service_argv(self.command, self.config)


def parameters(plan: Plan, directory: str, present: dict[str, str]) -> dict[str, str]:
    """Return the parameters of ``main.cf`` that are to be set.

    `present` has the values of `EXTENDED` as they are now: what they list is kept.
    """
    values = {
        f"{SERVICE}_time_limit": f"{TIME_LIMIT}s",
        f"{SERVICE}_destination_recipient_limit": str(RECIPIENT_LIMIT),
    }
    if plan.routes:
        table = f"texthash:{directory}/{TABLE}"
        for name in EXTENDED:
            words = present.get(name, "").strip()
            if table in re.split(r"[,\s]+", words):
                values[name] = words
            else:
                values[name] = f"{table}, {words}" if words else table
    if plan.node:
        values["default_transport"] = f"{SERVICE}:{plan.node}"
    return values


EXTENDED = ("transport_maps", "relay_domains")
"""Parameters that are lists: our table is put in front of what is there."""


def table(plan: Plan) -> str:
    """Return the table of routes: transport_maps takes its values, relay_domains its keys."""
    lines = [
        "# far.example       gateway:NODE     this domain",
        "# .far.example      gateway:NODE     all below it",
        *(f"{domain:<19} {SERVICE}:{node}" for domain, node in plan.routes),
    ]
    return "\n".join(lines) + "\n"


def gateway_lines(plan: Plan) -> str:
    """Return the receiving side's lines for the gateway's own configuration (TOML)."""
    lines = ["# What a neighbour may run here. Repeat for each that may send mail."]
    for node in plan.nodes or ("NODE",):
        lines += [
            f"[neigh.{node}]" if re.fullmatch(r"[A-Za-z0-9_-]+", node) else f'[neigh."{node}"]',
            f'exec.{plan.handle} = {{ egress = "postfix", command = ["{plan.sendmail}"] }}',
        ]
    return "\n".join(lines) + "\n"


def next_steps(plan: Plan) -> list[str]:
    """Return what is left to do, one shell line or sentence each."""
    steps = ["postfix reload"]
    if plan.send:
        steps.append("gateway postfix check someone@far.example   # an address for the gateway")
    if plan.receive:
        steps.append("message_size_limit bounds what is received too: postconf message_size_limit")
    return steps
