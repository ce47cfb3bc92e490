from __future__ import annotations

import pytest

from gateway.egress import OneByOne
from gateway.errors import Interrupted, ProgramError, Refused
from gateway.mail.message import Message
from gateway.mta import Delivery, Egress, Outcome, Verdict


def delivery(transaction: int) -> Delivery:
    return Delivery(
        envelope=None,
        message=Message([b"x"]),
        transaction=transaction,
        sender_node="bob",
        handle="inbox",
        niceness=96,
        packet="P",
    )


class Scripted(OneByOne):
    name = "scripted"

    def __init__(self, *answers: str | BaseException | None) -> None:
        self.answers = answers

    def deliver_one(self, delivery: Delivery) -> str | None:
        answer = self.answers[delivery.transaction]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def outcomes(*answers: str | BaseException | None) -> list[Outcome]:
    return list(Scripted(*answers).deliver(delivery(i) for i in range(len(answers))))


def test_it_is_an_egress() -> None:
    assert isinstance(Scripted(), Egress)


def test_returning_is_taken_and_raising_is_not() -> None:
    assert [
        Outcome(0, Verdict.TAKEN, "queued as 1"),
        Outcome(1, Verdict.REFUSED, "no such user"),
        Outcome(2, Verdict.DEFERRED, "exit status 75"),
        Outcome(3, Verdict.DEFERRED, "ZeroDivisionError: by nought"),
        Outcome(4, Verdict.DEFERRED, "OSError"),
        Outcome(5, Verdict.TAKEN, ""),
    ] == outcomes(
        "queued as 1",
        Refused("no such user"),
        ProgramError("exit status 75"),
        ZeroDivisionError("by nought"),
        OSError(),
        None,
    )


@pytest.mark.parametrize("ours", [Interrupted("SIGTERM"), KeyboardInterrupt()])
def test_our_own_end_is_no_outcome_of_a_delivery(ours: BaseException) -> None:
    with pytest.raises(type(ours)):
        outcomes(ours)


def test_each_outcome_is_yielded_before_the_next_delivery_is_taken_up() -> None:
    taken: list[int] = []

    def some() -> object:
        for i in range(3):
            taken.append(i)
            yield delivery(i)

    results = Scripted(None, None, None).deliver(some())  # type: ignore[arg-type]
    next(results)
    assert [0] == taken
