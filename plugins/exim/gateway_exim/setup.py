"""The Exim side of a node, as text: transport, router, trusted user, and where each goes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gateway import UsageError, lmtp_lines, neighbour_heading, nodes_of
from gateway_exim.lmtp_transport import LMTP_TRANSPORT, SOCKET, lmtp_block
from gateway_exim.transport import TRANSPORT, transport_block

Layout = Literal["split", "single", "plain"]
Way = Literal["bsmtp", "lmtp", "lmtp-command"]
"""How a message gets to the gateway: by a pipe, to the resident process, to a process of its own."""

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DOMAIN = re.compile(r"(?:\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")
_PATH = re.compile(r"/[A-Za-z0-9._+/@%,=-]*")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

_TEMPLATE = "/etc/exim4/exim4.conf.template"
_CONFIRM = "gateway exim check someone@far.example   # an address that should go through the gateway"


class Piece(NamedTuple):
    """A text and its place: a file's name below the target directory, or a block's title."""

    name: str
    purpose: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be set up.

    `node` gets everything that is not local and has no route; `routes` are (domain, node)
    pairs, the domain Exim's way (``*.uucp.example`` for all below); `lookup` is a file of
    such pairs read by Exim at every message. `socket` is where the resident process takes LMTP.

    Raises:
        UsageError: temporary; a name that Exim would read as something else, or no way to
            any node.
    """

    layout: Layout
    user: str
    command: str
    handle: str = "rsmtp"
    node: str | None = None
    routes: tuple[tuple[str, str], ...] = ()
    lookup: str | None = None
    config: str | None = None
    sendmail: str = "/usr/sbin/sendmail"
    send: bool = True
    receive: bool = True
    way: Way = "bsmtp"
    socket: str = SOCKET

    def __post_init__(self) -> None:
        for what, text, pattern in [
            ("node", self.node, _NODE),
            ("user", self.user, _WORD),
            ("handle", self.handle, _WORD),
            ("command", self.command, _PATH),
            ("sendmail", self.sendmail, _PATH),
            ("configuration", self.config, _PATH),
            ("lookup file", self.lookup, _PATH),
            ("socket", self.socket, _PATH),
            *(("domain", domain, _DOMAIN) for domain, _ in self.routes),
            *(("node", node, _NODE) for _, node in self.routes),
        ]:
            if text is not None and not pattern.fullmatch(text):
                relative = pattern is _PATH and not text.startswith("/")
                advice = "; give the whole path, from / on" if relative else ""
                msg = f"{what} {text!r}: cannot stand in an Exim configuration{advice}"
                raise UsageError(msg)
        if self.send and not (self.node or self.routes or self.lookup):
            msg = "name the node that gets the mail: --node, --route or --lookup"
            raise UsageError(msg)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes named, each once."""
        return nodes_of(self.routes, self.node)


def detect_layout(directory: str = "/etc/exim4") -> Layout:
    """Return how the Exim of this machine is configured; ``plain`` unless it is Debian's way."""
    if os.path.isdir(f"{directory}/conf.d") or os.path.isfile(f"{directory}/exim4.conf.template"):
        try:
            with open(f"{directory}/update-exim4.conf.conf", encoding="utf-8", errors="replace") as file:
                split = re.search(r"^\s*dc_use_split_config=['\"]?true", file.read(), re.MULTILINE)
        except OSError:
            return "split" if os.path.isdir(f"{directory}/conf.d") else "single"
        return "split" if split else "single"
    return "plain"


def pieces(plan: Plan) -> list[Piece]:
    """Return what goes into Exim's configuration, in the order in which Exim reads it."""
    found = []
    names = _NAMES[plan.layout]
    if plan.receive:
        found.append(
            Piece(
                names[0],
                f"lets {plan.user} set the sender of mail that arrived; without it Exim silently\n"
                "puts the user's own address there, for bounces too",
                _trusted(plan),
            )
        )
    if plan.send:
        found.append(Piece(names[1], "which mail goes to which node", routers(plan)))
        found.append(Piece(names[2], "how a message is handed to the gateway", transport(plan)))
    return found


def transport(plan: Plan) -> str:
    """Return the transport."""
    if plan.way == "lmtp":
        return lmtp_block(user=plan.user, way=f"socket = {plan.socket}")
    if plan.way == "lmtp-command":
        return lmtp_block(user=plan.user, way=f"command = {_program(plan)} lmtp --node $host")
    return transport_block(user=plan.user, command=f"{_program(plan)} exec $host {plan.handle}")


def serve_lines(plan: Plan) -> str:
    """Return the sending side's lines for the gateway's own configuration (TOML), with a resident process."""
    remarks = [f"The domains of {plan.lookup} have to stand here as well."] if plan.lookup else []
    return lmtp_lines(plan.socket, plan.routes, plan.node, remarks=remarks)


def gateway_lines(plan: Plan) -> str:
    """Return the receiving side's lines for the gateway's own configuration (TOML)."""
    lines = ["# What a neighbour may run here. Repeat for each that may send mail."]
    for node in plan.nodes or ("NODE",):
        lines += [
            neighbour_heading(node),
            f'exec.{plan.handle} = {{ egress = "exim", command = ["{plan.sendmail}", "-bS"] }}',
        ]
    return "\n".join(lines) + "\n"


def lookup_lines(plan: Plan) -> str:
    """Return the start of the lookup file."""
    lines = [
        "# domain: node              this domain only",
        "# *.uucp.example: node      the domain and all below",
    ]
    lines += [f"{domain}: {node}" for domain, node in plan.routes]
    return "\n".join(lines) + "\n"


def next_steps(plan: Plan) -> list[str]:
    """Return what is left to do, one shell line or sentence each."""
    steps = []
    if plan.layout == "single":
        if plan.receive:
            steps.append("append gateway.macros to /etc/exim4/exim4.conf.localmacros")
        if plan.send:
            steps += [
                f"in {_TEMPLATE}, before `### router/200_exim4-config_primary`: gateway.router",
                "there, after `### end transport/10_exim4-config_transport-macros`: gateway.transport",
            ]
    if plan.layout == "plain":
        if plan.receive:
            steps.append("in Exim's configuration, before the first `begin`: gateway.macros")
        if plan.send:
            steps += [
                "after `begin routers`, before any router that takes remote domains: gateway.router",
                "after `begin transports`: gateway.transport",
                "`begin retry` needs a rule (without one the first deferral is a bounce), such as:",
                "* * F,2h,15m; G,16h,1h,1.5; F,4d,6h",
            ]
        steps += ["exim -bV   # reads it and names the line of a mistake", "restart Exim"]
    else:
        steps += ["update-exim4.conf", "systemctl restart exim4"]
    if plan.send:
        steps.append(_CONFIRM)
    return steps


def routers(plan: Plan) -> str:
    """Return the routers: the lookup first, then routes and the node that gets the rest."""
    text = ""
    name = TRANSPORT if plan.way == "bsmtp" else LMTP_TRANSPORT
    if plan.lookup:
        text += _ROUTER.format(
            comment=f"# Domains that {plan.lookup} names; a miss falls through to the next router.",
            name="gateway_nodes",
            way=f"route_data = ${{lookup{{$domain}}partial-lsearch{{{plan.lookup}}}}}",
            transport=name,
            last="",
        )
    if plan.node or (plan.routes and not plan.lookup):
        routes = [] if plan.lookup else [f"{domain} {node}" for domain, node in plan.routes]
        routes += [f"* {plan.node}"] if plan.node else []
        text += ("\n" if text else "") + _ROUTER.format(
            comment=f"# {'Everything that is not local.' if plan.node else 'These domains only.'}",
            name="gateway_node",
            way="route_list = " + " ; ".join(routes),
            transport=name,
            last="  no_more\n" if plan.node else "",
        )
    return text


_ROUTER = """\
{comment}
{name}:
  debug_print = "R: {name} for $local_part@$domain"
  driver = manualroute
  domains = ! +local_domains
  {way}
  transport = {transport}
  same_domain_copy_routing = yes
{last}"""

_NAMES: dict[str, tuple[str, str, str]] = {
    "split": (
        "conf.d/main/01_exim4-config_local-gateway",
        "conf.d/router/180_exim4-config_local-gateway",
        "conf.d/transport/40_exim4-config_local-gateway",
    ),
    "single": ("gateway.macros", "gateway.router", "gateway.transport"),
    "plain": ("gateway.macros", "gateway.router", "gateway.transport"),
}


def _trusted(plan: Plan) -> str:
    if plan.layout == "plain":
        return f"# Add to the list if there is one already.\ntrusted_users = {plan.user}\n"
    return f"""\
.ifdef MAIN_TRUSTED_USERS
MAIN_TRUSTED_USERS == MAIN_TRUSTED_USERS : {plan.user}
.else
MAIN_TRUSTED_USERS = uucp : {plan.user}
.endif
"""


def _program(plan: Plan) -> str:
    return f"{plan.command} --config {plan.config}" if plan.config else plan.command
