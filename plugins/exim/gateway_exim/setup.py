"""The Exim side of a node, as text: transport, router, trusted user, and where each goes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from gateway import MtaPiece, MtaPlan, lmtp_lines
from gateway_exim.lmtp_transport import LMTP_TRANSPORT, SOCKET, lmtp_block
from gateway_exim.transport import TRANSPORT, transport_block

if TYPE_CHECKING:
    from collections.abc import Mapping

Layout = Literal["split", "single", "plain"]
Way = Literal["bsmtp", "lmtp", "lmtp-command"]
"""How a message gets to the gateway: by a pipe, to the resident process, to a process of its own."""

_TEMPLATE = "/etc/exim4/exim4.conf.template"
_CONFIRM = "gateway exim check someone@far.example   # an address that should go through the gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(MtaPlan):
    """What is to be set up for Exim.

    `lookup` is a file of domains and nodes that Exim reads at every message. `socket` is where
    the resident process takes LMTP.
    """

    DOMAIN: ClassVar[re.Pattern[str]] = re.compile(r"(?:\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")
    PLACE: ClassVar[str] = "an Exim configuration"

    layout: Layout
    handle: str = "rsmtp"
    lookup: str | None = None
    way: Way = "bsmtp"
    socket: str = SOCKET

    def paths(self) -> Mapping[str, str | None]:
        """Return every path that is going to stand in Exim's configuration."""
        return {**MtaPlan.paths(self), "lookup file": self.lookup, "socket": self.socket}

    def ways(self) -> Mapping[str, object]:
        """Return what was said of where mail goes, by option."""
        return {**MtaPlan.ways(self), "--lookup": self.lookup}


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


def pieces(plan: Plan) -> list[MtaPiece]:
    """Return what goes into Exim's configuration, in the order in which Exim reads it."""
    found = []
    names = _NAMES[plan.layout]
    if plan.receive:
        found.append(
            MtaPiece(
                names[0],
                f"lets {plan.user} set the sender of mail that arrived; without it Exim silently\n"
                "puts the user's own address there, for bounces too",
                _trusted(plan),
            )
        )
    if plan.send:
        found.append(MtaPiece(names[1], "which mail goes to which node", routers(plan)))
        found.append(MtaPiece(names[2], "how a message is handed to the gateway", transport(plan)))
    return found


def transport(plan: Plan) -> str:
    """Return the transport."""
    if plan.way == "lmtp":
        return lmtp_block(user=plan.user, way=f"socket = {plan.socket}")
    if plan.way == "lmtp-command":
        return lmtp_block(user=plan.user, way=f"command = {plan.gateway} lmtp --node $host")
    return transport_block(user=plan.user, command=f"{plan.gateway} exec $host {plan.handle}")


def serve_lines(plan: Plan) -> str:
    """Return the sending side's lines for the gateway's own configuration (TOML), with a resident process."""
    remarks = [f"The domains of {plan.lookup} have to stand here as well."] if plan.lookup else []
    return lmtp_lines(plan.socket, plan.routes, plan.node, remarks=remarks)


def gateway_lines(plan: Plan) -> str:
    """Return the receiving side's lines for the gateway's own configuration (TOML)."""
    return plan.receiving_lines("exim", "-bS")


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
