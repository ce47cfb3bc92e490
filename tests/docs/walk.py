"""A page as a walk: its blocks in a reader's order, done at the hosts that it names.

A comment in front of a block says what it is: ``run: at alice``, ``run: at both`` (everywhere),
or ``see`` for lines that the run before it has to show, in this order, with ``...`` for
anything and blanks of any width. ``carry: FILE to HOST, ...`` stands where the reader
carries files; nothing else is done.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.docs.hosts import Host

_STEP = re.compile(
    r"<!-- carry: (?P<carried>[^>]+) -->|<!-- (?P<what>run: at [\w, ]+|see) -->\n```\w+\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PATIENCE = 30.0


class Step(NamedTuple):
    """`what` is ``run``, ``see`` or ``carry``; `where` the hosts, `body` the block."""

    what: str
    where: tuple[str, ...]
    body: str


def steps(text: str) -> list[Step]:
    """Return the steps of a page in their order."""
    found = []
    for match in _STEP.finditer(text):
        if match["carried"]:
            found.append(Step("carry", (), match["carried"]))
        else:
            what, _, where = match["what"].partition(": at ")
            found.append(Step(what, tuple(re.findall(r"\w+", where)), match["body"]))
    return found


def walk(
    text: str, there: Mapping[str, Host], change: Callable[[str], str] = lambda block: block
) -> dict[str, str]:
    """Do all steps of a page and return what was on each screen; `change` is made to every block first."""
    screens: list[tuple[Host, int]] = []
    for step in steps(text):
        body = change(step.body)
        if step.what == "carry":
            _carry(body, there)
        elif step.what == "see":
            _see(body.splitlines(), screens)
        else:
            named = there if step.where in {("both",), ("all",)} else step.where
            screens = [(there[name], len(there[name].screen())) for name in named]
            for host, _ in screens:
                host.run(body)
    return {name: host.screen() for name, host in there.items()}


def _carry(words: str, there: Mapping[str, Host]) -> None:
    for word in words.split(", "):
        name, _, target = word.partition(" to ")
        source = next(host.home / name for host in there.values() if (host.home / name).exists())
        place: Path = there[target].home / name
        if source.is_dir():
            shutil.move(source, place)
        else:
            shutil.copy(source, place)


def _see(lines: list[str], screens: list[tuple[Host, int]]) -> None:
    """What a process in the background says may come a little later."""
    end = time.monotonic() + _PATIENCE
    while not any(_shows(host.screen()[start:], lines) for host, start in screens):
        shown = [host.screen()[start:] for host, start in screens]
        assert time.monotonic() < end, "\n".join(["not seen in this order:", *lines, "in:", *shown])
        time.sleep(0.05)


def _shows(text: str, lines: list[str]) -> bool:
    """Whether the text has lines like these in this order; blanks are of any width."""
    written = [" ".join(line.split()) for line in text.splitlines()]
    rest = iter(written)
    patterns = [".*".join(map(re.escape, " ".join(line.split()).split("..."))) for line in lines]
    return all(any(re.fullmatch(pattern, line) for line in rest) for pattern in patterns)
