"""Sequences that some reader or other takes for the end of a message (CVE-2023-51764 to -51766)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.errors import Malformed
from tests.mail.samples import HEAD, read_all, write_all
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim

_SECOND = b"MAIL FROM:<evil@a.example>\nRCPT TO:<y@b.example>\nDATA\nSubject: evil\n\nevil\n"

# sequence: transactions we see in a batch with LF and with CRLF line ends; 0 is refused.
SEQUENCES: dict[bytes, tuple[int, int]] = {
    b"\n.\n": (2, 0),
    b"\r\n.\r\n": (0, 2),
    b"\n.\r\n": (0, 0),
    b"\r\n.\n": (2, 0),
    b"\r.\r\n": (1, 1),
    b"\r.\n": (1, 1),
    b"\r.\r": (1, 1),
    b"\n.\r": (1, 0),
    b"\r\n.\r": (1, 1),
    b"\r\r\n.\r\n": (0, 2),
    b"\r\n.\r\r\n": (1, 1),
    b"\n\0.\n": (1, 1),
    b"\n.\0\n": (1, 0),
    b"\r\n\0.\r\n": (1, 1),
    b"\r\n.\0\r\n": (1, 1),
    b"\n..\n": (1, 0),
}


def _batch(sequence: bytes, *, crlf: bool) -> bytes:
    def own(text: bytes) -> bytes:
        return text.replace(b"\n", b"\r\n") if crlf else text

    return own(HEAD + b"Subject: a\n\na") + sequence + own(_SECOND + b".\n")


@pytest.mark.parametrize("crlf", [False, True], ids=["LF", "CRLF"])
@pytest.mark.parametrize("sequence", SEQUENCES, ids=repr)
def test_how_many_transactions_a_sequence_makes(sequence: bytes, crlf: bool) -> None:
    expected = SEQUENCES[sequence][crlf]
    if expected == 0:
        with pytest.raises(Malformed, match="readers disagree where it ends"):
            read_all(_batch(sequence, crlf=crlf))
        return
    transactions = read_all(_batch(sequence, crlf=crlf))
    assert expected == len(transactions)
    assert read_all(write_all(transactions)) == transactions


@pytest.mark.exim
def test_exim_sees_as_many_in_what_we_write_again(make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    queued = 0
    for sequence, counts in SEQUENCES.items():
        for crlf, expected in enumerate(counts):
            if expected:
                batch = write_all(read_all(_batch(sequence, crlf=bool(crlf))))
                done = exim.run("-odq", "-bS", stdin=batch)
                assert done.status == 0, (sequence, crlf, done)
                queued += expected
                assert queued == exim.queued(), (sequence, crlf)
