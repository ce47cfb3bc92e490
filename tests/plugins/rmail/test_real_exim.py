"""Exim's sendmail behind the egress: what it takes, refuses and puts off."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.plugins.rmail.material import TEXT, deliver, delivery, script, seen
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim

pytestmark = pytest.mark.exim

MakeExim = Callable[..., Exim]


@pytest.fixture
def receiver(make_exim: MakeExim) -> Exim:
    return make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)


def changed(exim: Exim, old: str, new: str) -> Exim:
    text = exim.configuration.read_text()
    assert old in text
    exim.configuration.write_text(text.replace(old, new))
    return exim


@pytest.mark.parametrize(
    "sender", ["joe@a.example", "", '"j b"@a.example', "-oQ/tmp@a.example", "jü@a.example"]
)
def test_envelope_and_octets_arrive(receiver: Exim, sender: str) -> None:
    names = ("x@b.example", '"q r"@b.example', "a!b!c@b.example", "-oQ/tmp@b.example", "u%h@b.example")
    outcomes = deliver(delivery(*names, command=[receiver.sendmail("-odf")], sender=sender))
    assert [(0, "taken", None)] == seen(outcomes)
    mails = receiver.mails()
    assert {sender} == {mail.sender for mail in mails}
    assert sorted(names) == sorted(name for mail in mails for name in mail.recipients)
    # The From_ line within is text, and -G adds no headers.
    assert {TEXT} == {mail.message for mail in mails}


def test_bang_paths_reach_exim_as_they_are(receiver: Exim) -> None:
    outcomes = deliver(
        delivery("x@c", command=[receiver.sendmail("-odq")], words=("b!c!x",), addresses="bang")
    )
    assert [(0, "taken", None)] == seen(outcomes)
    assert "<= alpha!a.example!joe@b.example " in receiver.records()
    assert "for b!c!x" in receiver.records()


@pytest.mark.parametrize(
    ("old", "new", "verdict", "words"),
    [
        ("message_size_limit = 100M", "message_size_limit = 1K", "refused", "too big"),
        ("check_spool_space = 0", "check_spool_space = 100000G", "deferred", "insufficient disk space"),
        ("* * F,2h,1m", "nonsense", "deferred", "configuration error"),
        ("begin routers", "acl_not_smtp = a\nbegin acl\na:\n  deny message = no thanks\nbegin routers",
         "refused", "no thanks"),
    ],
)  # fmt: skip
def test_what_exim_says_decides(receiver: Exim, old: str, new: str, verdict: str, words: str) -> None:
    exim = changed(receiver, old, new)
    text = TEXT + b"x" * 2000
    (outcome,) = deliver(delivery("x@b.example", "y@b.example", command=[exim.sendmail("-odq")], text=text))
    assert (verdict, None) == (outcome.verdict.value, outcome.recipients)
    assert words in outcome.text
    assert 0 == exim.queued()


def test_no_bounce_is_mailed_for_what_is_told_to_us(receiver: Exim) -> None:
    """Exim's own way would mail one for every attempt."""
    exim = changed(receiver, "message_size_limit = 100M", "message_size_limit = 1K")
    sendmail = exim.sendmail("-odf")
    for _ in range(2):
        deliver(delivery("x@b.example", sender="y@b.example", command=[sendmail], text=TEXT + b"x" * 2000))
    assert [] == exim.mails()
    assert 0 == exim.queued()


def test_more_recipients_than_exim_takes_at_once(receiver: Exim) -> None:
    exim = changed(receiver, "begin routers", "recipients_max = 2\nbegin routers")
    names = [f"u{i}@b.example" for i in range(5)]
    outcomes = deliver(delivery(*names, command=[exim.sendmail("-odf")]))
    assert {"taken"} == {outcome.verdict.value for outcome in outcomes}
    assert names == sorted(name for mail in exim.mails() for name in mail.recipients)


def test_a_user_that_exim_does_not_trust_is_told_so_and_loses_nothing(receiver: Exim) -> None:
    """Without -G Exim would take the mail, and put that user in the sender's place."""
    if os.getuid() == 0 and not receiver.namespace:
        pytest.skip("root is always trusted")
    exim = changed(receiver, f"exim_user = {receiver.account.pw_name}\n", "exim_user = bin\n")
    (outcome,) = deliver(delivery("x@b.example", command=[exim.sendmail("-odq")]))
    assert "deferred" == outcome.verdict.value
    assert "-G requires a trusted user" in outcome.text
    assert 0 == exim.queued()


def test_an_exim_killed_midway_took_nothing(receiver: Exim) -> None:
    killer = script(receiver.directory / "killer", "head -c 10 >/dev/null; kill -9 $$")
    assert [(0, "deferred", None)] == seen(deliver(delivery("x@b.example", command=[killer])))


def test_exim_called_as_rmail(receiver: Exim) -> None:
    """Debian's rmail is a link to Exim where Exim is installed."""
    words = " ".join(receiver.command("-odf"))
    before, _, after = words.partition(str(receiver.program))
    body = f'exec {before} bash -c \'exec -a rmail "$@"\' - {receiver.program}{after} "$@"'
    rmail = script(receiver.directory / "rmail", body)
    outcomes = deliver(delivery("x@b.example", command=[rmail], real=True, sender=""))
    assert [(0, "taken", None)] == seen(outcomes)
    (mail,) = receiver.mails()
    assert ("", ("x@b.example",)) == (mail.sender, mail.recipients)
