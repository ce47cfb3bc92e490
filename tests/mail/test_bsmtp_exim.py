"""What we write, given to the real ``exim -bS``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.mail.envelope import Envelope, Recipient, ReversePath
from tests.mail.samples import write_all
from tests.mail.test_stuffing import normalise
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim

pytestmark = pytest.mark.exim

# Header fields that Exim would add otherwise.
_HEADER = b"From: joe@a.example\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-Id: <%d@a.example>\n\n"


def test_messages_arrive_octet_for_octet(make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    bodies = [
        b"",
        b".",
        b"..\n.\n",
        b"a\r\n.\r\nb\rc\r.\r",
        b"\0\xff\n.\0\n",
        b"QUIT\nMAIL FROM:<>\n",
        b"x" * 9000,
    ]
    messages = [_HEADER % number + body for number, body in enumerate(bodies)]
    envelope = Envelope(ReversePath("joe@a.example"), (Recipient("x@b.example"),))
    done = exim.run("-odi", "-bS", stdin=write_all((envelope, message) for message in messages))
    assert done.status == 0, done
    assert sorted(map(normalise, messages)) == sorted(mail.message for mail in exim.mails())


@pytest.mark.parametrize(
    "address",
    [
        "root@localhost",
        "user@node.nncp",
        "a..b@x.example",
        ".a.@x.example",
        "list-bounce+user=example.org@x.example",
        "a!b%c@x.example",
        "-oQ@x.example",
        '"; rm -rf /"@x.example',
        '"a>b"@x.example',
        '"a\\"b\\\\c"@x.example',
        "用户@münchen.example",
        "postmaster",
        "a@[192.0.2.1]",
        "x" * 246 + "@x.example",
    ],
)
def test_addresses_that_pass_are_taken_by_exim(address: str, make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, main="allow_domain_literals = true")
    sender = ReversePath(address if "@" in address else "")
    batch = write_all([(Envelope(sender, (Recipient(address),)), b"Subject: x\n\n")])
    done = exim.run("-odq", "-bS", stdin=batch)
    assert done.status == 0, done
    expected = Recipient(address).with_ascii_domain()
    assert f" for {expected}" in exim.records()
