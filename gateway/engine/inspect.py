"""A look inside a packet that is for us: what it asks for, and the envelopes it carries.

Nothing is acted on and nothing changes. What is said is proven only where `verified` is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.config.model import FORM_OF_HANDLE
from gateway.engine.verify import Arrival, arrive, reason
from gateway.errors import BadPacket, GatewayError
from gateway.mail.bsmtp import scan
from gateway.packet.failures import NotForUs
from gateway.packet.identity import encode
from gateway.packet.plain import PacketType, split_exec_path

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.packet.identity import Identity
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

QUICK = 8 * 1024 * 1024
"""[bytes] Larger packets are not read to their end, only to say what they ask for."""
_EXEC = (PacketType.EXEC, PacketType.EXEC_FAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What a packet carries.

    `kind` is the packet's type (``exec``, ``trns``, ...), empty if it could not be opened;
    `target` the next node of a transit packet; `envelopes` sender and recipients of each
    transaction; `trouble` what is wrong with it. `verified` says that all of it was read and
    is sound.
    """

    kind: str = ""
    handle: str = ""
    arguments: tuple[str, ...] = ()
    target: str = ""
    envelopes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    verified: bool = False
    trouble: str = ""


def look_inside(spool: Spool, job: Job, config: Config, identity: Identity) -> Inside | None:
    """Return what a packet carries, or None if it is for somebody else.

    Raises:
        UnknownJob: temporary; it went away.
    """
    with spool.open(job) as file:
        try:
            arrival = arrive(job, file, config, identity)
        except NotForUs:
            return None
        except BadPacket as failure:
            return Inside(trouble=reason(failure))
        return _inside(spool, arrival, config)


def _inside(spool: Spool, arrival: Arrival, config: Config) -> Inside:
    plain = arrival.plain
    kind = plain.type.name.lower() if isinstance(plain.type, PacketType) else str(plain.type)
    handle, target, trouble = "", "", ""
    arguments: tuple[str, ...] = ()
    envelopes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    verified = arrival.job.size <= QUICK
    try:
        if plain.type in _EXEC:
            handle, arguments = split_exec_path(plain.path)
        elif plain.type == PacketType.TRNS:
            next_node = config.by_id(plain.path)
            target = next_node.name if next_node else encode(plain.path)
        if verified and _form(arrival, handle) == "bsmtp":
            envelopes = _envelopes(spool, arrival)
        elif verified:
            arrival.drain()
    except BadPacket as failure:
        trouble, verified = reason(failure), False
    except GatewayError as failure:
        trouble = str(failure)
    return Inside(
        kind=kind.replace("_", "-"),
        handle=handle,
        arguments=arguments,
        target=target,
        envelopes=envelopes,
        verified=verified,
        trouble=trouble,
    )


def _form(arrival: Arrival, handle: str) -> str:
    known = arrival.sender.handles.get(handle)
    return known.form if known else FORM_OF_HANDLE.get(handle, "raw")


def _envelopes(spool: Spool, arrival: Arrival) -> tuple[tuple[str, tuple[str, ...]], ...]:
    with spool.scratch() as body:
        arrival.unpack(body)
        return tuple(
            (str(found.envelope.sender), tuple(map(str, found.envelope.recipients))) for found in scan(body)
        )
