"""The egress with the real sendmail of Postfix, and with Exim in its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gateway_postfix.egress import PostfixEgress

from gateway import Delivery, Outcome
from gateway.mail.envelope import UNKNOWN_SENDER
from tests.plugins.postfix.material import TEXT, delivery, script, seen
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.postfix import Postfix

pytestmark = pytest.mark.postfix

MakeExim = Callable[..., Exim]
MakePostfix = Callable[..., Postfix]
ODD = b"Subject: x\n\n.\n..\n.a\nFrom x\n\xe4\nend without newline"


def deliver(*deliveries: Delivery) -> list[Outcome]:
    return list(PostfixEgress(("sendmail",)).deliver(iter(deliveries)))


def body(message: bytes) -> bytes:
    return message.partition(b"\n\n")[2]


@pytest.fixture
def postfix(make_postfix: MakePostfix) -> Postfix:
    """A Postfix whose daemons are not running yet."""
    return make_postfix("b.example")


def test_a_stopped_postfix_takes_it_and_delivers_it_later(postfix: Postfix) -> None:
    names = ("x@b.example", '"q r"@b.example', '"a,b"@b.example', "Y.Z@b.example")
    outcomes = deliver(delivery(*names, command=[postfix.sendmail()], text=ODD))
    assert [(0, "taken", None)] == seen(outcomes)
    assert 1 == postfix.queued()
    postfix.start()
    mails = postfix.wait_for_mails(len(names))
    assert {"joe@a.example"} == {mail.sender for mail in mails}
    assert sorted(name.replace('"', "") for name in names) == sorted(
        recipient.replace('"', "") for mail in mails for recipient in mail.recipients
    )
    assert {body(ODD) + b"\n"} == {body(mail.message) for mail in mails}


@pytest.mark.parametrize(
    "sender", ["", '"j b"@a.example', "-x@a.example", "v+x=b.example@a.example", "jürgen@a.example"]
)
def test_the_sender_arrives(postfix: Postfix, sender: str) -> None:
    deliver(delivery("x@b.example", command=[postfix.sendmail()], sender=sender))
    postfix.start()
    (mail,) = postfix.wait_for_mails(1)
    assert sender == mail.sender


def test_headers_are_left_alone(postfix: Postfix) -> None:
    """Postfix would complete `To: local` and add Date and Message-ID without -G."""
    text = b"From: joe\nTo: local\nSubject: x\n\nhi\n"
    deliver(delivery("x@b.example", command=[postfix.sendmail()], text=text))
    postfix.start()
    (mail,) = postfix.wait_for_mails(1)
    assert text == mail.message


def test_what_postfix_itself_takes_off_a_message(postfix: Postfix) -> None:
    text = b"From zoe@c.example  Sun Nov 22 13:05:03 2026\nReturn-Path: <zoe@c.example>\n" + TEXT
    deliver(delivery("x@b.example", command=[postfix.sendmail()], text=text))
    postfix.start()
    (mail,) = postfix.wait_for_mails(1)
    assert ("joe@a.example", TEXT) == (mail.sender, mail.message)


def test_a_lost_sender_is_the_callers(postfix: Postfix) -> None:
    deliver(delivery("x@b.example", command=[postfix.sendmail()], sender=UNKNOWN_SENDER))
    postfix.start()
    (mail,) = postfix.wait_for_mails(1)
    assert mail.sender.endswith("@b.example")
    assert b"Message-Id: " in mail.message


def test_a_message_beyond_the_limit_is_refused_at_once(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("b.example", "message_size_limit = 2000\n")
    big = TEXT + b"x" * 70 + b"\n" * 3000
    outcomes = deliver(
        delivery("x@b.example", command=[postfix.sendmail()], text=big),
        delivery("x@b.example", command=[postfix.sendmail()], transaction=1),
    )
    assert [(0, "refused", None), (1, "taken", None)] == seen(outcomes)
    assert "message file too big" in outcomes[0].text


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("authorized_submit_users = nobody-else\n", "is not allowed to submit mail"),
        ("message_size_limit = rubbish\n", "bad numerical configuration"),
    ],
)
def test_a_mistake_of_the_configuration_keeps_the_mail(
    make_postfix: MakePostfix, main: str, words: str
) -> None:
    postfix = make_postfix("b.example", main)
    (outcome,) = deliver(delivery("x@b.example", command=[postfix.sendmail()]))
    assert "deferred" == outcome.verdict.value
    assert words in outcome.text


def test_an_option_that_postfix_does_not_know_keeps_the_mail(postfix: Postfix) -> None:
    (outcome,) = deliver(delivery("x@b.example", command=[postfix.sendmail("-Z")]))
    assert "deferred" == outcome.verdict.value
    assert "a mistake in the handle's command" in outcome.text
    assert 0 == postfix.queued()


def test_four_thousand_recipients_in_one_call(postfix: Postfix) -> None:
    names = [f"user{number}@b.example" for number in range(4000)]
    assert [(0, "taken", None)] == seen(deliver(delivery(*names, command=[postfix.sendmail()])))
    assert 1 == postfix.queued()


def test_twenty_megabytes(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("b.example", "message_size_limit = 100000000\nmailbox_size_limit = 0\n")
    text = TEXT + (b"0123456789" * 7 + b"\n") * 300_000
    outcomes = deliver(delivery("x@b.example", command=[postfix.sendmail()], text=text))
    assert [(0, "taken", None)] == seen(outcomes)
    assert 1 == postfix.queued()


def test_a_sendmail_that_is_killed_midway_took_nothing(postfix: Postfix, tmp_path: Path) -> None:
    killer = script(tmp_path / "killer", "head -c 10 >/dev/null; kill -9 $$")
    (outcome,) = deliver(delivery("x@b.example", command=[killer]))
    assert ("deferred", "killed by SIGKILL") == (outcome.verdict.value, outcome.text)
    assert 0 == postfix.queued()


# --- Exim as sendmail --------------------------------------------------------------


@pytest.fixture
def exim(make_exim: MakeExim) -> Exim:
    """An Exim with a Maildir for everybody."""
    return make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)


@pytest.mark.exim
@pytest.mark.parametrize("sender", ["joe@a.example", "", '"j b"@a.example'])
def test_exim_takes_the_same_words(exim: Exim, sender: str) -> None:
    names = ("x@b.example", '"q r"@b.example')
    outcomes = deliver(delivery(*names, command=[exim.sendmail("-odi")], sender=sender, text=ODD))
    assert [(0, "taken", None)] == seen(outcomes)
    mails = exim.mails()
    assert {sender} == {mail.sender for mail in mails}, exim.records()
    assert sorted(names) == sorted(recipient for mail in mails for recipient in mail.recipients)
    assert {body(ODD) + b"\n"} == {body(mail.message) for mail in mails}


@pytest.mark.exim
def test_exim_sends_no_report_of_what_it_tells_us(make_exim: MakeExim) -> None:
    """Without -oep it would mail one at every attempt."""
    main = "acl_not_smtp = acl_no\nbegin acl\nacl_no:\n  deny message = no thanks\n"
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, main)
    (outcome,) = deliver(delivery("x@b.example", command=[exim.sendmail("-odi")], sender="x@b.example"))
    assert "deferred" == outcome.verdict.value
    assert "no thanks" in outcome.text
    assert [] == exim.mails()
