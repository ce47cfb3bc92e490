"""Addresses of every kind that mail programs let through."""

from __future__ import annotations

from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.mail.envelope import Envelope, Recipient, ReversePath

SENDERS = (
    "joe@a.example",
    "",
    '"joe b"@a.example',
    '"a\\"b!c\\\\ d"@a.example',
    "list-bounces+joe=b.example@lists.a.example",
    "a!b@a.example",
    "x%y@a.example",
    "jü@a.example",
    "joe@[192.0.2.1]",
    "'o|`$&@a.example",
    "Upper.Case@A.Example",
)

_PLAIN = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-.", min_size=1, max_size=20)
_QUOTED = st.text('ab! "\\@<>,;:()[]ü.', max_size=20).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
_DOMAINS = st.sampled_from(["a.example", "sub.a-b.example", "localhost", "[192.0.2.1]"])


def _valid(text: str) -> bool:
    try:
        Recipient(text)
    except Malformed:
        return False
    return True


MAILBOXES = st.builds(lambda local, domain: f"{local}@{domain}", _PLAIN | _QUOTED, _DOMAINS).filter(_valid)
CHUNKS = st.lists(
    st.binary(max_size=20)
    | st.sampled_from(
        [b"From ", b">From x D\n", b"F", b"\n", b"Return-Path: <e@x>\n", b"Subject: s\n", b".\n"]
    ),
    max_size=8,
)


def envelope(sender: str, *recipients: str) -> Envelope:
    """Return an envelope of these addresses."""
    return Envelope(ReversePath(sender), tuple(map(Recipient, recipients or ("x@b.example",))))
