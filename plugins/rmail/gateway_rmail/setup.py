"""The UUCP style of a node, as text: what each MTA needs, and where it goes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from gateway import MtaPiece, MtaPlan, route_lines
from gateway_rmail.transport import SERVICE, TRANSPORT, exim_router, exim_transport, postfix_service
from gateway_rmail.wrappers import rmail_script, uux_script

Mta = Literal["exim", "exim-split", "postfix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(MtaPlan):
    """What is to be set up for mail in UUCP's way; `from_uucp` adds what a site needs that has UUCP."""

    DOMAIN: ClassVar[re.Pattern[str]] = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")

    mta: Mta
    handle: str = "rmail"
    from_uucp: bool = False


def detect_mta(etc: str = "/etc") -> Mta:
    """Return which MTA this machine has, by its configuration; Exim if none is seen."""
    if os.path.isdir(f"{etc}/exim4/conf.d"):
        return "exim-split"
    exim = os.path.isdir(f"{etc}/exim4") or os.path.isdir(f"{etc}/exim")
    return "postfix" if os.path.isfile(f"{etc}/postfix/main.cf") and not exim else "exim"


def pieces(plan: Plan) -> list[MtaPiece]:
    """Return what goes into the MTA's configuration, and the scripts, if any."""
    found = _postfix(plan) if plan.mta == "postfix" else _exim(plan)
    if plan.from_uucp:
        found += [
            MtaPiece("rmail", "for what still runs rmail", rmail_script(plan.gateway), script=True),
            MtaPiece("uux", "for what still calls uux", uux_script(plan.gateway), script=True),
        ]
    return found


def gateway_lines(plan: Plan) -> str:
    """Return the lines for the gateway's own configuration (TOML)."""
    needed = [plan.exec_line("rmail")] if plan.receive else []
    if plan.from_uucp and plan.send:
        needed.append(f'mail = {{ form = "rmail", handle = "{plan.handle}" }}')
    lines = plan.of_neighbours(needed)
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


def _exim(plan: Plan) -> list[MtaPiece]:
    split = plan.mta == "exim-split"
    found = []

    def name(kind: str, place: str) -> str:
        return f"conf.d/{place}_exim4-config_local-gateway-rmail" if split else f"{TRANSPORT}.{kind}"

    if plan.receive:
        purpose = f"lets {plan.user} set the sender of mail that arrived; else Exim refuses all of it"
        found.append(MtaPiece(name("macros", "main/01"), purpose, _trusted(plan, split=split)))
    if plan.send:
        ways = [f"{domain} {node}" for domain, node in plan.routes]
        ways += [f"* {plan.node}"] if plan.node else []
        router = exim_router(" ; ".join(ways), last=plan.node is not None)
        found.append(MtaPiece(name("router", "router/180"), "which mail goes to which node", router))
        transport = exim_transport(user=plan.user, command=f"{plan.gateway} exec $host {plan.handle}")
        found.append(
            MtaPiece(name("transport", "transport/40"), "how a message is handed to the gateway", transport)
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


def _postfix(plan: Plan) -> list[MtaPiece]:
    if not plan.send:
        return []
    service = postfix_service(user=plan.user, command=f"{plan.gateway} exec ${{nexthop}} {plan.handle}")
    lines = [f"{domain.removeprefix('*')} {SERVICE}:{node}" for domain, node in plan.routes]
    lines += [f"* {SERVICE}:{plan.node}"] if plan.node else []
    return [
        MtaPiece(f"{SERVICE}.master.cf", "how a message is handed to the gateway", service),
        MtaPiece(f"{SERVICE}.transport", "which mail goes to which node", "\n".join(lines) + "\n"),
    ]
