"""Postfix's sendmail behind the egress."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.plugins.rmail.material import TEXT, deliver, delivery, seen
from tests.real.postfix import Postfix

MakePostfix = Callable[..., Postfix]


@pytest.mark.parametrize("sender", ["joe@a.example", "", '"j b"@a.example'])
def test_envelope_and_octets_arrive(make_postfix: MakePostfix, sender: str) -> None:
    postfix = make_postfix("b.example")
    names = ("x@b.example", '"q r"@b.example', "Y.Z@b.example")
    outcomes = deliver(delivery(*names, command=[postfix.sendmail()], sender=sender))
    assert [(0, "taken", None)] == seen(outcomes)
    postfix.start()
    mails = postfix.wait_for_mails(len(names))
    assert {sender} == {mail.sender for mail in mails}
    assert sorted(names) == sorted(name for mail in mails for name in mail.recipients)
    assert all(mail.message.endswith(TEXT.partition(b"\n\n")[2]) for mail in mails)


def test_a_message_too_big_is_refused_although_postfix_says_75(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("b.example", "message_size_limit = 10000\n")
    big = TEXT + (b"x" * 70 + b"\n") * 1000
    (outcome,) = deliver(delivery("x@b.example", command=[postfix.sendmail()], text=big))
    assert "refused" == outcome.verdict.value
    assert "exit status 75" in outcome.text
    assert "too big" in outcome.text
    assert 0 == postfix.queued()
