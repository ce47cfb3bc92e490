"""The egress ``smtp`` against the real Exim and the real Postfix, as programs and as daemons."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from gateway.mail.marks import taken_as
from gateway.mail.message import Message
from tests.defaults.test_smtp import TEXT, deliver, delivery, rows
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.postfix import Postfix

MakeExim = Callable[..., Exim]
MakePostfix = Callable[..., Postfix]
ACL = """\
acl_smtp_rcpt = acl_rcpt
{main}
begin acl
acl_rcpt:
  deny local_parts = no
       message = no such user
  defer local_parts = later
       message = greylisted
  accept
"""
ODD = b"Subject: x\n\n.\n..\n.a\nb\r.\r\nc\xe4\0\nend without newline"


def exim_with_acl(make: MakeExim, main: str = "") -> Exim:
    return make("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, ACL.format(main=main))


def body(message: bytes) -> bytes:
    return message.partition(b"\n\n")[2]


# --- Exim ------------------------------------------------------------------------


@pytest.fixture(params=["-bs", "daemon"])
def exim(request: pytest.FixtureRequest, make_exim: MakeExim) -> tuple[Exim, dict[str, object]]:
    """An Exim, and what reaches it in a delivery."""
    exim = exim_with_acl(make_exim)
    if request.param == "daemon":
        return exim, {"address": exim.start()}
    return exim, {"command": tuple(exim.command("-odi", "-bs"))}


def settle(exim: Exim) -> None:
    """Have everything delivered, by the deliveries that are under way or by a queue run."""
    exim.stop()

    def done() -> bool:
        exim.deliver()
        return not exim.queued()

    assert Postfix.wait(done)


@pytest.mark.exim
def test_exim_takes_envelope_and_octets(exim: tuple[Exim, dict[str, object]]) -> None:
    receiver, way = exim
    found = rows(deliver(delivery(0, "x@b.example", '"q r"@b.example', text=ODD, **way)))
    assert [(0, "taken", None)] == [(n, verdict, who) for n, verdict, _, who in found]
    assert found[0][2].startswith("250 OK id=")
    assert found[0][2].endswith(taken_as(found[0][2]) or "nothing"), "the queue id for the trace"
    settle(receiver)
    mails = receiver.mails()
    assert {"joe@a.example"} == {mail.sender for mail in mails}
    assert ['"q r"@b.example', "x@b.example"] == sorted(one for mail in mails for one in mail.recipients)
    wanted = b".\n..\n.a\nb\n.\nc\xe4\0\nend without newline\n"
    assert {wanted} == {body(mail.message) for mail in mails}


@pytest.mark.exim
def test_exim_tells_recipients_apart(exim: tuple[Exim, dict[str, object]]) -> None:
    receiver, way = exim
    names = ("a@b.example", "no@b.example", "later@b.example", "c@b.example")
    found = rows(deliver(delivery(0, *names, sender="", **way)))
    assert [
        ("taken", ("a@b.example", "c@b.example")),
        ("refused", ("no@b.example",)),
        ("deferred", ("later@b.example",)),
    ] == [(verdict, who) for _, verdict, _, who in found]
    assert ["550 no such user", "451 greylisted"] == [text for _, _, text, _ in found[1:]]
    settle(receiver)
    assert {("", ("a@b.example",)), ("", ("c@b.example",))} == {
        (m.sender, m.recipients) for m in receiver.mails()
    }


@pytest.mark.exim
def test_exim_takes_a_packet_in_one_session(exim: tuple[Exim, dict[str, object]]) -> None:
    receiver, way = exim
    found = rows(deliver(*(delivery(i, **way) for i in range(12))))
    assert [(i, "taken") for i in range(12)] == [(n, verdict) for n, verdict, _, _ in found]
    settle(receiver)
    assert 12 == len(receiver.mails())


@pytest.mark.exim
def test_exim_that_limits_messages_per_session(make_exim: MakeExim) -> None:
    exim = exim_with_acl(make_exim, "smtp_accept_max_per_connection = 2")
    way = {"command": tuple(exim.command("-odq", "-bs"))}
    found = rows(deliver(*(delivery(i, **way) for i in range(5))))
    assert [(i, "taken") for i in range(5)] == [(n, verdict) for n, verdict, _, _ in found]
    assert 5 == exim.queued()


@pytest.mark.exim
def test_exim_that_limits_recipients(make_exim: MakeExim) -> None:
    exim = exim_with_acl(make_exim, "recipients_max = 3")
    names = [f"r{i}@b.example" for i in range(10)]
    found = rows(deliver(delivery(0, *names, command=tuple(exim.command("-odq", "-bs")))))
    assert {"taken"} == {verdict for _, verdict, _, _ in found}
    assert names == [one for *_, who in found for one in who or ()]
    assert 4 == exim.queued()


@pytest.mark.exim
def test_exim_that_limits_sizes(make_exim: MakeExim) -> None:
    exim = exim_with_acl(make_exim)
    limited = exim.configuration.read_text().replace("message_size_limit = 100M", "message_size_limit = 20K")
    exim.configuration.write_text(limited)
    way = {"command": tuple(exim.command("-odq", "-bs"))}
    big = delivery(0, text=TEXT + b"x" * 50_000, **way)
    found = rows(deliver(big, delivery(1, **way)))
    assert [("refused", "552 Message size exceeds maximum permitted", None)] == [row[1:] for row in found[:1]]
    assert "taken" == found[1][1]
    found = rows(
        deliver(big._replace(message=Message(TEXT + b"x" * 50_000), reopen=None), delivery(1, **way))
    )
    assert ["refused", "taken"] == [verdict for _, verdict, _, _ in found]


@pytest.mark.exim
def test_exim_without_an_acl_refuses_everybody_and_the_reason_is_said(make_exim: MakeExim) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    ((_, verdict, text, _),) = rows(deliver(delivery(0, command=tuple(exim.command("-bs")))))
    assert "refused" == verdict
    assert "acl_smtp_rcpt" in text


@pytest.mark.exim
def test_exim_takes_utf8_addresses(make_exim: MakeExim) -> None:
    exim = exim_with_acl(make_exim)
    found = rows(deliver(delivery(0, "jürgen@bücher.example", command=tuple(exim.command("-odq", "-bs")))))
    assert ["taken"] == [verdict for _, verdict, _, _ in found]
    assert "jürgen@xn--bcher-kva.example" in exim.records()


@pytest.mark.exim
def test_exim_without_smtputf8(make_exim: MakeExim) -> None:
    exim = exim_with_acl(make_exim, "smtputf8_advertise_hosts =")
    names = ("jürgen@b.example", "x@bücher.example")
    found = rows(deliver(delivery(0, *names, command=tuple(exim.command("-odq", "-bs")))))
    assert [("taken", (names[1],)), ("refused", (names[0],))] == [(v, who) for _, v, _, who in found]


@pytest.mark.exim
def test_exim_that_cannot_start_says_why(make_exim: MakeExim) -> None:
    exim = exim_with_acl(make_exim, "no_such_option = 1")
    ((_, verdict, text, _),) = rows(deliver(delivery(0, command=tuple(exim.command("-bs")))))
    assert "deferred" == verdict
    assert "no_such_option" in text


@pytest.mark.exim
def test_exim_gets_no_part_of_a_message_that_breaks_off(exim: tuple[Exim, dict[str, object]]) -> None:
    def broken() -> Iterator[bytes]:
        yield TEXT
        yield b"x" * 500_000
        raise OSError("read error")

    receiver, way = exim
    found = rows(deliver(delivery(0, **way)._replace(message=Message(broken()), reopen=None)))
    assert [(0, "deferred", "the message cannot be read: read error", None)] == found
    settle(receiver)
    assert [] == receiver.mails()


@pytest.mark.exim
def test_background_deliveries_of_exim_outlive_the_session(make_exim: MakeExim) -> None:
    """They are in the program's group, and hold its output."""
    slow = LOCAL_ROUTER.replace("maildir", "slow")
    pipe = "slow:\n  driver = pipe\n  command = /bin/sh -c 'sleep 1; touch {directory}/mail/done'\n"
    exim = make_exim("b.example", slow, pipe, ACL.format(main=""))
    assert ["taken"] == [
        o.verdict.value for o in deliver(delivery(0, command=tuple(exim.command("-odb", "-bs"))))
    ]
    done = exim.directory / "mail/done"
    assert Postfix.wait(done.exists)


@pytest.mark.exim
def test_twenty_megabytes_for_exim(exim: tuple[Exim, dict[str, object]]) -> None:
    receiver, way = exim
    text = TEXT + (b"0123456789" * 7 + b"\n") * 300_000
    assert ["taken"] == [o.verdict.value for o in deliver(delivery(0, text=text, timeout=120, **way))]
    settle(receiver)
    assert body(text) == body(receiver.mails()[0].message)


# --- Postfix -----------------------------------------------------------------------


@pytest.fixture(params=["-bs", "daemon"])
def postfix(request: pytest.FixtureRequest, make_postfix: MakePostfix) -> tuple[Postfix, dict[str, object]]:
    """A running Postfix, and what reaches it in a delivery."""
    checks = "smtpd_recipient_restrictions = check_recipient_access inline:{no@=REJECT, later@=DEFER}, permit"
    postfix = make_postfix("b.example", checks)
    postfix.start()
    if request.param == "daemon":
        return postfix, {"address": f"127.0.0.1:{postfix.port}"}
    return postfix, {"command": tuple(postfix.command("sendmail", "-bs"))}


@pytest.mark.postfix
def test_postfix_takes_envelope_and_octets(postfix: tuple[Postfix, dict[str, object]]) -> None:
    receiver, way = postfix
    text = b"From: joe@a.example\n" + ODD
    found = rows(deliver(delivery(0, "x@b.example", '"q r"@b.example', text=text, **way)))
    assert [(0, "taken", None)] == [(n, verdict, who) for n, verdict, _, who in found]
    assert "queued as" in found[0][2]
    assert found[0][2].endswith(taken_as(found[0][2]) or "nothing"), "the queue id for the trace"
    mails = receiver.wait_for_mails(2)
    assert {"joe@a.example"} == {mail.sender for mail in mails}
    assert ['"q r"@b.example', "x@b.example"] == sorted(one for mail in mails for one in mail.recipients)
    wanted = b".\n..\n.a\nb\n.\nc\xe4\0\nend without newline\n"
    assert {wanted} == {body(mail.message) for mail in mails}


@pytest.mark.postfix
def test_postfix_takes_the_null_sender_and_many_messages(postfix: tuple[Postfix, dict[str, object]]) -> None:
    receiver, way = postfix
    found = rows(deliver(*(delivery(i, sender="", **way) for i in range(6))))
    assert [(i, "taken") for i in range(6)] == [(n, verdict) for n, verdict, _, _ in found]
    mails = receiver.wait_for_mails(6)
    assert {""} == {mail.sender for mail in mails}
    assert 6 == len({mail.recipients for mail in mails})


@pytest.mark.postfix
def test_postfix_tells_recipients_apart(make_postfix: MakePostfix) -> None:
    checks = "smtpd_recipient_restrictions = check_recipient_access inline:{no@=REJECT, later@=DEFER}, permit"
    postfix = make_postfix("b.example", checks)
    postfix.start()
    names = ("a@b.example", "no@b.example", "later@b.example", "c@b.example")
    found = rows(deliver(delivery(0, *names, address=f"127.0.0.1:{postfix.port}")))
    assert [
        ("taken", ("a@b.example", "c@b.example")),
        ("refused", ("no@b.example",)),
        ("deferred", ("later@b.example",)),
    ] == [(verdict, who) for _, verdict, _, who in found]
    assert ["554", "450"] == [text[:3] for _, _, text, _ in found[1:]]
    assert 2 == len(postfix.wait_for_mails(2))


@pytest.mark.postfix
def test_postfix_takes_utf8_addresses(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("b.example")
    way = {"command": tuple(postfix.command("sendmail", "-bs"))}
    assert ["taken"] == [o.verdict.value for o in deliver(delivery(0, "jürgen@b.example", **way))]
    postfix.start()
    assert [("jürgen@b.example",)] == [mail.recipients for mail in postfix.wait_for_mails(1)]


@pytest.mark.postfix
def test_postfix_that_does_not_run_takes_mail_and_keeps_it(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("b.example")
    found = rows(deliver(delivery(0, command=tuple(postfix.command("sendmail", "-bs")))))
    assert ["taken"] == [verdict for _, verdict, _, _ in found]
    assert 1 == postfix.queued()


@pytest.mark.postfix
@pytest.mark.parametrize("once", [False, True])
def test_postfix_that_limits_sizes(make_postfix: MakePostfix, once: bool) -> None:
    postfix = make_postfix("b.example", "message_size_limit = 20000")
    postfix.start()  # its `sendmail -bs` dies of that refusal where an ordinary user runs it on fakeroot
    way = {"address": f"127.0.0.1:{postfix.port}"}
    text = TEXT + b"x\n" * 50_000
    big = delivery(0, text=text, **way)
    if once:
        big = big._replace(message=Message(text), reopen=None)
    found = rows(deliver(big, delivery(1, **way)))
    assert ["refused", "taken"] == [verdict for _, verdict, _, _ in found]
    assert found[0][2].startswith("552 5.3.4")


@pytest.mark.postfix
def test_postfix_that_limits_recipients(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("b.example", "smtpd_recipient_limit = 3")
    postfix.start()
    names = [f"r{i}@b.example" for i in range(8)]
    found = rows(deliver(delivery(0, *names, address=f"127.0.0.1:{postfix.port}")))
    assert {"taken"} == {verdict for _, verdict, _, _ in found}
    assert names == [one for *_, who in found for one in who or ()]
    assert 8 == len(postfix.wait_for_mails(8))


@pytest.mark.postfix
def test_postfix_gets_no_part_of_a_message_that_breaks_off(
    postfix: tuple[Postfix, dict[str, object]],
) -> None:
    def broken() -> Iterator[bytes]:
        yield TEXT
        yield b"x" * 500_000
        raise OSError("read error")

    receiver, way = postfix
    bad = delivery(0, **way)._replace(message=Message(broken()), reopen=None)
    assert ["deferred", "taken"] == [o.verdict.value for o in deliver(bad, delivery(1, **way))]
    assert [("r1@b.example",)] == [mail.recipients for mail in receiver.wait_for_mails(1)]
    assert Postfix.wait(lambda: not receiver.queued())  # it delivers before it forgets


@pytest.mark.postfix
def test_a_postfix_that_is_not_there_says_so(make_postfix: MakePostfix) -> None:
    postfix = make_postfix("b.example")
    way = {"command": tuple(postfix.command("sendmail", "-bs"))}
    (postfix.directory / "etc/main.cf").unlink()
    ((_, verdict, text, _),) = rows(deliver(delivery(0, **way)))
    assert "deferred" == verdict
    assert "main.cf" in text
