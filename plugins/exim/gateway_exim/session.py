"""One Exim process: the stream it is fed, and what its end means for each transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway import BatchWriter, Envelope, GatewayError, Outcome, Verdict, run_program
from gateway_exim.report import Report, read_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway import Delivery, Finished, Message, Recipient

CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Share:
    """A delivery, or that part of it which its remaining recipients make.

    `fed` remembers, for all shares of one delivery, that its message was read.
    """

    delivery: Delivery
    envelope: Envelope
    fed: list[bool] = field(default_factory=lambda: [False], compare=False, repr=False)

    @property
    def can_be_fed(self) -> bool:
        """Whether there is still a message to read."""
        return not self.fed[0] or self.delivery.reopen is not None

    def open(self) -> Message:
        """Return the message, a fresh one if it was read before."""
        if not self.fed[0]:
            self.fed[0] = True
            return self.delivery.message
        assert self.delivery.reopen is not None
        return self.delivery.reopen()

    def narrowed(self, recipients: Sequence[Recipient]) -> Share:
        """Return the share of these recipients."""
        return replace(self, envelope=Envelope(self.envelope.sender, tuple(recipients)))

    def outcome(self, verdict: Verdict, text: str = "") -> Outcome:
        """Return the outcome of this share's recipients."""
        whole = self.envelope is self.delivery.envelope
        return Outcome(self.delivery.transaction, verdict, text, None if whole else self.envelope.recipients)


@dataclass(frozen=True, slots=True)
class Ending:
    """What one process made of its shares.

    The first `taken` are on Exim's disk. `report` is about the next one, and those behind it
    were not looked at. `trouble` says that nothing is known of any (then `taken` is 0).
    """

    taken: int = 0
    report: Report | None = None
    trouble: str = ""


def feed(shares: Sequence[Share], stopped: Callable[[], bool]) -> Ending:
    """Feed the shares to one new process and return how it ended.

    When `stopped` turns true the process is killed in the middle of its input.

    Raises:
        GatewayError: temporary; the program cannot be started, or a message cannot be read
            (then the process was killed).
    """
    first = shares[0].delivery
    stream = _Stream(shares, stopped)
    finished = run_program(
        first.command,
        stdin=stream,
        environ=first.environ,
        timeout=sum(share.delivery.timeout for share in shares),
    )
    return _ending(finished, len(shares), whole=stream.whole)


def _ending(finished: Finished, count: int, *, whole: bool) -> Ending:
    """Judge by exit status and output; what is not understood is trouble."""
    if finished.timed_out or finished.signal is not None:
        return Ending(trouble=finished.says())
    if finished.status == 0:
        return (
            Ending(taken=count)
            if whole
            else Ending(trouble="exit status 0, but the input was not read to its end")
        )
    report = read_report(finished.stdout, finished.stderr)
    expected = {1: range(1, count), 2: range(1)}.get(finished.status or 0, range(0))
    if report is None or report.taken not in expected:
        return Ending(trouble=finished.says())
    return Ending(taken=report.taken, report=report)


class _Stream:
    """The chunks of one process's input; `whole` once the last one was written."""

    def __init__(self, shares: Sequence[Share], stopped: Callable[[], bool]) -> None:
        self.shares = shares
        self.stopped = stopped
        self.whole = False

    def __iter__(self) -> Iterator[bytes]:
        waiting = bytearray()
        writer = BatchWriter(waiting.extend)
        for share in self.shares:
            writer.begin(share.envelope)
            for chunk in share.open():
                if self.stopped():
                    msg = "told to stop"
                    raise GatewayError(msg)
                writer.data(chunk)
                if len(waiting) >= CHUNK:
                    yield bytes(waiting)
                    waiting.clear()
            writer.end()
        writer.finish()
        yield bytes(waiting)
        self.whole = True
