"""Single jobs as a bundle: each packet, and before it what is remembered of it.

A bundle as `write` makes it, with one file more for every packet: ``NAME.json`` beside ``NAME``, which
readers of bundles pass over. So what was exported can be received from as well, with the state
forgotten; and a plain bundle can be imported, with no state to remember.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, NamedTuple

from gateway.errors import BadPacket
from gateway.links.bundle.archive import Member, filling, headers, members
from gateway.links.content import checked
from gateway.packet.header import HEADER_SIZE, Header
from gateway.packet.identity import encode
from gateway.packet.mth import MerkleTree
from gateway.spool.adoption import adopt
from gateway.spool.layout import BOXES, is_name
from gateway.spool.record import JobRecord

if TYPE_CHECKING:
    from gateway.spool.layout import Box, Job
    from gateway.spool.spool import Spool
    from gateway.spool.staged import Staged

SUFFIX = ".json"
VERSION = 1
_LARGEST = 4 * 1024 * 1024
"""[bytes] The largest state that is believed; a real one has a line for each recipient."""
_UNREADABLE = "imported, and what was remembered of it cannot be read"
_UNKNOWN = "imported while it was being delivered elsewhere: what was taken is unknown"


def write_job(spool: Spool, stream: IO[bytes], own: str, job: Job) -> None:
    """Write one job, its state first; `own` is our id. `archive.END` goes behind the last one.

    Raises:
        NotIntact: the packet does not hash to its name; nothing of it was written.
        SpoolError: temporary; it went away, or cannot be read.
        OSError: the stream takes no more: what was written is void.
    """
    record = spool.recorded(job)
    outbound = job.box == "tx" or (record is not None and record.origin == "tx")
    recipient, sender = (job.node, own) if outbound else (own, job.node)
    remembered = None if record is None else json.loads(record.to_json())
    state = {
        "gateway-job": VERSION,
        "node": job.node,
        "box": job.box,
        "time": job.mtime,
        "record": remembered,
    }
    text = json.dumps(state, indent=1).encode("ascii") + b"\n"
    with spool.open(job) as file:
        size = os.fstat(file.fileno()).st_size
        # Once the header is out the content must follow: so it is proved before.
        for _ in checked(file, job.name, size):
            pass
        file.seek(0)
        beside = tarfile.TarInfo(f"NNCP/{recipient}/{sender}/{job.name}{SUFFIX}")
        beside.size, beside.mode = len(text), 0o400
        stream.write(beside.tobuf(tarfile.USTAR_FORMAT) + text + filling(len(text)))
        stream.write(headers(recipient, sender, job.name, size))
        for chunk in checked(file, job.name, size):
            stream.write(chunk)
        stream.write(filling(size))


class Imported(NamedTuple):
    """What became of one packet: in which box it stands now, or where it is known from, or what is wrong."""

    packet: str
    node: str
    box: str = ""
    known: str = ""
    trouble: str = ""


class _State(NamedTuple):
    """Where a job is to stand, and what is remembered of it."""

    node: str
    box: Box
    time: float | None
    record: JobRecord | None

    def unreadable(self) -> _State:
        """Return the state of a job of which only this is certain: to let it go on could deliver twice."""
        return self._replace(box="hold", record=JobRecord(reason=_UNREADABLE, origin=self.box))

    @property
    def outbound(self) -> bool:
        return self.box == "tx" or (self.record is not None and self.record.origin == "tx")


class Importer:
    """Puts jobs of a stream into a spool; `own` is our id, `neighbours` the ids we know.

    With `hold` every job is set aside, also one that is for somebody else, to be looked at; with
    `dry_run` everything is read and proved, and nothing is written.
    """

    def __init__(
        self,
        spool: Spool,
        own: str,
        neighbours: Collection[str],
        *,
        hold: bool = False,
        dry_run: bool = False,
    ) -> None:
        self._spool = spool
        self._own = own
        self._neighbours = neighbours
        self._hold = hold
        self._dry_run = dry_run

    def read(self, read: Callable[[int], bytes]) -> Iterator[Imported]:
        """Yield what became of each packet; one is in its box, and on the disk, before it is yielded.

        Raises:
            Truncated: temporary; the stream ends inside a packet. What was yielded before counts.
            SpoolError: temporary; LockBusy if toss is at work on packets of the same neighbour.
        """
        # Only the last state is kept: a packet's own stands right before it.
        states: dict[str, _State | None] = {}
        last = ""
        for member in members(read):
            *_, recipient, sender, file = ["", "", *member.path.split("/")]
            name = file.removesuffix(SUFFIX)
            if not is_name(name):
                continue
            if file != name:
                if last in states:
                    states[last] = None
                states[name], last = _state(member), name
                continue
            state = self._from_path(recipient, sender)
            if name in states:
                state = states.pop(name) or (state and state.unreadable())
            yield self._take(name, state, member)

    def _from_path(self, recipient: str, sender: str) -> _State | None:
        """Return the state of a packet in a plain bundle."""
        if recipient == self._own and is_name(sender):
            return _State(sender, "rx", None, None)
        if sender == self._own and is_name(recipient):
            return _State(recipient, "tx", None, None)
        return None

    def _take(self, name: str, state: _State | None, member: Member) -> Imported:
        if state is None:
            return Imported(name, "", trouble="neither for us nor from us, and nothing says what it was")
        if state.node not in self._neighbours and not self._hold:
            return Imported(name, state.node, trouble="of no neighbour of ours: gateway node add, or --hold")
        with ExitStack() as until_done:
            if not self._dry_run and not state.outbound:
                until_done.enter_context(self._spool.lock(state.node, "toss"))
            known = self._known(name, state)
            if known:
                return Imported(name, state.node, known=known)
            staged = None if self._dry_run else until_done.enter_context(self._spool.stage())
            trouble = self._copy(name, state, member, staged)
            if trouble:
                return Imported(name, state.node, trouble=trouble)
            box, record = self._place(state)
            if staged is not None:
                staged.complete()
                adopt(self._spool, staged, state.node, box, name, record=record, time=state.time)
            return Imported(name, state.node, box=box)

    def _known(self, name: str, state: _State) -> str:
        """Return where a packet is known from, if it is."""
        here = next(iter(self._spool.find(name)), None)
        if here is not None:
            return here.box
        return "" if state.outbound else self._spool.known(name) or ""

    def _copy(self, name: str, state: _State, member: Member, staged: Staged | None) -> str:
        """Read a packet, into a file where there is one; return what is wrong with it."""
        tree = MerkleTree()
        head = b""
        for chunk in member.content:
            head += chunk[: HEADER_SIZE - len(head)]
            tree.update(chunk)
            if staged is not None:
                staged.write(chunk)
        if tree.name() != name:
            return "content and name disagree"
        try:
            recipient = encode(Header.decode(head).recipient)
        except BadPacket as failure:
            return "" if self._hold else f"{failure} (--hold takes it, to be looked at)"
        if self._hold or recipient == (state.node if state.outbound else self._own):
            return ""
        return f"it is for {recipient} (--hold takes it, to be looked at)"

    def _place(self, state: _State) -> tuple[Box, JobRecord | None]:
        """Return the box that a job goes into, and its record there."""
        record = state.record or JobRecord()
        origin = record.origin if state.box in ("hold", "trash") else state.box
        if state.box == "work" and (state.record is None or record.running):
            # What was taken is unknown: to go on could deliver twice, so a person decides.
            return "hold", record.held(_UNKNOWN, origin)
        if self._hold or state.box in ("hold", "trash"):
            return "hold", record.held(record.reason or "imported", origin)
        return state.box, record._replace(expires=0.0) if state.box == "work" else None


def _state(member: Member) -> _State | None:
    """Read a state; one that makes no sense is none."""
    if member.size > _LARGEST:
        return None
    content = b"".join(member.content)
    try:
        found = json.loads(content)
        node, box, time, record = (found[key] for key in ("node", "box", "time", "record"))
        if found["gateway-job"] != VERSION or not is_name(node) or box not in BOXES:
            return None
        remembered = None if record is None else JobRecord.from_json(json.dumps(record).encode())
        return _State(node, box, float(time), remembered)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
