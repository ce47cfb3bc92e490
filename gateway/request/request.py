"""One request of a pipe command, done in whichever process has what it takes."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, NamedTuple

from gateway.engine.draft import Order
from gateway.engine.submit import Submitter
from gateway.request.order import order_of
from gateway.request.words import split

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.config.model import Config
    from gateway.registry import Registry
    from gateway.spool.spool import Spool


class Caller(NamedTuple):
    """Who asks: what it has in its environment, and the process that started it."""

    environ: Mapping[str, str]
    parent: int


class Request(NamedTuple):
    """What is to be queued, by which ingress, for which node; without a handle in the neighbour's form."""

    given: Mapping[str, str]
    order: Order
    node: str | None
    handle: str | None
    ingress: str | None
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, command: str, words: Sequence[str], before: Mapping[str, str]) -> Request:
        """Return what the words behind `exec` or `submit` ask for.

        Raises:
            UsageError: temporary.
        """
        given, named, arguments = split(command, words, before)
        return cls(
            given, order_of(given), named.get("node"), named.get("handle"), named.get("ingress"), arguments
        )

    def check(self, config: Config) -> None:
        """Look whether the node that a handle is of is known, before anything is touched.

        Raises:
            UnknownNode: temporary.
        """
        if self.handle is not None and self.node is not None:
            config.neighbour(self.node)

    def fulfil(
        self,
        config: Config,
        spool: Spool,
        registry: Registry,
        stream: IO[bytes],
        caller: Caller,
        *,
        on_staged: Callable[[], None],
        on_committed: Callable[[], None],
    ) -> None:
        """Queue what comes on `stream`; return when it is safely on disk.

        `on_staged` is called before the first commit, `on_committed` after the last.

        Raises:
            Malformed, Refused: permanent.
            GatewayError: temporary, whatever else.
        """
        if self.ingress is None and self.handle is not None:
            ingress = registry.ingress_for(self.handle)
        else:
            ingress = registry.ingress(self.ingress or "raw")
        Submitter(config, spool, registry).submit(
            ingress,
            self.arguments,
            stream,
            caller.environ,
            node=self.node,
            handle=self.handle,
            order=self.order,
            parent=caller.parent,
            on_staged=on_staged,
            on_committed=on_committed,
        )
