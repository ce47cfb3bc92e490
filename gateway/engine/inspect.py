"""A look inside a packet that is for us: what it asks for, and the envelopes it carries.

Nothing is acted on and nothing changes. What is said is proven only where `verified` is set.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from gateway.config.model import FORM_OF_HANDLE
from gateway.engine.bodies import read_envelopes
from gateway.engine.verify import Arrival, arrive, reason
from gateway.errors import BadPacket, GatewayError, UnknownJob
from gateway.packet.failures import NotForUs, OverLimit
from gateway.packet.identity import encode
from gateway.packet.plain import PacketType, split_exec_path

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.packet.identity import Identity
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool

QUICK = 8 * 1024 * 1024
"""[bytes] Larger packets are not read to their end, only to say what they ask for."""
LARGE = 64 * 1024 * 1024
"""[bytes] Nor are larger bodies, which would be unpacked in memory."""
_EXEC = (PacketType.EXEC, PacketType.EXEC_FAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What a packet carries.

    `kind` is the packet's type (``exec``, ``trns``, ...), empty if it could not be opened;
    `target` the next node of a transit packet; `size` that of the body [bytes], None if it was
    not read; `envelopes` sender and recipients of each
    transaction; `trouble` what is wrong with it. `verified` says that all of it was read and
    is sound.
    """

    kind: str = ""
    handle: str = ""
    arguments: tuple[str, ...] = ()
    target: str = ""
    size: int | None = None
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
        return _inside(arrival, config)


def handle_of(spool: Spool, job: Job, config: Config, identity: Identity) -> str | None:
    """Return the handle that an exec packet for us asks for; None for any other, and for a bad one.

    Raises:
        SpoolError: temporary; it cannot be read.
    """
    try:
        with spool.open(job) as file:
            plain = arrive(job, file, config, identity).plain
            return split_exec_path(plain.path)[0] if plain.type in _EXEC else None
    except (BadPacket, UnknownJob):
        return None


def _inside(arrival: Arrival, config: Config) -> Inside:
    plain = arrival.plain
    kind = plain.type.name.lower() if isinstance(plain.type, PacketType) else str(plain.type)
    handle, target, trouble = "", "", ""
    arguments: tuple[str, ...] = ()
    envelopes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    verified = arrival.job.size <= QUICK
    size = None
    try:
        if plain.type in _EXEC:
            handle, arguments = split_exec_path(plain.path)
        elif plain.type == PacketType.TRNS:
            next_node = config.by_id(plain.path)
            target = next_node.name if next_node else encode(plain.path)
        if not verified:
            pass
        elif plain.type in _EXEC:
            with _memory() as body:
                arrival.unpack(body, LARGE)
                size = body.seek(0, os.SEEK_END)
                found = read_envelopes(body, _form(arrival, handle), arguments, arrival.sender.name)
                envelopes = tuple((str(each.sender), tuple(map(str, each.recipients))) for each in found)
        else:
            arrival.drain()
    except OverLimit as failure:
        verified = False
        if arrival.sender.accept.max_size <= LARGE:
            trouble = reason(failure)
    except BadPacket as failure:
        trouble, verified = reason(failure), False
    except GatewayError as failure:
        trouble = str(failure)
    return Inside(
        kind=kind.replace("_", "-"),
        handle=handle,
        arguments=arguments,
        target=target,
        size=size,
        envelopes=envelopes,
        verified=verified,
        trouble=trouble,
    )


def _memory() -> BinaryIO:
    """Return a file that is nowhere on a disk: looking writes nothing."""
    return os.fdopen(os.memfd_create("gateway-look"), "w+b")


def _form(arrival: Arrival, handle: str) -> str:
    known = arrival.sender.handles.get(handle)
    return known.form if known else FORM_OF_HANDLE.get(handle, "raw")
