"""Examination: a job is verified as ever, and what would be done with it is only said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.engine.canary import is_canary
from gateway.engine.fate import Fate
from gateway.engine.handling import NOT_OURS
from gateway.engine.unpacking import EXEC
from gateway.engine.verify import arrive, reason
from gateway.errors import BadPacket
from gateway.packet.plain import PacketType, split_exec_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.model import Config
    from gateway.packet.identity import Identity
    from gateway.spool.layout import Job
    from gateway.spool.spool import Spool


def examine(
    job: Job, config: Config, identity: Identity, spool: Spool, *, say: Callable[[str], None]
) -> Fate:
    """Verify one job and say what would be done with it; change nothing on disk.

    Raises:
        SpoolError: temporary; it cannot be read, or went away.
    """
    try:
        with spool.open(job) as file:
            arrival = arrive(job, file, config, identity)
            arrival.drain()
    except BadPacket as failure:
        say(f"{job.name}: would be held: {reason(failure)}")
        return Fate.HELD
    kind = arrival.plain.type
    if is_canary(arrival, identity):
        what = "take note of a canary of ours"
    elif kind in EXEC:
        handle, _ = split_exec_path(arrival.plain.path)
        known = handle in arrival.sender.handles
        what = f"deliver by handle {handle!r}" if known else f"hold: no handle {handle!r}"
    elif kind == PacketType.TRNS:
        target = config.by_id(arrival.plain.path)
        what = f"relay to {target.name}" if target else "hold: unknown next node"
    else:
        what = "leave it in place" if kind in NOT_OURS else "take note"
    say(f"{job.name}: from {arrival.sender.name}, niceness {arrival.header.niceness}: would {what}")
    return Fate.LEFT
