"""The UUCP style of a node, as text: what each MTA needs, and where it goes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gateway import UsageError, neighbour_heading, nodes_of, route_lines
from gateway_rmail.transport import SERVICE, TRANSPORT, exim_router, exim_transport, postfix_service
from gateway_rmail.wrappers import rmail_script, uux_script

Mta = Literal["exim", "exim-split", "postfix"]

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DOMAIN = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_PATH = re.compile(r"/[A-Za-z0-9._+/@%,=-]*")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Piece(NamedTuple):
    """A text and its place: a file's name below the target directory, its purpose, its mode.

    A script begins with its own first line, so nothing is put in front of it.
    """

    name: str
    purpose: str
    text: str
    script: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be set up.

    `node` gets everything that is not local and has no route; `routes` are (domain, node)
    pairs (``*.uucp.example`` for all below). `from_uucp` adds what a site needs that has UUCP.

    Raises:
        UsageError: temporary; a name that the MTA or a shell would read as something else, or
            no way to any node.
    """

    mta: Mta
    user: str
    command: str
    handle: str = "rmail"
    node: str | None = None
    routes: tuple[tuple[str, str], ...] = ()
    config: str | None = None
    sendmail: str = "/usr/sbin/sendmail"
    send: bool = True
    receive: bool = True
    from_uucp: bool = False

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
                relative = pattern is _PATH and not text.startswith("/")
                advice = "; give the whole path, from / on" if relative else ""
                msg = f"{what} {text!r}: cannot stand in an MTA's configuration{advice}"
                raise UsageError(msg)
        if self.send and not (self.node or self.routes):
            msg = "name the node that gets the mail: --node or --route"
            raise UsageError(msg)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes named, each once."""
        return nodes_of(self.routes, self.node)

    @property
    def gateway(self) -> str:
        """The gateway's program and what stands in front of its command's name."""
        return f"{self.command} --config {self.config}" if self.config else self.command


def detect_mta(etc: str = "/etc") -> Mta:
    """Return which MTA this machine has, by its configuration; Exim if none is seen."""
    if os.path.isdir(f"{etc}/exim4/conf.d"):
        return "exim-split"
    exim = os.path.isdir(f"{etc}/exim4") or os.path.isdir(f"{etc}/exim")
    return "postfix" if os.path.isfile(f"{etc}/postfix/main.cf") and not exim else "exim"


def pieces(plan: Plan) -> list[Piece]:
    """Return what goes into the MTA's configuration, and the scripts, if any."""
    found = _postfix(plan) if plan.mta == "postfix" else _exim(plan)
    if plan.from_uucp:
        found += [
            Piece("rmail", "for what still runs rmail", rmail_script(plan.gateway), script=True),
            Piece("uux", "for what still calls uux", uux_script(plan.gateway), script=True),
        ]
    return found


def gateway_lines(plan: Plan) -> str:
    """Return the lines for the gateway's own configuration (TOML)."""
    lines = []
    for node in plan.nodes or ("NODE",):
        lines.append(neighbour_heading(node))
        if plan.receive:
            lines.append(f'exec.{plan.handle} = {{ egress = "rmail", command = ["{plan.sendmail}"] }}')
        if plan.from_uucp and plan.send:
            lines.append(f'mail = {{ form = "rmail", handle = "{plan.handle}" }}')
    if plan.from_uucp and plan.send:
        lines += route_lines(plan.routes, plan.node)
    return "\n".join(lines) + "\n"


def next_steps(plan: Plan) -> list[str]:
    """Return what is left to do, one shell line or sentence each."""
    steps = list(_MIGRATION) if plan.from_uucp else []
    if plan.mta == "postfix" and plan.send:
        steps += [
            f"append {SERVICE}.master.cf to /etc/postfix/master.cf",
            f"append {SERVICE}.transport to /etc/postfix/transport; postmap /etc/postfix/transport",
            "postconf -e 'transport_maps = hash:/etc/postfix/transport'   # keep what is there",
            "postfix reload",
        ]
    elif plan.mta == "exim-split":
        steps += ["update-exim4.conf", "systemctl restart exim4"]
    elif plan.mta == "exim":
        if plan.receive:
            steps.append(f"in Exim's configuration, before the first `begin`: {TRANSPORT}.macros")
        if plan.send:
            steps += [
                f"after `begin routers`, before any router that takes remote domains: {TRANSPORT}.router",
                f"after `begin transports`: {TRANSPORT}.transport",
            ]
        steps += ["exim -bV   # reads it and names the line of a mistake", "restart Exim"]
    if plan.receive:
        steps.append("gateway rmail check")
    return steps


_MIGRATION = (
    "at both ends: gateway init, and gateway node add with the other's block",
    "at the receiving end: the exec line above; gateway rmail check; gateway toss by a timer",
    "here: the transport, in the place of the one that calls uux; what is in UUCP's queue stays there",
    'carry packets: gateway call through the same ssh (addrs.ssh = "|ssh ..."), or gateway xfer',
    "send a message; see it at the far side",
    "uustat -a   # until it is empty UUCP goes on calling, and what it brings runs rmail as ever",
    "then take away uucico's calls, its ssh key, and uux and rmail, or put these scripts in their place",
)


def _exim(plan: Plan) -> list[Piece]:
    split = plan.mta == "exim-split"
    found = []

    def name(kind: str, place: str) -> str:
        return f"conf.d/{place}_exim4-config_local-gateway-rmail" if split else f"{TRANSPORT}.{kind}"

    if plan.receive:
        purpose = f"lets {plan.user} set the sender of mail that arrived; else Exim refuses all of it"
        found.append(Piece(name("macros", "main/01"), purpose, _trusted(plan, split=split)))
    if plan.send:
        ways = [f"{domain} {node}" for domain, node in plan.routes]
        ways += [f"* {plan.node}"] if plan.node else []
        router = exim_router(" ; ".join(ways), last=plan.node is not None)
        found.append(Piece(name("router", "router/180"), "which mail goes to which node", router))
        transport = exim_transport(user=plan.user, command=f"{plan.gateway} exec $host {plan.handle}")
        found.append(
            Piece(name("transport", "transport/40"), "how a message is handed to the gateway", transport)
        )
    return found


def _trusted(plan: Plan, *, split: bool) -> str:
    if not split:
        return f"# Add to the list if there is one already.\ntrusted_users = {plan.user}\n"
    return f"""\
.ifdef MAIN_TRUSTED_USERS
MAIN_TRUSTED_USERS == MAIN_TRUSTED_USERS : {plan.user}
.else
MAIN_TRUSTED_USERS = uucp : {plan.user}
.endif
"""


def _postfix(plan: Plan) -> list[Piece]:
    if not plan.send:
        return []
    service = postfix_service(user=plan.user, command=f"{plan.gateway} exec ${{nexthop}} {plan.handle}")
    lines = [f"{domain.removeprefix('*')} {SERVICE}:{node}" for domain, node in plan.routes]
    lines += [f"* {SERVICE}:{plan.node}"] if plan.node else []
    return [
        Piece(f"{SERVICE}.master.cf", "how a message is handed to the gateway", service),
        Piece(f"{SERVICE}.transport", "which mail goes to which node", "\n".join(lines) + "\n"),
    ]
