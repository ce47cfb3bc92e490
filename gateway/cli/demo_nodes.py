"""The nodes of a demo: who they are, how they are written, and the letter that crosses."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

from gateway.packet.identity import Identity, encode
from gateway.spool.layout import Job
from gateway.spool.spool import Spool

SENDER = "alice@alice.example"
RECIPIENT = "bob@bob.example"
SUBJECT = "The spare key is under the third flower pot"
LETTER = f"""\
From: Alice <{SENDER}>
To: Bob <{RECIPIENT}>
Subject: {SUBJECT}
Date: Sat, 01 Nov 2025 09:00:00 +0000
Message-ID: <flowerpot@alice.example>

Dear Bob,

water the ferns, please.
.
Alice
""".encode()
PUBLIC = ("id", "exchpub", "signpub", "noisepub")


class Failed(Exception):
    """A step went wrong; the text says which and how."""


class DemoNode(NamedTuple):
    """One node: its name, its directory and its keys."""

    name: str
    directory: str
    identity: Identity

    @property
    def spool(self) -> Spool:
        """The node's spool."""
        return Spool(f"{self.directory}/spool")

    def only_packet(self, box: Literal["rx", "tx"], other: DemoNode) -> Job:
        """Return the one packet that lies in a box for, or from, another node."""
        jobs = list(self.spool.jobs(encode(other.identity.id), box))
        if len(jobs) != 1:
            msg = f"{len(jobs)} packets in {box} of {self.name} where one was expected"
            raise Failed(msg)
        return jobs[0]


def write_node(node: DemoNode, neighbours: dict[DemoNode, str], tail: str = "") -> None:
    """Write a node's configuration; the keys are in it, so nobody else may read it."""
    lines = [f'spool = "{node.directory}/spool"', f'log = "{node.directory}/log"', "", "[self]"]
    lines += [f'{word} = "{encode(getattr(node.identity, word))}"' for word in Identity._fields]
    for other, more in neighbours.items():
        lines += ["", f"[neigh.{other.name}]"]
        lines += [f'{word} = "{encode(getattr(other.identity, word))}"' for word in PUBLIC]
        lines += [more] if more else []
    os.mkdir(node.directory)
    path = f"{node.directory}/gateway.toml"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, "", tail, ""]))
