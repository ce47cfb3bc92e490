"""Locks held for so long, or by such a process, that nobody is at work behind them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from gateway.doctor.ailment import Ailment
from gateway.spool.layout import Layout
from gateway.spool.spool import Spool

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.spool.layout import LockName

_WORK: dict[LockName, str] = {
    "toss": "nothing of this neighbour is delivered meanwhile",
    "rx": "nothing is received from this neighbour meanwhile",
    "tx": "nothing is sent to this neighbour meanwhile",
}
_DEAD = {"T": "is stopped", "t": "is stopped by a debugger", "Z": "is dead and nobody has buried it"}


class _Holder(NamedTuple):
    pid: int
    name: str
    state: str


def check(config: Config) -> Iterator[Ailment]:
    """Yield the locks of the spool whose holder does not run."""
    held = _held()
    spool = Spool(config.spool)
    for node in spool.nodes():
        for which, why in _WORK.items():
            path = Layout(spool.root).lock(node, which)
            try:
                found = os.stat(path)
            except OSError:
                continue
            holder = _holder(held.get((found.st_dev, found.st_ino), 0))
            if holder is not None and holder.state in _DEAD:
                what = f"held by process {holder.pid} ({holder.name}), which {_DEAD[holder.state]}"
                yield Ailment(path, what, why, f"kill -CONT {holder.pid}, or kill -9 {holder.pid}")


def _held() -> dict[tuple[int, int], int]:
    """Return who holds which file: device and inode to process."""
    held = {}
    try:
        with open("/proc/locks", encoding="ascii") as file:
            for line in file:
                words = line.split()
                if "->" in words or words[1] != "FLOCK":
                    continue
                major, minor, inode = words[5].split(":")
                held[os.makedev(int(major, 16), int(minor, 16)), int(inode)] = int(words[4])
    except OSError:
        return {}
    return held


def _holder(pid: int) -> _Holder | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    return _Holder(pid, name, rest.split()[0])
