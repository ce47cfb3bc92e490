"""One packet in the making: body in, compressed, sealed, staged; then committed or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.mta import Event, EventKind
from gateway.packet.compression import Compressor
from gateway.packet.identity import encode
from gateway.packet.niceness import BULK, PRIORITY
from gateway.packet.plain import PacketType, Plain, exec_path
from gateway.packet.sealing import Hop, Sealed, Sealer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.config.model import Config, Neighbour
    from gateway.engine.cargo import Item
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool
    from gateway.spool.staged import Staged


class Order(NamedTuple):
    """How packets are to be made: nicenesses 1..255, sizes in bytes, relays by name.

    `via` None means the neighbour's own relays. `max_size` bounds the plain packet, as
    NNCP's -maxsize does.
    """

    niceness: int = PRIORITY
    reply_niceness: int = BULK
    min_size: int = 0
    max_size: int | None = None
    via: tuple[str, ...] | None = None
    compress: bool = True


def route_to(config: Config, neighbour: Neighbour, via: tuple[str, ...] | None = None) -> list[Neighbour]:
    """Return the hops to a neighbour, first relay first, the neighbour last.

    Raises:
        UnknownNode: temporary; a relay is not configured.
    """
    relays = neighbour.via if via is None else via
    return [*(config.neighbour(name) for name in relays), neighbour]


def hops(route: Sequence[Neighbour]) -> list[Hop]:
    """Return what sealing needs to know of a route."""
    return [Hop(node.id, node.exchpub) for node in route]


class Draft:
    """An exec packet for one node and handle, staged in the spool while it is written.

    States S1 (while written), S2 (after `finish`) and S3 (after `commit`) of docs/spool.md.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        identity: Identity,
        route: Sequence[Neighbour],
        handle: str,
        arguments: Sequence[str],
        order: Order,
    ) -> None:
        kind = PacketType.EXEC if order.compress else PacketType.EXEC_FAT
        plain = Plain(kind, order.reply_niceness, exec_path(handle, arguments))
        self.handle = handle
        self.arguments = tuple(arguments)
        self.node = route[-1]
        self.items: list[Item] = []
        """The messages in it."""
        self._niceness = order.niceness
        self._first = route[0]
        self._spool = spool
        self._staged = spool.stage()
        sealer = Sealer(
            self._staged.write,
            identity=identity,
            route=hops(route),
            niceness=order.niceness,
            plain=plain,
            min_size=order.min_size,
            max_size=order.max_size,
        )
        self._sealer: Sealer | None = sealer
        self._compressor = Compressor(sealer.write) if order.compress else None
        self.write = self._compressor.write if self._compressor else sealer.write
        self.sealed: Sealed | None = None

    def finish(self) -> None:
        """Complete and sync the staged file (S2).

        Raises:
            SpoolError: temporary.
            Malformed: permanent; the packet is larger than the order allows.
        """
        assert self._sealer is not None, "finish comes once"
        if self._compressor is not None:
            self._compressor.finish()
        self.sealed = self._sealer.finish()
        # An input may have hundreds of packets, and the compressor's window is megabytes.
        self._compressor = self._sealer = None
        del self.write
        self._staged.complete()

    def commit(self) -> None:
        """Queue the packet for its first hop (S3): the instant at which responsibility passes."""
        assert self.sealed is not None, "finish comes first"
        first = encode(self._first.id)
        self._spool.commit(self._staged, first, "tx", self.sealed.name, alias=self._first.name)

    def news(self, more: Mapping[str, object]) -> Event:
        """Return what to tell of it when it is committed; `more` stands in the detail as well."""
        assert self.sealed is not None, "finish comes first"
        detail: dict[str, object] = {
            "type": "exec",
            "handle": self.handle,
            "arguments": self.arguments,
            "inner": self.sealed.inner_name,
            "layers": self.sealed.layers,
        }
        size = self.sealed.plain_size
        return Event(
            EventKind.SUBMITTED,
            self.sealed.name,
            self.node.name,
            self._niceness,
            size,
            detail={**detail, **more},
        )

    @property
    def staged(self) -> Staged:
        """The file, for whoever commits it in another way."""
        return self._staged

    @property
    def first(self) -> Neighbour:
        """The neighbour in whose queue it will lie."""
        return self._first

    def discard(self) -> None:
        """Forget a packet that was not committed; harmless afterwards."""
        if self._sealer is not None:
            self._sealer.give_up()
        self._staged.discard()


class DraftMaker(Protocol):
    """Starts a packet for the lane's node and handle."""

    def __call__(self, arguments: tuple[str, ...]) -> Draft:
        """Start a packet with these arguments."""
        ...
