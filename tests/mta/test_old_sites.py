"""A site that has changed nothing: packets of the real nncp-exec, made as its MTA's recipes make them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mta import ways_out
from tests.real.exim import Exim, Mail
from tests.real.nodes import Node, carry
from tests.real.postfix import Postfix

pytestmark = [pytest.mark.nncp, pytest.mark.exim, pytest.mark.postfix]

TEXT = (
    b"From: joe@a.example\nDate: Thu, 01 Jan 2026 00:00:00 +0000\nMessage-Id: <1@a.example>\n"
    b"Subject: one\n\n.\n..\n\xfc\nFrom x\nend\n"
)
SENDERS = {
    "joe@a.example": "joe@a.example",
    "": "MAILER-DAEMON",
    '"j b"@a.example': '"j b"@a.example',
    "list-7+x=b.example@a.example": "list-7+x=b.example@a.example",
}
"""Senders, and what Postfix writes for them into Return-Path and From_ without ``null_sender=``."""
NAMES = ["x@b.example", '"q r"@b.example', "A.B+c=d@b.example"]

Taker = tuple[str, Callable[[], list[Mail]]]


@pytest.fixture(scope="module")
def exim(make_shared_exim: Callable[..., Exim]) -> Exim:
    return ways_out.exim_that_takes_all(make_shared_exim)


@pytest.fixture(scope="module")
def postfix(make_shared_postfix: Callable[..., Postfix]) -> Postfix:
    return ways_out.postfix_that_takes_all(make_shared_postfix, [])


@pytest.fixture(params=["postfix", "postfix -bs", "exim -bS", "exim -bs", "rmail"])
def taker(request: pytest.FixtureRequest, exim: Exim, postfix: Postfix) -> Taker:
    """Bob's table for every handle, and what gets out what arrived."""
    egress, words = {
        "postfix": ("postfix", [str(postfix.sendmail())]),
        "postfix -bs": ("smtp", [str(postfix.sendmail()), "-bs"]),
        "exim -bS": ("exim", [str(exim.sendmail()), "-odq", "-bS"]),
        "exim -bs": ("smtp", [str(exim.sendmail()), "-odq", "-bs"]),
        "rmail": ("rmail", [str(exim.sendmail()), "-odq"]),
    }[request.param]
    count = 2 * len(SENDERS) * len(NAMES)
    if "postfix" in request.param:
        return ways_out.table(egress, command=words), lambda: ways_out.from_postfix(postfix, count)
    return ways_out.table(egress, command=words), lambda: ways_out.from_exim(exim)


def test_the_sender_is_restored(real_pair: tuple[Node, Node], tmp_path: Path, taker: Taker) -> None:
    alice, bob = real_pair
    toml, arrived = taker
    bob.know(alice, toml=toml)
    for word in SENDERS.values():
        for front in (f"Return-Path: <{word}>\n", f"From {word}  Sun Nov 22 13:05:03 2026\n"):
            done = alice.nncp("exec", "-quiet", "bob", "sendmail", *NAMES, stdin=front.encode() + TEXT)
            assert done.status == 0, done
    carry(alice, bob, tmp_path / "medium", tx="nncp", rx="gateway")
    ways_out.toss_all(bob)
    found = sorted((mail.sender, one, mail.message) for mail in arrived() for one in mail.recipients)
    assert sorted((sender, one, TEXT) for sender in SENDERS for one in NAMES * 2) == found
