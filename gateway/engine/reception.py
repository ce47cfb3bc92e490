"""Reception: transactions of an MTA that waits for an answer for each recipient (RFC 2033)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ParamSpec

from gateway.engine.cargo import Item
from gateway.engine.draft import Order
from gateway.engine.ground import self_name
from gateway.engine.submit import Submitter
from gateway.errors import Interrupted, SpoolError
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mail.lmtp_replies import Reply
from gateway.mail.marks import Marks
from gateway.mail.message import Message
from gateway.mta import Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.model import Config, Neighbour
    from gateway.engine.draft import Draft
    from gateway.engine.lanes import Lane
    from gateway.registry import Registry
    from gateway.spool.spool import Spool

_P = ParamSpec("_P")

_SENDER_OK = Reply(250, "2.1.0", "ok")
_RECIPIENT_OK = Reply(250, "2.1.5", "ok")
_GO_ON = Reply(354, "", "end with a dot on a line of its own")


class Desk:
    """Where mail is received: what the receptions of one process share.

    `node` takes all mail; without it the address names the node, if the configuration lets it,
    or else the routing table does. `order` says how packets are made. While plugins are asked,
    `one_at_a_time` is held: a lock, where there are threads.
    """

    def __init__(
        self,
        config: Config,
        spool: Spool,
        registry: Registry,
        *,
        node: str | None = None,
        order: Order = Order(),  # noqa: B008 - a value that cannot change
        one_at_a_time: AbstractContextManager[object] = nullcontext(),  # noqa: B008 - without any state
    ) -> None:
        self.spool = spool
        self._order = order
        self._config = config
        self._registry = registry
        self._submitter = Submitter(config, spool, registry)
        self._node = config.neighbour(node) if node is not None else None
        self._plugins = one_at_a_time

    def way(self, sender: ReversePath, recipient: Recipient) -> tuple[Neighbour, Recipient]:
        """Return the node for a recipient, and the recipient as that node is to see it.

        Raises:
            Malformed: permanent; the node's form of mail cannot carry the address.
            GatewayError: temporary; no way is known, or a plugin is broken.
        """
        neighbour, seen = self._neighbour(sender, recipient)
        if neighbour.mail.form != "bsmtp":
            # Found out later, it would be the failure of all others that go there, too.
            from gateway.engine.letter_lane import check_recipient  # noqa: PLC0415 - most write batches

            check_recipient(neighbour.mail, Envelope(sender, (seen,)), node_name=self_name(self._config))
        return neighbour, seen

    def _neighbour(self, sender: ReversePath, recipient: Recipient) -> tuple[Neighbour, Recipient]:
        if self._node is not None:
            return self._node, recipient
        mark = self._config.serve.lmtp_node_after
        if mark:
            local, at, domain = recipient.address.rpartition("@")
            rest, _, name = local.rpartition(mark)
            if at and rest and name != "self" and name in self._config.neighbours:
                return self._config.neighbours[name], Recipient(f"{rest}@{domain}")
        with self._plugins:
            name = self._registry.route(Envelope(sender, (recipient,)))
        return self._config.neighbour(name), recipient

    def open(self, neighbour: Neighbour, envelope: Envelope, marks: Marks) -> Lane:
        """Return a lane in which the transaction has begun; `marks` look at what follows.

        Raises:
            Refused: permanent; a policy says no.
            GatewayError: as the spool, the form and the plugins have it.
        """
        with self._plugins:
            self._registry.check_submission(envelope, neighbour.name)
        lane = self._submitter.lane(neighbour, self._order)
        try:
            lane.begin(envelope, Submission(envelope, Message(())), Item(envelope, marks))
        except BaseException:
            lane.discard()
            raise
        return lane

    def tell(self, drafts: list[Draft]) -> None:
        """Tell every plugin what was committed."""
        with self._plugins:
            self._submitter.tell(drafts, self._order, {})


class _Share:
    """What one node gets of a transaction; with a `failure`, it gets nothing."""

    def __init__(self, neighbour: Neighbour) -> None:
        self.neighbour = neighbour
        self.recipients: list[Recipient] = []
        self.failure: Reply | None = None
        self.drafts: list[Draft] = []
        self._lane: Lane | None = None
        self._marks = Marks()

    def open(self, desk: Desk, sender: ReversePath) -> None:
        self._lane = desk.open(self.neighbour, Envelope(sender, self.recipients), self._marks)

    def data(self, octets: bytes) -> None:
        assert self._lane is not None, "open comes first"
        self._marks.look(octets)
        self._lane.data(octets)

    def stage(self) -> None:
        assert self._lane is not None, "open comes first"
        self._marks.end()
        self._lane.end()
        self.drafts = list(self._lane.finish())

    def commit(self) -> None:
        for draft in self.drafts:
            draft.commit()

    def attempt(self, step: Callable[_P, None], *arguments: _P.args, **named: _P.kwargs) -> None:
        """Do a step, unless one failed before; a failure is this share's alone."""
        if self.failure is None:
            try:
                step(*arguments, **named)
            except Interrupted:
                raise
            except Exception as failure:  # whatever it is, the other nodes' mail goes its way
                self.fail(Reply.of(failure))

    def fail(self, reply: Reply) -> None:
        self.failure = reply
        self.discard()

    def discard(self) -> None:
        self.drafts = []
        if self._lane is not None:
            self._lane.discard()

    @property
    def answer(self) -> Reply:
        if self.failure is not None:
            return self.failure
        names = " ".join(draft.sealed.name for draft in self.drafts if draft.sealed)
        return Reply(250, "2.6.0", f"queued for {self.neighbour.name} as {names}")


class Reception:
    """Takes the transactions of one client, one after the other.

    Each node's share of a transaction stands for itself: it is committed, or refused, whatever
    becomes of the others. `on_staged` is called when all is staged, before the first commit.
    """

    def __init__(self, desk: Desk, *, on_staged: Callable[[], None] = lambda: None) -> None:
        self._desk = desk
        self._on_staged = on_staged
        self._sender = ReversePath("")
        self._shares: dict[str, _Share] = {}
        self._of: list[_Share] = []
        self._committed: list[Draft] = []

    def open(self, sender: ReversePath, size: int) -> Reply:
        """Begin a transaction, of which the client says that it has `size` bytes (0: it does not)."""
        self.discard()
        self._sender = sender
        if size:
            try:
                free = self._desk.spool.free()
            except SpoolError as failure:
                return Reply.of(failure)
            if size > free:
                return Reply(452, "4.3.1", f"{size} bytes are announced, and {free} are free in the spool")
        return _SENDER_OK

    def address(self, recipient: Recipient) -> Reply:
        """Take one more recipient, if there is a way to him."""
        try:
            neighbour, seen = self._desk.way(self._sender, recipient)
        except Interrupted:
            raise
        except Exception as failure:  # a plugin's failure, or ours, is never the mail's
            return Reply.of(failure)
        share = self._shares.setdefault(neighbour.name, _Share(neighbour))
        share.recipients.append(seen)
        self._of.append(share)
        return _RECIPIENT_OK

    def begin(self) -> Reply:
        """Begin the message; a refusal is for all recipients."""
        shares = self._shares.values()
        for share in shares:
            share.attempt(share.open, self._desk, self._sender)
        failures = {share.failure for share in shares}
        same = failures.pop() if len(failures) == 1 else None
        return same or _GO_ON

    def text(self, octets: bytes) -> None:
        """Take the next octets of the message."""
        for share in self._shares.values():
            share.attempt(share.data, octets)

    def end(self, refusal: Reply | None = None) -> list[Reply]:
        """End the message, commit what can be, and return an answer for every recipient, in order."""
        shares = list(self._shares.values())
        for share in shares:
            if refusal is not None:
                share.fail(refusal)
            share.attempt(share.stage)
        self._on_staged()
        for share in shares:
            share.attempt(share.commit)
        answers = [share.answer for share in self._of]
        self._committed += [draft for share in shares for draft in share.drafts]
        self._shares, self._of = {}, []
        return answers

    @property
    def untold(self) -> bool:
        """Whether something was committed and not told yet."""
        return bool(self._committed)

    def tell(self) -> None:
        """Tell the plugins what was committed, once the client has its answer."""
        drafts, self._committed = self._committed, []
        if drafts:
            self._desk.tell(drafts)

    def discard(self) -> None:
        """Forget the transaction, if one is open; harmless otherwise."""
        for share in self._shares.values():
            share.discard()
        self._shares, self._of = {}, []
