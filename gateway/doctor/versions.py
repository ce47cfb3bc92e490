"""Versions: libraries that are older than we were tested with, and an NNCP that writes other packets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from gateway.doctor.ailment import Ailment
from gateway.errors import GatewayError
from gateway.program import SAFE_PATH, find_program, run_program

DISTRIBUTION = "mailgateway"
NNCP = 8
"""The major version whose packets, spool and log are ours, too."""
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)\s*>=\s*(?P<least>[\d.]+)\s*(?P<more>;.*)?")
_TIMEOUT = 10.0


def check() -> Iterator[Ailment]:
    """Yield the libraries that are too old, and NNCP's programs beside us if they are of another version."""
    yield from _libraries()
    yield from _nncp()


def _libraries() -> Iterator[Ailment]:
    for line in requires(DISTRIBUTION) or ():
        found = _REQUIREMENT.fullmatch(line)
        if found is None:
            continue
        name, least = found["name"], found["least"]
        try:
            there = version(name)
        except PackageNotFoundError:
            if found["more"] is None:
                why = "commands that need it end with 75, and MTAs keep their mail"
                yield Ailment(
                    name, f"is not installed; {least} or newer is needed", why, _install(name, least)
                )
            continue
        if _numbers(there) < _numbers(least):
            why = "it was never tested so old"
            yield Ailment(
                name, f"{there} is installed; {least} or newer is needed", why, _install(name, least)
            )


def _nncp() -> Iterator[Ailment]:
    try:
        program = find_program("nncp-toss")
        environ = {"PATH": SAFE_PATH}
        said = run_program((program, "-version"), stdin=None, environ=environ, timeout=_TIMEOUT).stdout
    except GatewayError:
        return  # it is not here, or does not run: nobody uses it on our spool
    found = re.search(rb"(\d+)\.\d+", said)
    if found is not None and int(found[1]) != NNCP:
        what = f"is NNCP {found[0].decode()}; our packets and spool are those of NNCP {NNCP}"
        why = "on one spool, neither could read what the other one queued"
        yield Ailment(program, what, why, f"install NNCP {NNCP}, or keep it away from our spool")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _install(name: str, least: str) -> str:
    return f"pip install '{name}>={least}'"
