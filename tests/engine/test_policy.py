from __future__ import annotations

import pytest

from gateway.config.model import Accept
from gateway.engine.policy import objection
from gateway.mail.envelope import Envelope, Recipient, ReversePath

HERE = Accept(recipients=("*@here.example",))


def accepted(accept: Accept, recipient: str, sender: str = "joe@a.example") -> bool:
    return objection(accept, Envelope(ReversePath.parse(sender), [Recipient.parse(recipient)])) is None


@pytest.mark.parametrize(
    "recipient",
    [
        "x@here.example",
        "X@HERE.Example",
        '"x y"@here.example',
        "<@far.example:x@here.example>",
        "a+b@here.example",
    ],
)
def test_accepted(recipient: str) -> None:
    assert accepted(HERE, recipient)


@pytest.mark.parametrize(
    "recipient",
    [
        "x@far.example",
        "x@here.example.far.example",
        '"x@here.example"@far.example',
        "<@here.example:x@far.example>",
        "x@[192.0.2.1]",
        "postmaster",
        "x%far.example@here.example",
        '"x%far.example"@here.example',
        "far.example!x@here.example",
        '"x@far.example"@here.example',
    ],
)
def test_not_accepted(recipient: str) -> None:
    """The last four are routes: an MTA may send what comes for them to far.example."""
    assert not accepted(HERE, recipient)


def test_a_route_is_accepted_by_a_glob_that_names_it() -> None:
    assert accepted(Accept(recipients=("*%*@here.example",)), "x%far.example@here.example")
    assert not accepted(Accept(recipients=("*%*@here.example",)), '"a@b%c"@here.example')
    assert accepted(Accept(recipients=("*",)), "x%far.example@here.example")
    assert accepted(Accept(), "x%far.example@here.example")


def test_the_null_sender_is_matched_as_it_is_written() -> None:
    assert accepted(Accept(senders=("<>",)), "x@here.example", sender="<>")
    assert not accepted(Accept(senders=("*@a.example",)), "x@here.example", sender="<>")
