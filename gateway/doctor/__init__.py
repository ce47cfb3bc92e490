"""Finding what will not work, before mail waits for it: each ailment with its why and its mending line.

One module a subject; a check yields ailments and changes nothing. Whatever goes wrong in a check
is an ailment as well, so that one broken thing hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from gateway.doctor import ground, handles, jobs, keys, links, locks, plugins, versions, ways
from gateway.doctor.ailment import Ailment

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.registry import Registry

__all__ = ["Ailment", "Patient", "examine"]


class Patient(NamedTuple):
    """What is examined; `now` is unix time [s]."""

    config: Config
    registry: Registry
    now: float


_Check = Callable[[Patient], Iterable[Ailment]]
CHECKS: dict[str, _Check] = {
    "keys": lambda it: keys.check(it.config),
    "versions": lambda _: versions.check(),
    "plugins": lambda it: plugins.check(it.config, it.registry),
    "spool": lambda it: ground.check(it.config, it.now),
    "locks": lambda it: locks.check(it.config),
    "neighbours": lambda it: ways.check(it.config),
    "handles": lambda it: handles.check(it.config),
    "jobs": lambda it: jobs.check(it.config, it.now),
    "links": lambda it: links.check(it.config),
}
"""By subject, in the order in which a person would look: what everything else stands on comes first."""


def examine(patient: Patient, subjects: Iterable[str]) -> Iterator[Ailment]:
    """Yield what is found, subject by subject, in the order of `CHECKS`."""
    wanted = set(subjects)
    for subject in filter(wanted.__contains__, CHECKS):
        try:
            yield from CHECKS[subject](patient)
        except Exception as failure:  # the other subjects are to be looked at all the same
            yield Ailment(
                subject,
                f"could not be looked at: {failure or type(failure).__name__}",
                "a check that fails leaves open whether this works",
                "gateway doctor --only " + subject,
            )
