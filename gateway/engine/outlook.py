"""Where a packet came from, where it goes, and what happens to it next; from what lies here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.queue import State
from gateway.packet.identity import decode, encode

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.engine.queue import Row


class Outlook(NamedTuple):
    """The nodes of a packet's way as far as they are known; who alone can open it; what comes next."""

    route: tuple[str, ...]
    sealed: str
    words: str


def outlook(row: Row, config: Config, target: str = "") -> Outlook:
    """Return the outlook of a packet; `target` is the next node of a transit packet that we opened."""
    near = _name(config, decode(row.job.node))
    sender = _name(config, row.header.sender) if row.header else "?"
    recipient = _name(config, row.header.recipient) if row.header else "?"
    if row.outbound:
        behind = sorted(n.name for n in config.neighbours.values() if near in n.via)
        route = tuple(dict.fromkeys((sender, "self", near, recipient)))
        further = f", which may pass it on to {', '.join(behind)}" if behind else ""
        sealed = f"only {recipient} can open it{further}"
    else:
        route = tuple(dict.fromkeys((sender, near, "self", *((target,) if target else ()))))
        sealed = "" if recipient == "self" else f"it is for {recipient}, only they can open it"
    return Outlook(route, sealed, _next(row, near, row.job.name))


def _next(row: Row, near: str, name: str) -> str:
    match row.state:
        case State.QUEUED:
            return f"goes with the next link to {near}: gateway call {near}, gateway xfer, gateway bundle"
        case State.ARRIVED:
            return "worked through by the next gateway toss"
        case State.DELIVERING:
            return "being delivered now, or our process died meanwhile: the next gateway toss goes on"
        case State.DEFERRED:
            return f"tried again when it is due; at once: gateway queue retry {name} and gateway toss"
        case State.HELD:
            return f"waits for you: gateway queue release {name}, or remove"
        case State.REMOVED:
            return f"in the trash until it expires: gateway queue restore {name}"


def _name(config: Config, node_id: bytes) -> str:
    found = config.by_id(node_id)
    if config.identity is not None and node_id == config.identity.id:
        return "self"
    return found.name if found else encode(node_id)
