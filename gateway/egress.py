"""The simplest way to write an egress: one function for one delivery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.errors import GatewayError, Interrupted, Refused
from gateway.mta import Delivery, Outcome, Verdict

__all__ = ["OneByOne"]


class OneByOne:
    """An egress made of `deliver_one`, which takes a delivery by returning and else raises.

    A subclass sets `name` and `handles` and writes `deliver_one`. One delivery's failure says
    nothing about the next.
    """

    name: str = ""
    handles: tuple[str, ...] = ()

    def deliver_one(self, delivery: Delivery) -> str | None:
        """Hand one delivery over; return the MTA's words, if any, once the MTA has it safely.

        Raises:
            Refused: permanent; this mail will never be taken (it is held with the text).
            Exception: temporary; anything else, tried again by the schedule.
        """
        raise NotImplementedError

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        """Yield what became of each delivery, in order."""
        for delivery in deliveries:
            yield self._outcome(delivery)

    def _outcome(self, delivery: Delivery) -> Outcome:
        try:
            text = self.deliver_one(delivery)
        except Refused as error:
            return Outcome(delivery.transaction, Verdict.REFUSED, str(error))
        except Interrupted:  # our own end, not this delivery's
            raise
        except Exception as error:
            return Outcome(delivery.transaction, Verdict.DEFERRED, _words(error))
        return Outcome(delivery.transaction, Verdict.TAKEN, text or "")


def _words(error: Exception) -> str:
    text = str(error)
    if isinstance(error, GatewayError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
