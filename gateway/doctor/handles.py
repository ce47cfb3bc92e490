"""What may be run here for neighbours and ourselves: whether it is there, and may be run by who delivers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.doctor.ailment import Ailment
from gateway.doctor.owner import acting_as_owner, owner_name
from gateway.engine.delay import hindrance
from gateway.errors import ProgramError
from gateway.program import find_program

if TYPE_CHECKING:
    from gateway.config.model import Config, Handle

_WHY = "what arrives for it is deferred, and held in the end"


def check(config: Config) -> Iterator[Ailment]:
    """Yield the handles whose program or directory the spool's owner cannot use, and one that is missing."""
    with acting_as_owner(config.spool):
        for name, neighbour in config.neighbours.items():
            for handle in neighbour.handles.values():
                yield from _handle(f"neigh.{name}.exec.{handle.name}", handle, owner_name(config.spool))
    if lacking := hindrance(config):
        why = "the senders of mail that waits in tx for too long hear nothing of it"
        yield Ailment("retry.warn-sender", lacking.what, why, lacking.mend)


def _handle(key: str, handle: Handle, owner: str) -> Iterator[Ailment]:
    if handle.command:
        try:
            program = find_program(handle.command[0])
        except ProgramError as missing:
            mend = f"install what brings {handle.command[0]}, or name another program in {key}"
            yield Ailment(key, str(missing), _WHY, mend)
        else:
            if not os.path.exists(program):
                mend = f"install what brings {program}, or name another program in {key}"
                yield Ailment(key, f"{program}: there is no such program", _WHY, mend)
            elif not os.access(program, os.X_OK, effective_ids=True):
                yield Ailment(key, f"{program} cannot be run by {owner}", _WHY, f"chmod a+rx {program}")
    path = handle.options.get("path")
    if handle.egress == "maildir" and isinstance(path, str):
        yield from _maildir(key, path, owner)


def _maildir(key: str, path: str, owner: str) -> Iterator[Ailment]:
    place = path
    while not os.path.exists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place) or not os.access(place, os.W_OK | os.X_OK, effective_ids=True):
        yield Ailment(f"{key}.path", f"{place} cannot be written by {owner}", _WHY, f"chown {owner} {place}")
