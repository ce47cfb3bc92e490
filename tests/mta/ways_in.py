"""Every way in: Exim A and Postfix A, and what their pipes call.

Each way has a domain of its own, so that one injection takes a letter into all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from tests.mta.letters import LETTERS, Letter
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.nodes import Node
from tests.real.postfix import ACCOUNT, Postfix
from tests.real.programs import gateway_script

MakeExim = Callable[..., Exim]
MakePostfix = Callable[..., Postfix]

BATCH = "use_bsmtp"
UUCP = (
    'message_prefix = "From ${if def:return_path{$return_path}{MAILER-DAEMON}} $tod_bsdinbox '
    'remote from a\\n"\n  message_suffix ='
)
MAIL = {
    "bsmtp": 'mail = { form = "bsmtp", handle = "rsmtp" }',
    "argument": 'mail = { form = "sendmail", handle = "sendmail", sender = "argument" }',
    "header": 'mail = { form = "sendmail", handle = "sendmail", sender = "header" }',
    "rmail": 'mail = { form = "rmail", handle = "rmail" }',
}


Mta = Literal["exim", "postfix"]


class Way(NamedTuple):
    """A pipe of one MTA: the command behind ``gateway``, Exim's options or Postfix's flags.

    `mail` is how the configuration that it uses says that mail is written for the node.
    """

    mta: Mta
    options: str
    words: str
    mail: str = "bsmtp"
    node: str = "bob"


_SUBMIT = "submit postfix --node ${nexthop} --sender ${sender} -- ${recipient}"
_NNCP = "exec -quiet $nexthop sendmail $recipient"

WAYS = {
    "exim-bsmtp": Way("exim", BATCH, "exec $host rsmtp"),
    "exim-rmail": Way("exim", UUCP, "exec $host rmail $pipe_addresses"),
    "postfix-submit": Way("postfix", "flags=q null_sender=", _SUBMIT),
    "postfix-nncp-r": Way("postfix", "flags=Rq", _NNCP),
    "postfix-nncp-f": Way("postfix", "flags=Fq", _NNCP),
}
"""Each of them in the form that it came in."""

_BEGINNINGS: tuple[tuple[Mta, str, str], ...] = (
    ("exim", BATCH, "submit exim --node $host"),
    ("postfix", "flags=q null_sender=", _SUBMIT),
)
OTHER_FORMS = {
    f"{mta}-as-{mail}": Way(mta, options, words, mail, "eve")
    for mail in ("argument", "header", "rmail")
    for mta, options, words in _BEGINNINGS
}
"""What came in in one form and is written in another."""

MANY = 100
"""Recipients of a letter that is not given to an MTA for several ways at once."""

Ways = dict[str, Way]


def domains(ways: Ways) -> list[str]:
    """Return the domains that lead into the ways."""
    return [f"{name}.example" for name in ways]


class Sender:
    """One MTA with its node beside it; ways and everything that they need in one directory."""

    def __init__(self, ways: Ways, node: Node) -> None:
        self.ways = ways
        self.node = node

    def configure(self, *others: Node) -> None:
        """Write a configuration for each way of writing mail."""
        for other in others:
            self.node.know(other)
        text = self.node.toml.read_text()
        for name, line in MAIL.items():
            file = self._file(name)
            file.write_text(re.sub(r"(?m)^\[neigh\..*", rf"\g<0>\n{line}", text))
            file.chmod(0o600)

    def _file(self, mail: str) -> Path:
        return self.node.directory / f"{mail}.toml"

    def command(self, way: Way) -> str:
        """Return the command of a way's pipe."""
        return f"{gateway_script()} --config {self._file(way.mail)} {way.words}"

    def pack(self, medium: Path, *others: Node) -> None:
        """Put what was sent onto a medium."""
        medium.mkdir(exist_ok=True)
        medium.chmod(0o777)
        for other in others:
            done = self.node.gateway("xfer", "--tx", "--mkdir", "--node", other.name, str(medium))
            assert done.status == 0, done
            assert [] == self.node.temporary()


def _injections(ways: Ways) -> Iterator[tuple[Letter, list[str]]]:
    """Yield each letter with its recipients by all ways; those with many, way by way."""
    for letter in LETTERS:
        shares = [letter.to(domain) for domain in domains(ways)]
        if len(letter.names) > MANY:
            yield from ((letter, share) for share in shares)
        else:
            yield letter, [recipient for share in shares for recipient in share]


def _word(name: str) -> str:
    """Return a name as Exim takes it for a router or a transport."""
    return name.replace("-", "_")


def send_from_exim(make: MakeExim, others: list[Node], ways: Ways) -> Sender:
    """Send all letters by all ways of an Exim; its queue is empty when this returns."""
    routers = "".join(
        f"{_word(name)}:\n  driver = manualroute\n  domains = {name}.example\n"
        f"  transport = {_word(name)}\n  route_list = * {way.node}\n"
        for name, way in ways.items()
    )
    exim = make("a.example", routers + LOCAL_ROUTER, LOCAL_TRANSPORT)
    sender = Sender(ways, Node(exim.directory / "ada", "ada"))
    sender.configure(*others)
    transports = "".join(
        f"{_word(name)}:\n  driver = pipe\n  {way.options}\n  batch_max = 100\n"
        f"  command = {sender.command(way)}\n  temp_errors = *\n  log_defer_output\n"
        for name, way in ways.items()
    )
    text = exim.configuration.read_text()
    exim.configuration.write_text(text.replace("begin transports\n", f"begin transports\n{transports}"))
    exim.own(sender.node.directory)
    for letter, to in _injections(ways):
        exim.inject(letter.sender, to, letter.message)
    assert (0, []) == (exim.queued(), exim.mails()), exim.records()[-5000:]
    return sender


def send_from_postfix(make: MakePostfix, others: list[Node], ways: Ways) -> Sender:
    """Send all letters by all ways of a Postfix; its queue is empty when this returns."""
    maps = " ".join(f"{{ {name}.example={name}:{way.node} }}" for name, way in ways.items())
    postfix = make("a.example", f"transport_maps = inline:{{ {maps} }}\n")
    sender = Sender(ways, Node(postfix.directory / "pia", "pia"))
    sender.configure(*others)
    with (postfix.directory / "etc/master.cf").open("a") as file:
        file.writelines(
            f"{name} unix - n n - 2 pipe\n  {way.options} user={ACCOUNT} argv={sender.command(way)}\n"
            for name, way in ways.items()
        )
    postfix.cool()
    postfix.own(sender.node.directory)
    for letter, to in _injections(ways):
        postfix.inject(letter.sender, to, letter.message)
    postfix.start()
    sent = postfix.wait(lambda: not postfix.queued(), 120)
    postfix.stop()
    assert sent, postfix.records()[-5000:]
    assert [] == postfix.mails(), postfix.records()[-5000:]
    return sender


def ways_of(mta: str, ways: Ways) -> Ways:
    """Return the ways that begin at one kind of MTA."""
    return {name: way for name, way in ways.items() if way.mta == mta}
