"""Submit: what an ingress reads becomes packets, all of them staged before the first is committed."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from gateway.engine.cargo import Item, answering, descriptions
from gateway.engine.ground import identity_of
from gateway.engine.lanes import lane_to
from gateway.errors import ConfigError, Truncated
from gateway.mail.envelope import Envelope
from gateway.mail.marks import Marks
from gateway.mta import Event, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.config.model import Config, Neighbour
    from gateway.engine.draft import Draft, Order
    from gateway.engine.lanes import Lane
    from gateway.mail.envelope import Recipient
    from gateway.mta import Ingress
    from gateway.registry import Registry
    from gateway.spool.spool import Spool


def _nothing() -> None:
    return None


class Submitter:
    """Submits whole inputs into one spool under one configuration."""

    def __init__(self, config: Config, spool: Spool, registry: Registry) -> None:
        self._config = config
        self._spool = spool
        self._registry = registry

    def submit(
        self,
        ingress: Ingress,
        arguments: tuple[str, ...],
        stream: IO[bytes],
        environ: Mapping[str, str],
        *,
        node: str | None = None,
        handle: str | None = None,
        order: Order,
        parent: int | None = None,
        on_staged: Callable[[], None] = _nothing,
        on_committed: Callable[[], None] = _nothing,
    ) -> list[Draft]:
        """Queue one whole input; return the packets when they are safely on disk.

        With `handle`, transactions are written in the ingress's own form to that handle
        (`exec`); without, in the form and to the handle the neighbour's configuration names.
        Without `node` the routing table decides for every recipient. `parent` is the process
        that started whoever asks, where that is not ours. `on_staged` is called
        when all is staged and before the first commit, `on_committed` after the last.

        Raises:
            Malformed, Refused: permanent.
            GatewayError: temporary; a repeat may duplicate only what was committed when a
                later commit of the same input failed.
        """
        lanes: dict[str, Lane] = {}

        def lane_for(name: str) -> Lane:
            neighbour = self._config.neighbour(name)
            if neighbour.name not in lanes:
                given = (ingress.form, handle) if handle else None
                lanes[neighbour.name] = self.lane(neighbour, order, given)
            return lanes[neighbour.name]

        try:
            for submission in ingress.read(arguments, stream, environ):
                self._spread(submission, node, lane_for, ingress.form)
            drafts = [draft for lane in lanes.values() for draft in lane.finish()]
            if not drafts:
                msg = "the input ended without a complete transaction"
                raise Truncated(msg)
            on_staged()
            for draft in drafts:
                draft.commit()
        except BaseException:
            for lane in lanes.values():
                lane.discard()
            raise
        on_committed()
        self.tell(drafts, order, environ, parent)
        return drafts

    def lane(self, neighbour: Neighbour, order: Order, given: tuple[str, str] | None = None) -> Lane:
        """Return an empty lane in the form and to the handle that are `given`, else the neighbour's.

        Raises:
            ConfigError, UnknownNode: temporary.
        """
        identity = identity_of(self._config)
        return lane_to(neighbour, order, given, config=self._config, identity=identity, spool=self._spool)

    def tell(
        self, drafts: Iterable[Draft], order: Order, environ: Mapping[str, str], parent: int | None = None
    ) -> None:
        """Tell every plugin what was committed."""
        for draft in drafts:
            self._registry.event(_submitted(draft, order, environ, parent))

    def _spread(
        self, submission: Submission, node: str | None, lane_for: Callable[[str], Lane], form: str
    ) -> None:
        """Write one submission to the lane of every node it goes to."""
        if submission.envelope is None:
            if node is None:
                msg = "a raw job has no recipients to route by: name the node"
                raise ConfigError(msg)
            shares: list[tuple[Lane, Envelope | None]] = [(lane_for(node), None)]
        else:
            words = submission.arguments if form == "rmail" else ()
            nodes = {node: submission.envelope} if node else self._by_node(submission.envelope, words)
            for name, share in nodes.items():
                self._registry.check_submission(share, name)
            shares = [(lane_for(name), share) for name, share in nodes.items()]
        marks = Marks()
        for lane, envelope in shares:
            lane.begin(envelope, submission, Item(envelope, marks))
        for chunk in submission.message:
            if submission.envelope is not None:
                marks.look(chunk)
            for lane, _ in shares:
                lane.data(chunk)
        marks.end()
        for lane, _ in shares:
            lane.end()

    def _by_node(self, envelope: Envelope, words: tuple[str, ...]) -> dict[str, Envelope]:
        """Share recipients out over nodes; those that `words` name by a bang path by its first host."""
        groups: dict[str, list[Recipient]] = {}
        towards: dict[Recipient, Recipient] = {}
        if words:
            from gateway.mail.bang import next_addresses  # noqa: PLC0415 - only for rmail's form

            towards = next_addresses(words)
        for recipient in envelope.recipients:
            one = Envelope(envelope.sender, (towards.get(recipient, recipient),))
            name = self._config.neighbour(self._registry.route(one)).name
            groups.setdefault(name, []).append(recipient)
        return {name: Envelope(envelope.sender, tuple(some)) for name, some in groups.items()}


def _process(parent: int) -> dict[str, object]:
    """Return who called, as far as the system tells it: its process id, and what it runs."""
    try:
        with open(f"/proc/{parent}/comm", "rb") as file:
            program = file.read().decode("utf-8", "replace").strip()
    except OSError:
        program = ""
    return {"parent": parent, "program": program}


def _submitted(draft: Draft, order: Order, environ: Mapping[str, str], parent: int | None) -> Event:
    more: dict[str, object] = {
        "reply_nice": order.reply_niceness,
        "messages": descriptions(draft.items),
        "answering": answering(draft.items),
    }
    if environ:
        more["process"] = _process(os.getppid() if parent is None else parent)
    if environ.get("MESSAGE_ID"):
        # Exim's queue id: for the trace only, since it repeats legitimately.
        more["message_id"] = environ["MESSAGE_ID"]
    return draft.news(more)
