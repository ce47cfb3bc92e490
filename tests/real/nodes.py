"""Nodes for the tests: keys, a spool and both makes' configuration of the same node.

Every node directory holds ``gateway.toml`` and ``nncp.hjson`` over one spool and one log,
so that either make's programs can work on it. The keys are made here, with libsodium and
nothing of the gateway.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from nacl import bindings

from tests.real.programs import Finished, run, run_gateway

Make = Literal["gateway", "nncp"]
MAKES: tuple[Make, ...] = ("gateway", "nncp")
PACKET_NAME = re.compile(r"[A-Z2-7]{52}")


def base32(data: bytes) -> str:
    """Return the text form of keys, ids and packet names."""
    return b32encode(data).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Keys:
    """A node's keys in text form, as both configurations write them."""

    id: str
    exchpub: str
    exchprv: str
    signpub: str
    signprv: str
    noisepub: str
    noiseprv: str

    @classmethod
    def generate(cls) -> Keys:
        """Make fresh keys."""
        exchprv, noiseprv = os.urandom(32), os.urandom(32)
        signpub, signprv = bindings.crypto_sign_keypair()
        return cls(
            id=base32(blake2b(signpub, digest_size=32).digest()),
            exchpub=base32(bindings.crypto_scalarmult_base(exchprv)),
            exchprv=base32(exchprv),
            signpub=base32(signpub),
            signprv=base32(signprv),
            noisepub=base32(bindings.crypto_scalarmult_base(noiseprv)),
            noiseprv=base32(noiseprv),
        )


@dataclass(slots=True)
class Neighbour:
    """What one node knows of another.

    `toml` is added to its table as it is; `hjson_handles` stand for it in the other file.
    """

    node: Node
    via: tuple[str, ...] = ()
    handles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    toml: str = ""
    hjson_handles: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Node:
    """One party, in a directory of its own."""

    def __init__(self, directory: Path, name: str, nncp_bin: Path | None = None) -> None:
        self.directory = directory
        self.name = name
        self.nncp_bin = nncp_bin
        self.keys = Keys.generate()
        self.neighbours: dict[str, Neighbour] = {}
        self.head = ""
        """Lines put at the top of ``gateway.toml``."""
        self.tail = ""
        """Tables put at its end."""
        directory.mkdir(parents=True)
        self.spool = directory / "spool"
        self.spool.mkdir()
        self.log = directory / "log"
        self.toml = directory / "gateway.toml"
        self.hjson = directory / "nncp.hjson"

    def know(
        self,
        other: Node,
        *,
        via: Sequence[Node] = (),
        handles: Mapping[str, Sequence[str]] | None = None,
        toml: str = "",
    ) -> None:
        """Make `other` a neighbour and write both configurations."""
        route = tuple(node.name for node in via)
        self.neighbours[other.name] = Neighbour(other, route, handles or {}, toml)
        self.write()

    def write(self) -> None:
        """Write both configurations, keys included, mode 0600."""
        for file, text in ((self.toml, self._toml()), (self.hjson, self._hjson())):
            file.write_text(text)
            file.chmod(0o600)

    def _toml(self) -> str:
        keys = self.keys
        lines = [self.head, f'spool = "{self.spool}"', f'log = "{self.log}"', "[self]"]
        lines += [f'{word} = "{getattr(keys, word)}"' for word in Keys.__slots__]
        for name, neighbour in self.neighbours.items():
            theirs = neighbour.node.keys
            lines.append(f"[neigh.{name}]")
            lines += [
                f'{word} = "{getattr(theirs, word)}"' for word in ("id", "exchpub", "signpub", "noisepub")
            ]
            if neighbour.via:
                lines.append(f"via = {json.dumps(list(neighbour.via))}")
            lines += [f"exec.{handle} = {json.dumps(list(v))}" for handle, v in neighbour.handles.items()]
            lines.append(neighbour.toml)
        return "\n".join([*lines, self.tail, ""])

    def _hjson(self) -> str:
        keys = self.keys
        public = ("id", "exchpub", "signpub", "noisepub")
        neigh: dict[str, object] = {"self": {word: getattr(keys, word) for word in public}}
        for name, neighbour in self.neighbours.items():
            entry: dict[str, object] = {word: getattr(neighbour.node.keys, word) for word in public}
            if neighbour.via:
                entry["via"] = list(neighbour.via)
            handles = {**neighbour.handles, **neighbour.hjson_handles}
            entry["exec"] = {handle: list(value) for handle, value in handles.items()}
            neigh[name] = entry
        own = {word: getattr(keys, word) for word in Keys.__slots__}
        text = {"spool": str(self.spool), "log": str(self.log), "self": own, "neigh": neigh}
        return "# Either make reads this file.\n" + json.dumps(text, indent=2) + "\n"

    # --- running programs on this node ---------------------------------------------

    def run(self, make: Make, command: str, *arguments: str, stdin: bytes = b"") -> Finished:
        """Run a command of either make with NNCP's flags, on this node's configuration."""
        if make == "nncp":
            return self.nncp(command, *arguments, stdin=stdin)
        return self.gateway(command, *arguments, stdin=stdin)

    def gateway(
        self, *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
    ) -> Finished:
        """Run the installed ``gateway`` with this node's ``gateway.toml``."""
        return run_gateway("--config", str(self.toml), *arguments, stdin=stdin, environ=environ)

    def nncp(self, command: str, *arguments: str, stdin: bytes = b"") -> Finished:
        """Run the real ``nncp-COMMAND`` with this node's ``nncp.hjson``."""
        return run(self.nncp_command(command, *arguments), stdin=stdin)

    def nncp_command(self, command: str, *arguments: str) -> list[str]:
        """Return the command line of a real NNCP program on this node."""
        assert self.nncp_bin is not None, "the node was made without the real NNCP"
        return [str(self.nncp_bin / f"nncp-{command}"), "-cfg", str(self.hjson), *arguments]

    # --- looking into the spool ------------------------------------------------------

    def packets(
        self, direction: Literal["rx", "tx", "hold", "work"], other: Node | None = None
    ) -> list[Path]:
        """Return the packets in one direction, of one neighbour or of all, by name."""
        found = self.spool.glob(f"{other.keys.id if other else '*'}/{direction}/*")
        real = (path for path in found if not path.parent.parent.is_symlink())
        return sorted(path for path in real if PACKET_NAME.fullmatch(path.name))

    def temporary(self) -> list[str]:
        """Return the names of what was left in the spool's temporary directory."""
        folder = self.spool / "tmp"
        return sorted(os.listdir(folder)) if folder.is_dir() else []

    def records(self) -> str:
        """Return the log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def carry(sender: Node, receiver: Node, medium: Path, *, tx: Make, rx: Make) -> None:
    """Carry what `sender` has for `receiver` over a directory, each side with its make's ``xfer``."""
    medium.mkdir(exist_ok=True)
    medium.chmod(0o777)  # the two sides may be different users
    for node, make, way in ((sender, tx, "tx"), (receiver, rx, "rx")):
        dashes = "-" if make == "nncp" else "--"
        other = receiver if node is sender else sender
        done = node.run(
            make, "xfer", f"{dashes}{way}", f"{dashes}mkdir", f"{dashes}node", other.name, str(medium)
        )
        assert done.status == 0, done


def toss(node: Node, make: Make, *arguments: str) -> Finished:
    """Work through what arrived at a node."""
    return node.run(make, "toss", *arguments)


def wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Return the exit status of a process, or kill it and fail the test."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args!r} did not end within {seconds:g} s") from None
