"""Where things lie in a spool; pure names, no system calls.

::

    tmp/gw<random>            ours, being written (NNCP's are called nncp<hex>)
    <NODE> -> <ID>            convenience symlink
    <ID>/rx.lock tx.lock toss.lock
    <ID>/delayed.json         who was told of packets that wait in tx  ours; NNCP does not look there
    <ID>/delayed/<NAME>       a report to their senders, on its way     ours; likewise
    <ID>/canary.json          canaries that were sent to this node      ours; likewise
    <ID>/rx/<NAME>            arrived, complete                    also rx/hdr/<NAME>
    <ID>/rx/seen/<NAME>       empty mark: done with, never to be delivered again
    <ID>/tx/<NAME>            outbound                             also tx/hdr/<NAME>
    <ID>/work/<NAME>[.json]   delivery has begun                   ours; NNCP does not look there
    <ID>/work/<NAME>.answer   a packet that goes out because of it ours; on its way to some tx
    <ID>/hold/<NAME>[.json]   set aside for a person               ours; NNCP does not look there
    <ID>/trash/<NAME>[.json]  removed by a person, until it expires          ours, likewise
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, NamedTuple

from gateway.errors import SpoolError

Box = Literal["rx", "tx", "work", "hold", "trash"]
LockName = Literal["toss", "rx", "tx"]

BOXES: Final[tuple[Box, ...]] = ("rx", "tx", "work", "hold", "trash")
REMEMBERED: Final[tuple[Box, ...]] = ("work", "hold", "trash")
"""Where a job may have a record beside it."""
HEADER_SIZE: Final = 172
TEMPORARY: Final = "gw"

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_NAME_LENGTH = 52
_RESERVED = frozenset({"", ".", "..", "tmp", "log"})


class Job(NamedTuple):
    """One packet in one place: the neighbour's id, the box, its name, size [bytes], mtime [unix s]."""

    node: str
    box: Box
    name: str
    size: int
    mtime: float


def is_name(text: str) -> bool:
    """Whether a text is the canonical base32 of 32 bytes: a node id or a packet name.

    The last character carries one bit, so only A and Q can stand there; NNCP would read
    others too, but nobody writes them, and they would be second names of the same packet.
    """
    return len(text) == _NAME_LENGTH and text[-1] in "AQ" and not text.strip(_ALPHABET)


@lru_cache(maxsize=256)
def checked(text: str, noun: str = "packet name") -> str:
    """Return the text if it is a name; nothing else ever becomes part of a path.

    Raises:
        SpoolError: temporary.
    """
    if not is_name(text):
        msg = f"{text!r} is not a {noun}"
        raise SpoolError(msg)
    return text


def is_alias(text: str) -> bool:
    """Whether a configured node name may become a symlink beside the node directories."""
    return (
        text not in _RESERVED
        and not text.startswith(".")
        and "/" not in text
        and "\0" not in text
        and not is_name(text)
    )


class Layout:
    """The paths below one root; every name and id is checked on its way in."""

    __slots__ = ("root", "tmp")

    def __init__(self, root: str) -> None:
        self.root = root
        self.tmp = f"{root}/tmp"  # noqa: S108 - the spool's own, not the system's

    def node(self, node: str) -> str:
        """``<ID>``, the directory of a neighbour."""
        return f"{self.root}/{checked(node, 'node id')}"

    def lock(self, node: str, which: LockName) -> str:
        """``<ID>/toss.lock`` and its like."""
        return f"{self.node(node)}/{which}.lock"

    def box(self, node: str, box: Box) -> str:
        """``<ID>/rx`` and its like."""
        if box not in BOXES:
            msg = f"{box!r} is no directory of the spool"
            raise SpoolError(msg)
        return f"{self.node(node)}/{box}"

    def packet(self, node: str, box: Box, name: str) -> str:
        """``<ID>/rx/<NAME>`` and its like."""
        return f"{self.box(node, box)}/{checked(name)}"

    def header(self, node: str, box: Box, name: str) -> str:
        """``<ID>/rx/hdr/<NAME>`` and its like: the copy of the first 172 bytes."""
        return f"{self.box(node, box)}/hdr/{checked(name)}"

    def record(self, node: str, box: Box, name: str) -> str:
        """``<ID>/work/<NAME>.json`` and its like."""
        return f"{self.packet(node, box, name)}.json"

    def answer(self, node: str, name: str) -> str:
        """``<ID>/work/<NAME>.answer``."""
        return f"{self.packet(node, 'work', name)}.answer"

    def delayed(self, node: str) -> str:
        """``<ID>/delayed.json``."""
        return f"{self.node(node)}/delayed.json"

    def delay_reports(self, node: str) -> str:
        """``<ID>/delayed``, the directory."""
        return f"{self.node(node)}/delayed"

    def delay_report(self, node: str, name: str) -> str:
        """``<ID>/delayed/<NAME>``."""
        return f"{self.delay_reports(node)}/{checked(name)}"

    def canary(self, node: str) -> str:
        """``<ID>/canary.json``."""
        return f"{self.node(node)}/canary.json"

    def seen(self, node: str, name: str) -> str:
        """``<ID>/rx/seen/<NAME>``."""
        return f"{self.node(node)}/rx/seen/{checked(name)}"

    def alias(self, alias: str) -> str:
        """``<NODE>``, beside the node directories."""
        return f"{self.root}/{alias}"
