"""Real mail from a real Exim to a real Exim, through the gateway: all of it, once, byte for byte.

Exim A keeps a copy of every message at the moment it hands it to the pipe; what Exim B
delivers is compared with those copies, envelope and content, trace headers aside.
"""

from __future__ import annotations

import hashlib
import importlib.util
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim, Mail, read_mail, transport
from tests.real.nodes import MAKES, Make, Node, carry, toss
from tests.real.programs import gateway_script

pytestmark = pytest.mark.exim

GENERATED = 120
HUGE = 20 * 1024 * 1024

COPY_AND_PIPE = """\
copy:
  driver = accept
  domains = !$primary_hostname
  transport = copies
  unseen
gateway:
  driver = manualroute
  domains = !$primary_hostname
  transport = gateway
  route_list = * bob
"""
COPIES = """\
copies:
  driver = appendfile
  directory = {directory}/copies
  maildir_format
  return_path_add
  envelope_to_add
"""
SAFE = (
    "temp_errors = 1:2:70:71:73:74:75:120:126:127",
    "timeout = 10m",
    "timeout_defer",
    "freeze_signal",
    "log_defer_output",
    "return_fail_output",
)
"""What the documentation tells a site to add to the transport."""

Letter = tuple[str, list[str], bytes]


def corpus() -> Iterator[bytes]:
    """Yield the interpreter's own test mails, where they are shipped with it."""
    spec = importlib.util.find_spec("test")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("test_email/data/msg_*.txt")):
            yield file.read_bytes()


BODIES = (
    b"plain\n", b"", b"no final newline", b"\n\n\n", b"trailing blanks  \n\t\n\n\n",
    b".\n", b"..\n.a\n.", b"\n.\n\n.\n", b"RSET\n" * 50, (b"." * 997 + b"\n") * 3,
    b"From here\n>From there\n", bytes(range(1, 256)) + b"\n", b"nul \0 nul\n", "Grüße, 你好\n".encode(),
    b"\xff\xfe\x80 not UTF-8\n", b"crlf\r\n.\r\nlines\r\n", b"bare\rreturn\n", b"x" * 200_000 + b"\n",
    b"MAIL FROM:<evil@a.example>\nRCPT TO:<x@b.example>\nDATA\n\n.\nQUIT\n",
    b"." + b"y" * 8190 + b"\n.\n" + b"z" * 8191 + b"\n.",
)  # fmt: skip
SENDERS = (
    "joe@a.example",
    "",
    '"j b"@a.example',
    "very.long+" + "tag" * 15 + "@a.example",
    "=odd!#$%&'*/?^`{|}~@a.example",
)
RECIPIENTS = (
    "x@b.example",
    '"q r"@b.example',
    "UPPER.Case@b.example",
    "o'brien@b.example",
    "a+b=c@b.example",
    '"a>b"@b.example',
)


def letters() -> Iterator[Letter]:
    """Yield senders, recipients and messages."""
    dice = random.Random(1)
    for number, message in enumerate(corpus()):
        yield SENDERS[number % 2], ["x@b.example"], message
    for number in range(GENERATED):
        head = f"From: Joe <joe@a.example>\nTo: x@b.example\nSubject: letter {number}\nX-Number: {number}\n"
        head += (
            "X-Long: " + "folded and\n\t" * (number % 7) + "long\n"
            if number % 3
            else "X-8bit: Gr\udcfc\udcdfe\n"
        )
        body = BODIES[number] if number < len(BODIES) else dice.randbytes(dice.randrange(20_000))
        recipients = dice.sample(RECIPIENTS, 1 + number % len(RECIPIENTS))
        yield (
            SENDERS[number % len(SENDERS)],
            recipients,
            head.encode("utf-8", "surrogateescape") + b"\n" + body,
        )
    many = [f"u{number}@b.example" for number in range(250)]
    yield "joe@a.example", many, b"Subject: to 250\nFrom: joe@a.example\n\nmany\n"
    yield "joe@a.example", ["x@b.example"], b"Subject: 20 MB\nFrom: joe@a.example\n\n" + dice.randbytes(HUGE)


def fingerprints(mails: list[Mail]) -> Counter[tuple[str, str, str]]:
    """Count envelopes and contents; one entry per recipient."""
    found: Counter[tuple[str, str, str]] = Counter()
    for mail in mails:
        digest = hashlib.sha256(mail.message).hexdigest()
        found.update((mail.sender, recipient, digest) for recipient in mail.recipients)
    return found


def body_hash(message: bytes) -> str:
    """Return the hash that a DKIM signature makes of the body, canonicalisation ``simple``."""
    body = message.partition(b"\n\n")[2].replace(b"\n", b"\r\n")
    while body.endswith(b"\r\n\r\n"):
        body = body[:-2]
    return hashlib.sha256(body or b"\r\n").hexdigest()


def copies(exim: Exim) -> list[Mail]:
    """Return what was handed to the pipe."""
    return [read_mail(file.read_bytes()) for file in sorted((exim.directory / "copies/new").glob("*"))]


class Sites:
    """Exim A with alice's gateway on one side, bob's gateway with Exim B on the other."""

    def __init__(self, make_exim: Callable[..., Exim], alice: Node, bob: Node, command: str) -> None:
        self.alice, self.bob = alice, bob
        self.a = make_exim("a.example", COPY_AND_PIPE + LOCAL_ROUTER, transport(command, *SAFE) + COPIES)
        (self.a.directory / "copies").mkdir()
        self.b = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
        self.sendmail = str(self.b.sendmail())
        bob.know(alice, handles={"rsmtp": [self.sendmail, "-odq", "-bS"]})
        self.a.own(self.a.directory / "copies", alice.directory)

    def across(self, stick: Path, make: Make, tosser: Make) -> None:
        """Run A's queue, carry, toss, and run B's queue."""
        self.a.deliver()
        assert 0 == self.a.queued(), self.a.records()[-3000:]
        carry(self.alice, self.bob, stick, tx=make, rx=make)
        done = toss(self.bob, tosser)
        assert 0 == done.status, f"{done}\n{self.bob.records()[-2000:]}"
        self.b.deliver()
        assert 0 == self.b.queued(), self.b.records()[-3000:]
        assert [] == self.alice.temporary() == self.bob.temporary()


def seed_line(node: Node, program: str = "") -> str:
    """Return the pipe command of an existing site, NNCP's or with the program's name changed."""
    config = node.toml if not program else node.hjson
    return f"{program or gateway_script() + ' exec'} -cfg {config} -noprogress -quiet $host rsmtp"


@pytest.fixture
def sites(make_exim: Callable[..., Exim], two_nodes: tuple[Node, Node]) -> Sites:
    alice, bob = two_nodes
    return Sites(make_exim, alice, bob, seed_line(alice))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("egress", ["command", "exim"])
def test_hundreds_of_letters_arrive_once_and_unchanged(sites: Sites, tmp_path: Path, egress: str) -> None:
    """The seed's line: Exim A, the gateway, a directory, the gateway, ``exim -bS``."""
    if egress == "exim":
        words = f'["{sites.sendmail}", "-odq", "-bS"]'
        sites.bob.know(sites.alice, toml=f'exec.rsmtp = {{ egress = "exim", command = {words} }}')
    sent = list(letters())
    for sender, recipients, message in sent:
        sites.a.inject(sender, recipients, message, wait=False)
    sites.across(tmp_path / "stick", "gateway", "gateway")
    handed, arrived = copies(sites.a), sites.b.mails()
    assert sum(len(recipients) for _, recipients, _ in sent) == fingerprints(handed).total()
    assert fingerprints(handed) == fingerprints(arrived)
    hashes = {body_hash(mail.message) for mail in handed}
    assert hashes == {body_hash(mail.message) for mail in arrived}
    assert {sender for sender, _, _ in sent} == {mail.sender for mail in arrived}


ONCE = [b"Subject: %d\nFrom: joe@a.example\n\n%s" % (number, body) for number, body in enumerate(BODIES)]


@pytest.mark.nncp
@pytest.mark.parametrize("make", MAKES)
def test_the_other_side_runs_nncp(
    make_exim: Callable[..., Exim], real_pair: tuple[Node, Node], tmp_path: Path, make: Make
) -> None:
    """Either side may be plain NNCP, feeding ``exim -bS`` as it does today."""
    alice, bob = real_pair
    program = str(alice.nncp_command("exec")[0]) if make == "nncp" else ""
    sites = Sites(make_exim, alice, bob, seed_line(alice, program))
    for message in ONCE:
        sites.a.inject("", ["x@b.example", '"q r"@b.example'], message, wait=False)
    sites.across(tmp_path / "stick", make, "gateway" if make == "nncp" else "nncp")
    assert 2 * len(ONCE) == fingerprints(copies(sites.a)).total()
    assert fingerprints(copies(sites.a)) == fingerprints(sites.b.mails())


def test_trouble_defers_and_nothing_is_lost(sites: Sites, tmp_path: Path) -> None:
    """A broken configuration leaves the mail in Exim's queue, without a bounce; mended, it flows."""
    good = sites.alice.toml.read_text()
    sites.alice.toml.write_text(good + "\n[broken\n")
    sites.a.inject("joe@a.example", ["x@b.example"], ONCE[0])
    assert 1 == sites.a.queued()
    assert " == x@b.example" in sites.a.records()
    assert "4.3.5" in sites.a.records()
    assert " ** " not in sites.a.records()
    sites.alice.toml.write_text(good)
    sites.across(tmp_path / "stick", "gateway", "gateway")
    assert 1 == len(sites.b.mails())


def test_what_cannot_be_sent_bounces_with_our_words(
    make_exim: Callable[..., Exim], two_nodes: tuple[Node, Node]
) -> None:
    """A permanent failure comes back to the sender, and says why."""
    alice, bob = two_nodes
    command = seed_line(alice).replace("-noprogress", "-noprogress -maxsize 1")
    sites = Sites(make_exim, alice, bob, command)
    message = b"Subject: big\nFrom: joe@a.example\n\n" + random.Random(1).randbytes(5000)
    sites.a.inject("joe@a.example", ["x@b.example"], message)
    assert 0 == sites.a.queued()
    [bounce] = sites.a.mails()
    assert b"x@b.example" in bounce.message
    assert b"5." in bounce.message
    assert ("", ("joe@a.example",)) == (bounce.sender, bounce.recipients)
    assert [] == alice.packets("tx")
    assert [] == alice.temporary()
