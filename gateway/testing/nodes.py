"""Nodes to try a plugin on: each in a directory of its own, run as the command that people run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gateway.config.render import line, render_keys
from gateway.packet.identity import Identity, encode

__all__ = ["Finished", "Node", "carry", "run_gateway"]

LIMIT = 60.0
"""[s] After that a command hangs, and the test fails."""
_KEPT = ("PYTHONPATH", "GATEWAY_TRACE")
_PUBLIC = ("id", "exchpub", "signpub", "noisepub")
_NAME_LENGTH = 52


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended; `status` is negative for a signal."""

    status: int
    stdout: str
    stderr: str


def run_gateway(
    *words: str | Path, stdin: bytes = b"", environ: Mapping[str, str] | None = None, limit: float = LIMIT
) -> Finished:
    """Run ``gateway`` by the interpreter of the tests, in ``/``, in the environment of an MTA's child.

    Raises:
        AssertionError: it did not end within `limit` [s], or left a child behind that holds its output.
    """
    command = [sys.executable, "-P", "-m", "gateway", *map(str, words)]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    env = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "HOME": "", **kept, **(environ or {})}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", env=env,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(stdin, timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"{words} hung for {limit:g} s; it said {out!r} {err!r}") from None
    return Finished(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


@dataclass(slots=True)
class Node:
    """One party. `plugins` are its enabled ones; `extra` is put at the end of its configuration."""

    directory: Path
    name: str
    plugins: Sequence[str] | None = None
    extra: str = ""
    identity: Identity = field(default_factory=Identity.generate)
    neighbours: dict[str, tuple[Node, Mapping[str, object]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spool.mkdir(parents=True)

    @property
    def spool(self) -> Path:
        """The directory of its spool."""
        return self.directory / "spool"

    @property
    def config(self) -> Path:
        """The file of its configuration."""
        return self.directory / "gateway.toml"

    def know(self, other: Node, **keys: object) -> None:
        """Make `other` a neighbour; `keys` are those of ``[neigh.NAME]``, such as ``exec={...}``.

        Called again, it adds to what was known.
        """
        known = self.neighbours.get(other.name, (other, {}))[1]
        self.neighbours[other.name] = other, {**known, **keys}
        self.write()

    def write(self) -> None:
        """Write the configuration, keys included, mode 0600."""
        lines = [line("spool", str(self.spool)), line("log", str(self.directory / "log"))]
        if self.plugins is not None:
            lines.append(line("plugins", self.plugins))
        lines += ["[self]", render_keys(self.identity)]
        for name, (other, keys) in self.neighbours.items():
            lines.append(f"[neigh.{name}]")
            lines += [line(key, encode(getattr(other.identity, key))) for key in _PUBLIC]
            lines += [line((key,), value) for key, value in keys.items()]
        self.config.write_text("\n".join([*lines, self.extra, ""]))
        self.config.chmod(0o600)

    def run(
        self, *words: str | Path, stdin: bytes = b"", environ: Mapping[str, str] | None = None
    ) -> Finished:
        """Run a command of ``gateway`` on this node."""
        return run_gateway("--config", self.config, *words, stdin=stdin, environ=environ)

    def packets(self, box: Literal["tx", "rx", "work", "hold"]) -> list[Path]:
        """Return the packets that lie in one box of its spool, for all neighbours."""
        found = [path for path in self.spool.glob(f"*/{box}/*") if not path.parent.parent.is_symlink()]
        return sorted(path for path in found if len(path.name) == _NAME_LENGTH)


def carry(sender: Node, receiver: Node, medium: Path) -> None:
    """Carry what waits at `sender` for `receiver` over a directory, as on a USB stick."""
    medium.mkdir(exist_ok=True)
    for node, other, way in ((sender, receiver, "--tx"), (receiver, sender, "--rx")):
        done = node.run("xfer", way, "--mkdir", "--node", other.name, medium)
        assert done.status == 0, done
