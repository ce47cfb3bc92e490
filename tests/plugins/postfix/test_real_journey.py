"""The whole way: Postfix, its pipe in each of the three recipes, a packet, toss, and whatever takes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugins.postfix.journey import RECIPES, TEXT, Journey, MakePostfix, Recipe, service
from tests.real.cap import write_recorder
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.nodes import carry
from tests.real.programs import run_gateway

pytestmark = pytest.mark.postfix

MakeExim = Callable[..., Exim]
NAMES = ["x@b.example", '"q r"@b.example', "a+ext@b.example"]


def body(message: bytes) -> bytes:
    return message.partition(b"\n\n")[2]


def envelopes(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((sender.replace('"', ""), recipient.replace('"', "")) for sender, recipient in found)


def handles(egress: str, program: str | Path, *words: str) -> str:
    """Return bob's table for mail in the forms bsmtp and sendmail."""
    command = json.dumps([str(program), *words])
    return "\n".join(
        f'exec.{name} = {{ egress = "{egress}", command = {command} }}' for name in ("rsmtp", "sendmail")
    )


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("sender", ["joe@a.example", "", '"j b"@a.example', "v+x=b.example@a.example"])
def test_into_another_postfix(make_postfix: MakePostfix, recipe: Recipe, sender: str) -> None:
    b = make_postfix("b.example")
    b.start()
    one = Journey(make_postfix, recipe, handles("postfix", b.sendmail()))
    one.send(sender, NAMES)
    one.sent()
    one.travel()
    mails = b.wait_for_mails(len(NAMES))
    found = [(mail.sender, recipient) for mail in mails for recipient in mail.recipients]
    assert envelopes([(sender, name) for name in NAMES]) == envelopes(found)
    assert {body(TEXT)} == {body(mail.message) for mail in mails}
    assert [] == one.left_over()


@pytest.mark.exim
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("sender", ["joe@a.example", ""])
def test_into_exim(make_postfix: MakePostfix, make_exim: MakeExim, recipe: Recipe, sender: str) -> None:
    """A batch by -bS where the form is bsmtp; else Exim as sendmail, which the egress postfix serves too."""
    b = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    program = b.sendmail("-odi")
    batch = f'exec.rsmtp = {{ egress = "exim", command = ["{program}", "-bS"] }}'
    letter = f'exec.sendmail = {{ egress = "postfix", command = ["{program}"] }}'
    one = Journey(make_postfix, recipe, f"{batch}\n{letter}")
    one.send(sender, NAMES)
    one.sent()
    one.travel()
    mails = b.mails()
    found = [(mail.sender, recipient) for mail in mails for recipient in mail.recipients]
    assert envelopes([(sender, name) for name in NAMES]) == envelopes(found), b.records()
    assert {body(TEXT)} == {body(mail.message) for mail in mails}
    assert [] == one.left_over()


@pytest.mark.parametrize("recipe", RECIPES)
def test_into_a_maildir(make_postfix: MakePostfix, tmp_path: Path, recipe: Recipe) -> None:
    folder = tmp_path / "Maildir"
    lines = [f'exec.{name} = {{ egress = "maildir", path = "{folder}" }}' for name in ("rsmtp", "sendmail")]
    one = Journey(make_postfix, recipe, "\n".join(lines))
    one.send("joe@a.example", ["x@b.example"])
    one.sent()
    one.travel()
    (file,) = (folder / "new").iterdir()
    data = file.read_bytes()
    assert data.startswith(b"Return-Path: <joe@a.example>\nEnvelope-To: x@b.example\nReceived: ")
    assert body(TEXT) == body(data)


@pytest.mark.nncp
@pytest.mark.parametrize("recipe", ["return-path", "from-line"])
def test_into_a_plain_command_of_a_real_nncp_node(
    make_postfix: MakePostfix, nncp_bin: Path, recipe: Recipe
) -> None:
    """Its command gets recipients as arguments, and the sender where it stood, as by nncp-exec."""
    one = Journey(make_postfix, recipe, "")
    recorder = write_recorder(one.place / "recorder")
    one.bob.nncp_bin = nncp_bin
    one.bob.know(one.alice, handles={"sendmail": [str(recorder.program)]})
    one.send("Joe@a.example", [*NAMES, "Some.Body@b.example"])
    one.sent()
    one.travel("nncp")
    (call,) = recorder.calls()
    assert sorted([*NAMES, "some.body@b.example"]) == sorted(call.arguments)  # the flag u
    front, rest = call.body.split(b"\n", 1)
    assert front.startswith(
        {"return-path": b"Return-Path: <Joe@a.example>", "from-line": b"From Joe@a.example "}[recipe]
    )
    assert rest.startswith(b"Received: ")
    assert body(TEXT) == body(call.body)


@pytest.mark.nncp
@pytest.mark.exim
@pytest.mark.parametrize("sender", ["joe@a.example", ""])
def test_into_a_plain_exim_of_a_real_nncp_node(
    make_postfix: MakePostfix, make_exim: MakeExim, nncp_bin: Path, sender: str
) -> None:
    """Exim takes a From_ line's sender from a trusted caller; null comes as MAILER-DAEMON, as ever."""
    b = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    one = Journey(make_postfix, "from-line", "")
    one.bob.nncp_bin = nncp_bin
    one.bob.know(one.alice, handles={"sendmail": [str(b.sendmail("-odi", "-i"))]})
    one.send(sender, ["x@b.example"])
    one.sent()
    one.travel("nncp")
    (mail,) = b.mails()
    assert (sender or "MAILER-DAEMON@b.example") == mail.sender
    assert body(TEXT) == body(mail.message)


@pytest.mark.nncp
def test_into_a_plain_sendmail_of_a_real_nncp_node_with_the_sender_as_an_argument(
    make_postfix: MakePostfix, nncp_bin: Path
) -> None:
    b = make_postfix("b.example")
    b.start()
    mail = 'mail = { form = "sendmail", handle = "sendmail", sender = "argument" }'
    one = Journey(make_postfix, "submit", "", alice=mail)
    one.bob.nncp_bin = nncp_bin
    one.bob.know(one.alice, handles={"sendmail": [str(b.sendmail("-G", "-i"))]})
    one.send("", NAMES)
    one.sent()
    one.travel("nncp")
    mails = b.wait_for_mails(len(NAMES))
    found = [(mail.sender, recipient) for mail in mails for recipient in mail.recipients]
    assert envelopes([("", name) for name in NAMES]) == envelopes(found)
    assert {body(TEXT)} == {body(mail.message) for mail in mails}


@pytest.mark.nncp
@pytest.mark.parametrize("program", ["sendmail", "exim"])
@pytest.mark.parametrize("flags", ["Rqhu", "Fqhu"])
def test_from_an_old_site_with_nncps_recipe(
    make_postfix: MakePostfix,
    make_exim: MakeExim,
    nncp_bin: Path,
    program: str,
    flags: str,
) -> None:
    """alice still has nncp-exec; bob's NNCP file says `sendmail`, and the gateway restores the sender."""
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT) if program == "exim" else None
    b = make_postfix("b.example")
    taker = exim.sendmail("-odi") if exim else b.sendmail()
    one = Journey(make_postfix, "submit", "")
    recipe: Recipe = "return-path" if flags == "Rqhu" else "from-line"
    one.serve(service(recipe, one.alice.hjson, "nncp", str(nncp_bin / "nncp-exec")))
    one.a.stop()
    one.a.start()
    one.bob.know(one.alice, handles={"sendmail": [str(taker)]})
    one.send("joe@a.example", NAMES)
    one.sent()
    carry(one.alice, one.bob, one.place / "medium", tx="gateway", rx="gateway")
    done = run_gateway("--config", str(one.bob.hjson), "toss")
    assert 0 == done.status, done
    b.start()
    mails = exim.mails() if exim else b.wait_for_mails(len(NAMES))
    found = [(mail.sender, recipient) for mail in mails for recipient in mail.recipients]
    assert envelopes([("joe@a.example", name) for name in NAMES]) == envelopes(found)
    assert {body(TEXT)} == {body(mail.message) for mail in mails}


@pytest.mark.parametrize("count", [1, 20, 300])
@pytest.mark.parametrize("form", ["bsmtp", "sendmail"])
def test_many_recipients(make_postfix: MakePostfix, form: str, count: int) -> None:
    b = make_postfix("b.example")
    mail = "" if form == "bsmtp" else 'mail = { form = "sendmail", handle = "sendmail" }'
    limit = "gateway_destination_recipient_limit = 300\n"
    one = Journey(make_postfix, "submit", handles("postfix", b.sendmail()), alice=mail, main=limit)
    names = [f"user{number:03}@b.example" for number in range(count)]
    one.send("joe@a.example", names)
    one.sent()
    one.travel()
    assert [] == one.left_over()
    b.start()
    mails = b.wait_for_mails(count)
    assert names == sorted(recipient for mail in mails for recipient in mail.recipients)
    assert {"joe@a.example"} == {mail.sender for mail in mails}


@pytest.mark.parametrize("recipe", RECIPES)
def test_addresses_in_utf_8(make_postfix: MakePostfix, recipe: Recipe) -> None:
    b = make_postfix("b.example")
    one = Journey(make_postfix, recipe, handles("postfix", b.sendmail()))
    one.send("jürgen@a.example", ["用户@b.example"])
    one.sent()
    one.travel()
    b.start()
    (mail,) = b.wait_for_mails(1)
    assert ("jürgen@a.example", ("用户@b.example",)) == (mail.sender, mail.recipients)


def test_a_recipient_keeps_its_capitals(make_postfix: MakePostfix) -> None:
    b = make_postfix("b.example")
    one = Journey(make_postfix, "submit", handles("postfix", b.sendmail()))
    one.send("Joe.Doe@a.example", ["Some.Body@b.example"])
    one.sent()
    one.travel()
    b.start()
    (mail,) = b.wait_for_mails(1)
    assert ("Joe.Doe@a.example", ("Some.Body@b.example",)) == (mail.sender, mail.recipients)
