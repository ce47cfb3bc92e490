"""A program that stands in for an MTA: keeps what it was given and ends as it is told.

Each call leaves ``N.body`` (its standard input) and ``N.json`` (arguments, environment) in the
folder, complete or not at all.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Call", "FakeMta", "make_fake_mta"]

_PROGRAM = """\
#!{python} -IS
import os, sys, time
folder = {folder!r}
acts = {acts!r}
body = b"" if "noread" in acts else sys.stdin.buffer.read()
name = os.path.join(folder, "%d.%d" % (time.time_ns(), os.getpid()))
import json
with open(name + ".body", "wb") as file:
    file.write(body)
with open(name + ".part", "w") as file:
    json.dump({{"arguments": sys.argv[1:], "environ": dict(os.environ), "cwd": os.getcwd()}}, file)
os.rename(name + ".part", name + ".json")
if "stdout" in acts:
    os.write(1, acts["stdout"].encode())
if "stderr" in acts:
    os.write(2, acts["stderr"].encode())
if "sleep" in acts:
    time.sleep(acts["sleep"])
if "signal" in acts:
    os.kill(os.getpid(), acts["signal"])
sys.exit(acts.get("exit", 0))
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its standard input, its arguments, its whole environment."""

    body: bytes
    arguments: tuple[str, ...]
    environ: dict[str, str]


@dataclass(frozen=True, slots=True)
class FakeMta:
    """An executable, and the folder of what it was given."""

    program: Path
    folder: Path

    def calls(self) -> list[Call]:
        """Return the calls so far, in order."""
        found = []
        for record in sorted(self.folder.glob("*.json")):
            data = json.loads(record.read_text())
            body = record.with_suffix(".body").read_bytes()
            found.append(Call(body, tuple(data["arguments"]), data["environ"]))
        return found


def make_fake_mta(folder: Path, **acts: object) -> FakeMta:
    """Make one in `folder`, or change what the one there does from now on.

    `acts`: ``exit`` (status), ``signal`` (that it dies by), ``sleep`` [s], ``stdout`` and
    ``stderr`` (text it prints), ``noread`` (it leaves its input alone).
    """
    calls = folder / "calls"
    calls.mkdir(parents=True, exist_ok=True)
    program = folder / "cap"
    program.write_text(_PROGRAM.format(python=sys.executable, folder=str(calls), acts=acts))
    program.chmod(0o755)
    return FakeMta(program, calls)
