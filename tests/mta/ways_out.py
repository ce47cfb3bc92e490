"""Every way out: bob with all that can take mail from him, and what it took.

A `Far` is the node that the packets are for, in a spool of its own: as many of them as there
are ways out toss the same packets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.mta.letters import bare
from tests.real.cap import Call, Recorder
from tests.real.exim import LOCAL_ROUTER, Exim, Mail, read_mail
from tests.real.nodes import Make, Node
from tests.real.postfix import Postfix

HANDLES = ("rsmtp", "rmail", "sendmail")
ACL = "acl_smtp_rcpt = ok\nbegin acl\nok:\n  accept\n"
BOX = """\
maildir:
  driver = appendfile
  directory = {directory}/mail
  maildir_format
  return_path_add
  envelope_to_add
  batch_max = 1000
"""

MakeExim = Callable[..., Exim]
MakePostfix = Callable[..., Postfix]


def exim_that_takes_all(make: MakeExim) -> Exim:
    """Return Exim B; a message with many recipients becomes one file."""
    return make("b.example", LOCAL_ROUTER, BOX, ACL)


def postfix_that_takes_all(make: MakePostfix, domains: Iterable[str]) -> Postfix:
    """Return Postfix B, running."""
    postfix = make("b.example")
    text = (postfix.directory / "etc/main.cf").read_text()
    mine = "virtual_mailbox_domains = b.example"
    assert mine in text
    (postfix.directory / "etc/main.cf").write_text(text.replace(mine, " ".join([mine, *domains])))
    postfix.cool()
    postfix.start()
    return postfix


def table(egress: str, **keys: object) -> str:
    """Return bob's table of a neighbour: every handle goes to one egress."""
    words = ", ".join(f"{key} = {json.dumps(value)}" for key, value in {"egress": egress, **keys}.items())
    return "\n".join(f"exec.{handle} = {{ {words} }}" for handle in HANDLES)


def far(place: Path, model: Node, senders: Iterable[Node], nncp_bin: Path | None = None) -> Node:
    """Return the node of `model` anew, with a spool of its own, and give it what lies on the medium."""
    node = Node(place / model.name, model.name, nncp_bin)
    node.keys = model.keys
    for sender in senders:
        node.know(sender)
    return node


def receive(node: Node, toml: str, medium: Path) -> None:
    """Let a far node take what lies on a medium and leave it there for the next."""
    for neighbour in node.neighbours.values():
        neighbour.toml = toml
    node.write()
    done = node.gateway("xfer", "--rx", "--keep", str(medium))
    assert done.status == 0, done
    assert node.packets("rx")


def toss_all(node: Node, make: Make = "gateway") -> None:
    """Toss; nothing may be left over."""
    done = node.run(make, "toss")
    assert done.status == 0, f"{done}\n{node.records()[-3000:]}"
    assert [] == node.packets("rx") + node.packets("work") + node.packets("hold"), done


def from_exim(exim: Exim) -> list[Mail]:
    """Let Exim B deliver, and take out what it delivered.

    A queue run passes over what another process of Exim delivers at that time.
    """
    assert Postfix.wait(lambda: exim.deliver() or not exim.queued(), 120), exim.records()[-3000:]
    return _taken_out(exim.mails(), exim.directory)


def from_postfix(postfix: Postfix, count: int) -> list[Mail]:
    """Let Postfix B deliver, and take out what it delivered."""
    assert postfix.wait(lambda: not postfix.queued(), 120), postfix.records()[-3000:]
    return _taken_out(postfix.wait_for_mails(count), postfix.directory)


def _taken_out(mails: list[Mail], directory: Path) -> list[Mail]:
    for file in (directory / "mail/new").iterdir():
        file.unlink()
    return mails


def from_maildir(folder: Path) -> list[Mail]:
    """Return what our own egress wrote."""
    return [read_mail(file.read_bytes()) for file in (folder / "new").iterdir()]


def from_recorder(recorder: Recorder) -> list[Mail]:
    """Return what a plain command was given, its handle being its first argument."""
    return [mail for call in recorder.calls() for mail in _of_call(call)]


_FROM_LINE = re.compile(
    rb'From ((?:"[^"]*"|[^\s"])+) \w{3} \w{3} [ \d]\d [\d:]{8} \d{4}( remote from \S+)?\n'
)
_RETURN_PATH = re.compile(rb"Return-Path: <(.*)>\n")


def _of_call(call: Call) -> Iterator[Mail]:
    handle, *words = call.arguments
    if handle == "rsmtp":
        assert [] == words
        yield from batch(call.body)
        return
    if words[0] == "-f":
        assert "--" == words[2]
        yield bare(call.body, words[1].removeprefix("<>"), words[3:])
        return
    line = _FROM_LINE.match(call.body) or _RETURN_PATH.match(call.body)
    assert line, call.body[:200]
    assert (handle == "rmail") == (line.re is _FROM_LINE and bool(line[2])), line
    sender = line[1].decode()
    yield bare(call.body[line.end() :], "" if sender == "MAILER-DAEMON" else sender, words)


def batch(body: bytes) -> Iterator[Mail]:
    """Read batch SMTP, by a reader that has nothing of ours."""
    lines = iter(body.splitlines(keepends=True))
    for line in lines:
        found = re.fullmatch(rb"MAIL FROM:<(.*)>\n", line)
        assert found, line
        sender, recipients, message = found[1].decode(), [], []
        while (line := next(lines)) != b"DATA\n":
            found = re.fullmatch(rb"RCPT TO:<(.*)>\n", line)
            assert found, line
            recipients.append(found[1].decode())
        while (line := next(lines)) != b".\n":
            message.append(line.removeprefix(b"."))
        yield bare(b"".join(message), sender, recipients)
