"""Two nodes in this process, joined by a socket pair; and a peer that says whatever a test wants."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.config.model import Limits, Neighbour
from gateway.links.session import Account, Party, Rules, Wire, answer, call, locked
from gateway.links.sync.channel import CallingChannel
from gateway.links.sync.messages import Message, pad
from gateway.mta import Event
from gateway.packet.header import Header
from gateway.packet.identity import Identity, encode
from gateway.packet.mth import MerkleTree
from gateway.spool.spool import Spool

QUICK = Rules(onlinedeadline=1.2, deadline=1.0)


class Site:
    """One node; `id` is the text form of its id."""

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.identity = Identity.generate()
        self.id = encode(self.identity.id)
        self.spool = Spool(str(root / name))
        self.events: list[Event] = []
        self.party = Party(self.identity, self.spool, self.events.append)

    def neighbour(self, limits: Limits | None = None) -> Neighbour:
        """Return what others know of this node."""
        me = self.identity
        return Neighbour(
            name=self.name, id=me.id, exchpub=me.exchpub, signpub=me.signpub, noisepub=me.noisepub,
            limits=limits or Limits(),
        )  # fmt: skip

    def queue(self, other: Site, size: int = 1000, niceness: int = 160) -> tuple[str, bytes]:
        """Put a packet for another into tx; return its name and bytes."""
        header = Header(
            niceness=niceness, sender=self.identity.id, recipient=other.identity.id, exchpub=os.urandom(32)
        )
        data = header.encode() + os.urandom(64) + bytes(size)
        tree = MerkleTree()
        tree.update(data)
        with self.spool.stage() as staged:
            staged.write(data)
            staged.complete()
            self.spool.commit(staged, other.id, "tx", tree.name())
        return tree.name(), data

    def names(self, other: Site, box: str) -> set[str]:
        """Return the packets in a box."""
        return {job.name for job in self.spool.jobs(other.id, box)}  # type: ignore[arg-type]

    def read(self, other: Site, name: str) -> bytes:
        """Return a packet that arrived."""
        return Path(self.spool.paths.packet(other.id, "rx", name)).read_bytes()

    def part(self, other: Site, name: str) -> Path:
        """Return where a part of a packet lies."""
        path = Path(self.spool.paths.packet(other.id, "rx", name) + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


@contextmanager
def answering(
    site: Site, caller: Site, *, rules: Rules = QUICK, limits: Limits | None = None
) -> Iterator[tuple[socket.socket, list[Account | Exception]]]:
    """Let `site` answer on one end of a socket pair; yield the other end and what becomes of it."""
    ours, theirs = socket.socketpair()
    known = caller.neighbour(limits)
    result: list[Account | Exception] = []

    def serve() -> None:
        try:
            with ours, Wire(ours.fileno(), ours.fileno()) as wire:
                result.append(
                    answer(
                        wire,
                        site.party,
                        lambda key: known if key == known.noisepub else None,
                        lambda _: rules,
                        deadline=rules.deadline,
                    )
                )
        except Exception as failure:
            result.append(failure)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield theirs, result
    finally:
        theirs.close()
        thread.join(60)
        assert not thread.is_alive()


def talk(
    caller: Site,
    called: Site,
    *,
    rules: Rules = QUICK,
    other: Rules = QUICK,
    limits: Limits | None = None,
    caller_limits: Limits | None = None,
) -> tuple[Account, Account | Exception]:
    """Hold a whole session; return the account of either side."""
    with answering(called, caller, rules=other, limits=limits) as (end, result):
        neighbour = called.neighbour(caller_limits)
        with locked(caller.party, neighbour, rules), Wire(end.fileno(), end.fileno()) as wire:
            mine = call(wire, caller.party, neighbour, rules)
    return mine, result[0]


class Stranger:
    """A caller with good keys and bad manners."""

    def __init__(self, end: socket.socket, caller: Site, called: Site) -> None:
        me = caller.identity
        self.end = end
        end.settimeout(20)
        self.channel = CallingChannel(me.noiseprv, me.noisepub, called.identity.noisepub)

    def greet(self, *messages: Message) -> None:
        """Shake hands."""
        payload = b"".join(message.encode() for message in messages)
        self.end.sendall(self.channel.hello(pad(payload)))
        while not self.channel.open:
            data = self.end.recv(65536)
            assert data, "the other end hung up"
            for _ in self.channel.feed(data):
                pass

    def say(self, payload: bytes | Message) -> None:
        """Say something."""
        plain = payload if isinstance(payload, bytes) else payload.encode()
        self.end.sendall(self.channel.seal(plain))

    def until_closed(self) -> None:
        """Read until the other end hangs up."""
        try:
            while self.end.recv(65536):
                pass
        except ConnectionError:
            pass
