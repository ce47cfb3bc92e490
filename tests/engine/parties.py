"""Nodes without files or processes: the engine on real spools, with egresses that only remember."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from gateway.config.model import Accept, Config, Handle, Neighbour, Retry
from gateway.engine.draft import Order
from gateway.engine.submit import Submitter
from gateway.engine.toss import Selection, Tally, Tosser
from gateway.mta import Delivery, Event, Outcome, Verdict
from gateway.packet.identity import Identity, encode
from gateway.registry import Registry
from gateway.spool.spool import Spool

BATCH = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\nhello\n..dot\n.\n"


class Memory:
    """An egress that remembers what it was given and says what it was told to say."""

    name = "memory"
    handles = ()

    def __init__(self) -> None:
        self.got: list[tuple[str, tuple[str, ...], bytes]] = []
        self.say: Callable[[Delivery], Iterable[Outcome]] = lambda d: [Outcome(d.transaction, Verdict.TAKEN)]

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        for delivery in deliveries:
            envelope = delivery.envelope
            sender = str(envelope.sender) if envelope else ""
            recipients = tuple(map(str, envelope.recipients)) if envelope else delivery.arguments
            self.got.append((sender, recipients, delivery.message.read()))
            yield from self.say(delivery)


class Party:
    """One node: configuration, spool, plugins, and the memory of its egress and events."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root / name
        self.root.mkdir()
        self.name = name
        self.identity = Identity.generate()
        self.memory = Memory()
        self.events: list[Event] = []
        self.said: list[str] = []
        self.config = Config(
            path=f"{name}.toml",
            dialect="toml",
            spool=str(self.root / "spool"),
            identity=self.identity,
            neighbours={"self": self.as_neighbour("self")},
            plugins=(),
            retry=Retry(schedule=(0.0,), give_up=3600.0),
        )
        self.spool = Spool(self.config.spool)

    def as_neighbour(self, name: str | None = None) -> Neighbour:
        keys = self.identity
        return Neighbour(name or self.name, keys.id, keys.exchpub, keys.signpub, keys.noisepub)

    def knows(
        self,
        other: Party,
        *,
        via: tuple[str, ...] = (),
        handles: Mapping[str, Handle] | None = None,
        accept: Accept | None = None,
        ack: bool = False,
        bounce: bool = False,
    ) -> None:
        """Make `other` a neighbour; by default it may send batches into the memory, and is told nothing."""
        default = {"rsmtp": Handle("rsmtp", egress="memory", command=("memory",), form="bsmtp")}
        known = other.as_neighbour()._replace(
            via=via,
            handles=default if handles is None else handles,
            accept=accept or Accept(),
            ack=ack,
            bounce=bounce,
        )
        self.reconfigure(neighbours={**self.config.neighbours, other.name: known})

    def reconfigure(self, **changes: object) -> None:
        self.config = self.config._replace(**changes)  # type: ignore[arg-type]

    def registry(self) -> Registry:
        registry = Registry(self.config, report=self.said.append)
        registry._egresses = [*registry.egresses(), self.memory]
        registry.event = self.events.append  # type: ignore[method-assign, assignment]
        return registry

    def submit(
        self, body: bytes, node: str | None, *words: str, ingress: str = "raw", **order: object
    ) -> list[str]:
        handle, *arguments = words or ("rsmtp",)
        registry = self.registry()
        drafts = Submitter(self.config, self.spool, registry).submit(
            registry.ingress(ingress),
            tuple(arguments),
            io.BytesIO(body),
            {},
            node=node,
            handle=handle,
            order=Order(**order),  # type: ignore[arg-type]
        )
        return [draft.sealed.name for draft in drafts if draft.sealed]

    def toss(self, *, jobs: int = 1, dry_run: bool = False, nice: int = 255) -> Tally:
        tosser = Tosser(self.config, self.spool, self.registry(), say=self.said.append)
        return tosser.pass_over(Selection(max_niceness=nice), jobs=jobs, dry_run=dry_run)

    def jobs(self, box: str) -> list[str]:
        return [j.name for node in self.spool.nodes() for j in self.spool.jobs(node, box)]  # type: ignore[arg-type]

    def box(self, other: Party, box: str) -> Path:
        return Path(self.spool.root) / encode(other.identity.id) / box

    def seen(self) -> set[str]:
        return {p.name for p in Path(self.spool.root).glob("*/rx/seen/*")}

    def tmp(self) -> list[str]:
        return os.listdir(f"{self.spool.root}/tmp") if os.path.isdir(f"{self.spool.root}/tmp") else []


def carry(sender: Party, receiver: Party, *, keep: bool = False) -> list[str]:
    """Move what waits for `receiver` as a courier would; return the names."""
    target = receiver.box(sender, "rx")
    target.mkdir(parents=True, exist_ok=True)
    names = []
    for path in sorted(sender.box(receiver, "tx").glob("?" * 52)):
        shutil.copyfile(path, target / path.name)
        names.append(path.name)
        if not keep:
            path.unlink()
    return names
