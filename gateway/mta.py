"""The values and protocols of the plugin boundary: what an MTA plugin gets and gives.

An **ingress** turns what an MTA wrote into submissions; an **egress** hands deliveries to
an MTA and says for each what became of it. Both get values and return or raise; neither
reaches back into the gateway.
"""

# No annotations as strings (PEP 563) here: a NamedTuple compiles every string again, which took
# a tenth of the time that it takes to load all of the gateway.

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from gateway.config.model import NOTHING

if TYPE_CHECKING:
    from gateway.mail.envelope import Envelope, Recipient
    from gateway.mail.message import Message

__all__ = [
    "Delivery",
    "Egress",
    "Event",
    "EventKind",
    "Ingress",
    "Outcome",
    "Submission",
    "Verdict",
]


class Submission(NamedTuple):
    """One transaction that an ingress read: envelope and message.

    `envelope` is None only for raw jobs, whose `arguments` then go into the packet as they
    are. Beside an envelope they are the words it was read from, if it was: ``gateway exec``
    keeps in them what the envelope does not say (bang paths, ``-i``, whether there was an
    ``-f``), and `in_from_line` tells it that the sender stood in a From_ line. `message` is
    read once, before the next submission is asked for.
    """

    envelope: "Envelope | None"
    message: "Message"
    arguments: tuple[str, ...] = ()
    in_from_line: bool = False


@runtime_checkable
class Ingress(Protocol):
    """Reads what one kind of MTA writes to a pipe; plain class attributes do for the three names.

    `form` is one of ``bsmtp``, ``rmail``, ``sendmail`` or ``raw``.
    """

    @property
    def name(self) -> str:
        """By what ``gateway submit`` and messages name it."""
        ...

    @property
    def handles(self) -> tuple[str, ...]:
        """The exec handles it claims."""
        ...

    @property
    def form(self) -> str:
        """How its transactions are written into a packet for one of those handles."""
        ...

    def read(
        self, arguments: tuple[str, ...], stream: IO[bytes], environ: Mapping[str, str]
    ) -> Iterator[Submission]:
        """Yield the submissions of one whole input; the input counts only as a whole.

        Opens no files and writes nothing. The resident process reads several inputs at a time,
        each in a thread of its own.

        Raises:
            Malformed: permanent; what a retry of the same input cannot mend.
            Truncated: temporary; the input ended early or holds no complete transaction.
        """
        ...


class Delivery(NamedTuple):
    """One transaction of a verified packet, to be handed to an MTA.

    `transaction` numbers the deliveries of one call of the egress. `sender_node` is the
    configured name of the node that signed the packet. `arguments` are the peer's arguments
    that the handle's configuration lets through. `command`, `timeout` [s] and `options` come
    from the handle's configuration; `options` holds the keys that the core does not know.
    `environ` is the complete environment a program gets. `message` is read once; `reopen`
    returns another one over the same octets, from any thread, for an egress that has to hand
    a transaction over again (None: it cannot be had twice). `words` are the recipients as the
    peer wrote them into arguments, if it did and the policy allows it: they say what the
    envelope does not (bang paths), and are to be compared with it before they are used.
    `attempts` says how often the packet's delivery was begun before, in vain or in part.
    """

    envelope: "Envelope | None"
    message: "Message"
    transaction: int
    sender_node: str
    handle: str
    niceness: int
    packet: str
    command: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    timeout: float = 300.0
    environ: Mapping[str, str] = NOTHING
    options: Mapping[str, object] = NOTHING
    reopen: "Callable[[], Message] | None" = None
    words: tuple[str, ...] = ()
    attempts: int = 0


class Verdict(Enum):
    """What became of a transaction, or of some of its recipients."""

    TAKEN = "taken"
    """The MTA has it on its disk: ours to forget."""
    DEFERRED = "deferred"
    """Not now: the job stays and is tried again by the schedule."""
    REFUSED = "refused"
    """Not ever: the job is held for a person, with the MTA's own words."""


class Outcome(NamedTuple):
    """What an egress says of one delivery.

    `recipients` narrows it to some of the transaction's recipients (None means all of
    them); `text` is the MTA's own words, one line or few.
    """

    transaction: int
    verdict: Verdict
    text: str = ""
    recipients: "tuple[Recipient, ...] | None" = None


@runtime_checkable
class Egress(Protocol):
    """Hands deliveries to one kind of MTA.

    One with an attribute `series` that is true is given the deliveries of many packets in one
    call, for as long as they are alike: the same sender, handle, niceness, command, environment and options.
    """

    @property
    def name(self) -> str:
        """By what a handle's configuration names it."""
        ...

    @property
    def handles(self) -> tuple[str, ...]:
        """The handles it is made for; for listings only."""
        ...

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        """Yield an Outcome as soon as the MTA took, deferred or refused a delivery.

        The deliveries are transactions of one packet, for one handle. What has no Outcome
        when the iterator ends or raises is deferred. Each Outcome is made durable before
        the next is asked for, so yield at once: it bounds what a crash can repeat.

        In a `series` the next packet is begun when its delivery is asked for (from the thread
        that called), so ask for no more than there is room for: what was asked for is under
        way. There is no next one after an Outcome that defers, or while 256 packets have none.

        An egress may also have ``check(handle, options)``, which ``gateway config check`` asks about
        the options of every handle that names it, before there is mail. It raises `ConfigError`
        with every mistake as ``exec.HANDLE: key: text``.
        """
        ...


class Finding(NamedTuple):
    """One thing that was looked at: whether it is well, what was seen, and the line that mends it.

    `subject` is a word or two; `mend` a command or a line of configuration, empty where all is well.
    """

    ok: bool
    subject: str
    text: str
    mend: str = ""


class EventKind(Enum):
    """What happened, after the fact."""

    SUBMITTED = "submitted"
    SENT = "sent"
    RECEIVED = "received"
    RELAYED = "relayed"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    HELD = "held"
    DELAYED = "delayed"
    ACKNOWLEDGED = "acknowledged"
    CALL_STARTED = "call-started"
    CALL_FINISHED = "call-finished"
    CALL_FAILED = "call-failed"


class Event(NamedTuple):
    """One thing that happened to one packet, or to one online session; keys are only ever added.

    `node` is a configured node name: the final recipient for SUBMITTED, the neighbour for
    SENT, RECEIVED, DELAYED and the calls, else the packet's sender. `packet` is empty for the
    calls. `size` is in bytes. `detail` carries what only some kinds have (``handle``,
    ``arguments``, ``reply_nice``, ``transactions``, ...).
    """

    kind: EventKind
    packet: str
    node: str
    niceness: int = 0
    size: int = 0
    text: str = ""
    detail: Mapping[str, object] = NOTHING
