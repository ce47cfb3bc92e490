from __future__ import annotations

import io
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, Malformed, Truncated
from gateway.mail.bsmtp import read, scan
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from tests.mail.samples import (
    ENVELOPE,
    HEAD,
    SAMPLES,
    Trickle,
    exim_cases,
    in_pieces,
    read_all,
    write_all,
)
from tests.mail.test_stuffing import normalise

# Not in the form that we write: CRLF, HELO, a U-label domain.
_OTHER_FORM = {"crlf", "crlf-dots", "helo-quit", "smtputf8"}


@pytest.fixture
def scanned(tmp_path: Path) -> Iterator[Callable[[bytes], list[tuple[Envelope, bytes]]]]:
    """A function that scans a batch through a file."""
    with (tmp_path / "batch").open("w+b") as file:

        def scan_all(batch: bytes) -> list[tuple[Envelope, bytes]]:
            """Scan the file, and the same octets in memory."""
            file.truncate(0)
            file.seek(0)
            file.write(batch)
            file.flush()
            found = [(one.envelope, one.open().read(), one.size) for one in scan(file)]
            assert all(len(message) == size for _, message, size in found)
            in_memory = scan(io.BytesIO(batch))
            assert found == [(one.envelope, one.open().read(), one.size) for one in in_memory]
            return [(envelope, message) for envelope, message, _ in found]

        yield scan_all


@pytest.mark.parametrize("name", SAMPLES)
def test_what_exim_wrote_is_read_and_written_again(
    name: str, scanned: Callable[[bytes], list[tuple[Envelope, bytes]]]
) -> None:
    batch = SAMPLES[name].read_bytes()
    transactions = read_all(batch)
    assert transactions == scanned(batch)
    written = write_all(transactions)
    assert (name not in _OTHER_FORM) == (written == batch)
    assert written == write_all(read_all(written))


@pytest.mark.parametrize("name", ["crlf", "crlf-dots"])
def test_a_crlf_batch_is_written_with_lf(name: str) -> None:
    batch = SAMPLES[name].read_bytes()
    assert batch.count(b"\r\n") == batch.count(b"\n")
    assert write_all(read_all(batch)) == batch.replace(b"\r\n", b"\n")


def test_helo_is_dropped_and_quit_inside_a_message_is_text() -> None:
    batch = SAMPLES["helo-quit"].read_bytes()
    (transaction,) = read_all(batch)
    assert transaction[1].endswith(b"\n.dot\nQUIT\n")
    assert write_all([transaction]) == batch.removeprefix(b"HELO a.example\n")


def test_internationalised_domains_are_written_as_a_labels() -> None:
    batch = SAMPLES["smtputf8"].read_bytes()
    (transaction,) = read_all(batch)
    assert [str(one) for one in transaction[0].recipients] == ["用户@far.example", "x@münchen.example"]
    expected = batch.replace("<x@münchen.example>\nDATA".encode(), b"<x@xn--mnchen-3ya.example>\nDATA")
    assert write_all([transaction]) == expected


def test_a_file_of_six_messages() -> None:
    transactions = read_all(SAMPLES["batch-6"].read_bytes())
    assert len(transactions) == 6
    assert any(envelope.sender.is_null for envelope, _ in transactions)
    assert {len(envelope.recipients) for envelope, _ in transactions} >= {1, 6}


def test_quoted_local_parts_stay_quoted() -> None:
    ((envelope, _),) = read_all(SAMPLES["odd-rcpts"].read_bytes())
    assert [str(one) for one in envelope.recipients] == [
        "y@far.example",
        '"a b"@far.example',
        '"dot..dot"@far.example',
        "z@far.example",
        '"a>b"@far.example',
        "Y@FAR.example",
        "y@[192.0.2.1]",
    ]


_POLICY = "what that Exim's configuration or command line makes of it, not the form"
_PARAMETERS = "Exim writes none and refuses them; other writers write them, and nothing is lost without"
_UNDONE = "Exim says 0 and takes nothing; a mail that ends early must be tried again"
_TWO_WAYS = "readers disagree where a message ends"

# Where we differ from exim -bS on purpose: what we say, and why.
EXCEPTIONS: dict[str, tuple[type[GatewayError] | None, str]] = {
    "ok HELO + RSET + QUIT + trailing garbage": (Malformed, "Exim ignores what follows QUIT, others read on"),
    "EHLO + params": (None, _PARAMETERS),
    "utf8 param": (None, _PARAMETERS),
    "EHLO+utf8 param": (None, _PARAMETERS),
    "EOF in envelope": (Truncated, _UNDONE),
    "EOF after MAIL": (Truncated, _UNDONE),
    "empty input": (Truncated, _UNDONE),
    "only QUIT": (Truncated, _UNDONE),
    "unqualified": (Malformed, "it would get the far side's domain, which is not what was meant"),
    "CRLF first, dotted LF": (Malformed, _TWO_WAYS),
    "LF first, CRLF.CRLF inside": (Malformed, _TWO_WAYS),
    "size limit alone": (None, _POLICY),
    "size limit 2nd of 3": (None, _POLICY),
    "acl_not_smtp deny": (None, _POLICY),
    "acl_not_smtp defer 2nd": (None, _POLICY),
    "recipients_max 2 of 3": (None, _POLICY),
    "recipients_max_reject 2 of 3": (None, _POLICY),
    "-f with -bS": (None, _POLICY),
    "-bS -t": (None, _POLICY),
    "check_spool_space": (None, _POLICY),
    "disk full: check_spool_space not met": (None, _POLICY),
}


def _verdict(batch: bytes) -> tuple[list[str], type[GatewayError] | None]:
    taken = []
    try:
        for one in read(io.BytesIO(batch)):
            one.message.read()
            taken.append(
                f"{str(one.envelope.sender) or '<>'} for {' '.join(map(str, one.envelope.recipients))}"
            )
    except GatewayError as error:
        return taken, type(error)
    return taken, None


@pytest.mark.parametrize("case", exim_cases(), ids=lambda case: str(case["name"]))
def test_the_verdict_is_that_of_exim_or_a_named_exception(case: dict[str, object]) -> None:
    taken, error = _verdict(str(case["input"]).encode())
    accepted = [text.replace(" H=node-alpha [192.0.2.9]", "") for text in case["accepted"]]  # type: ignore[attr-defined]
    same = (accepted, case["rc"] == 0) == (taken, error is None)
    if case["name"] in EXCEPTIONS:
        assert not same
        assert EXCEPTIONS[str(case["name"])][0] == error
    else:
        assert same, (taken, error)


def test_every_exception_names_a_case() -> None:
    assert {case["name"] for case in exim_cases()} >= set(EXCEPTIONS)


TEXT = b"Subject: x\n\nx\n"
ONE = HEAD + TEXT + b".\n"


@pytest.mark.parametrize(
    "batch",
    [
        b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\n",
        b"mail from: <joe@a.example> \nrcpt to:x@b.example\t\ndata \n",
        b"Mail From : joe@a.example\nRCPT TO:\t< x@b.example >\nDATA\n",
        b"MAIL FROM:<@r.example:joe@a.example>\nRCPT TO:<@r.example,@s.example:x@b.example>\nDATA\n",
        b"MAIL FROM:<joe@a.example> SIZE=100 BODY=8BITMIME SMTPUTF8\nRCPT TO:<x@b.example>\nDATA\n",
        b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example> NOTIFY=NEVER ORCPT=rfc822;o@z.example\nDATA\n",
        b"HELO me\r\nMAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\n",
        b"EHLO me\nNOOP\nVRFY x\nHELP\nRSET\nMAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nNOOP\nDATA\n",
        b"MAIL FROM:<other@a.example>\nRSET\nMAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\n",
        b"MAIL FROM:<>\nRCPT TO:<y@z>\nEHLO x\nMAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\n",
    ],
)
def test_many_spellings_of_one_transaction(batch: bytes) -> None:
    assert read_all(batch + TEXT + b".\n") == [(ENVELOPE, TEXT)]


@pytest.mark.parametrize("end", [b"", b"QUIT\n", b"quit\r\n", b"QUIT", b"RSET\n", b"NOOP\nQUIT\n"])
def test_what_may_follow_the_last_message(end: bytes) -> None:
    assert read_all(ONE + end) == [(ENVELOPE, TEXT)]


@pytest.mark.parametrize(
    ("batch", "line", "words"),
    [
        (ONE + b"QUIT\n\n", 9, "QUIT"),
        (ONE + b"QUIT\n" + ONE, 9, "QUIT"),
        (ONE + b"\n" + ONE, 8, "an empty line"),
        (ONE + b"FOO bar\n", 8, "FOO bar"),
        (ONE + b"MAILFROM:<joe@a.example>\n", 8, "MAILFROM"),
        (b"RCPT TO:<x@b.example>\n", 1, "RCPT without MAIL"),
        (b"DATA\n", 1, "DATA without MAIL"),
        (b"MAIL FROM:<joe@a.example>\nDATA\nx\n.\n", 2, "DATA without RCPT"),
        (b"MAIL FROM:<joe@a.example>\nMAIL FROM:<joe@a.example>\n", 2, "second MAIL"),
        (b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nQUIT\n", 3, "QUIT inside a transaction"),
        (b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nBDAT 10 LAST\n", 3, "BDAT"),
        (b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA now\n", 3, "DATA now"),
        (b"MAIL FROM:<joe@a.example>\nRCPT TO:<>\n", 2, "not an address"),
        (b"MAIL FROM:<joe@a.example>\nRCPT TO:<joe>\n", 2, "no domain"),
        (b"MAIL FROM:\n", 1, "write <> for the null sender"),
        (b"MAIL FROM:<joe@a.example\n", 1, "no '>'"),
        (b"MAIL FROM:<joe@a.example> junk!\n", 1, "no ESMTP parameter"),
        (b"MAIL FROM:<joe@a.example>SIZE=10\n", 1, "no ESMTP parameter"),
        (b"MAIL FROM:<joe@a.example>,<b@a.example>\n", 1, "no ESMTP parameter"),
        (b"MAIL FROM:joe@a.example SIZE=10\n", 1, "not an address"),
        (b"MAIL FROM:<joe@a.example>\nRCPT TO:<goo d@b.example>\n", 2, "not an address"),
        (b"MAIL FROM:<j\xfcrgen@a.example>\n", 1, "UTF-8"),
        (b"HELO me\rMAIL FROM:<joe@a.example>\n", 1, "a control character"),
        (b"MAIL FROM:<joe@a.example>\r\r\n", 1, "a control character"),
        (b"NOOP \0\n", 1, "a control character"),
        (b"NOOP " + b"x" * 20000 + b"\n", 1, "was DATA forgotten"),
        (b"Subject: x\n\nx\n", 1, "where a command should be"),
        (HEAD + b"a\n.\r\nMAIL FROM:<evil@a.example>\n", 5, "readers disagree"),
        (HEAD.replace(b"\n", b"\r\n") + b"a\n.b\r\n.\r\n", 5, "readers disagree"),
        (ONE + HEAD + b"a\n.\r\n", 12, "readers disagree"),
    ],
)
def test_what_is_refused_names_its_line(
    batch: bytes, line: int, words: str, scanned: Callable[[bytes], list[tuple[Envelope, bytes]]]
) -> None:
    for reader in (read_all, scanned):
        with pytest.raises(Malformed, match=rf"^line {line}: ") as refusal:
            reader(batch)
        assert words in str(refusal.value)


@given(st.integers(min_value=0, max_value=len(ONE) - 1))
def test_every_early_end_is_temporary(length: int) -> None:
    with pytest.raises(Truncated):
        read_all(ONE[:length])


@given(st.integers(min_value=len(ONE) + 1, max_value=2 * len(ONE) - 1))
def test_every_early_end_of_a_second_transaction_too(length: int) -> None:
    batch = (ONE + ONE)[:length]
    with pytest.raises(Truncated):
        read_all(batch)


@pytest.mark.parametrize("batch", [b"", b"QUIT\n", b"HELO me\n", b"RSET\nNOOP\n", b"MAIL FROM:<>\nRSET\n"])
def test_nothing_is_not_success(
    batch: bytes, scanned: Callable[[bytes], list[tuple[Envelope, bytes]]]
) -> None:
    for reader in (read_all, scanned):
        with pytest.raises(Truncated, match="no complete transaction"):
            reader(batch)


def test_more_recipients_than_exim_takes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mail.bsmtp_commands.MAX_RECIPIENTS", 2)
    recipient = b"RCPT TO:<x@b.example>\n"
    assert len(read_all(HEAD.replace(b"DATA", recipient + b"DATA") + b".\n")) == 1
    with pytest.raises(Malformed, match=r"^line 4: more than 2 recipients in one transaction"):
        read_all(HEAD.replace(b"DATA", recipient * 2 + b"DATA") + b".\n")


def test_more_recipients_than_memory_should_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mail.bsmtp_commands.MAX_RECIPIENTS_OF_BATCH", 2)
    with pytest.raises(Malformed, match=r"^line 16: more than 2 recipients in one batch"):
        read_all(ONE * 3)


def test_more_transactions_than_one_packet_should_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mail.bsmtp_commands.MAX_TRANSACTIONS", 2)
    assert 2 == len(read_all(ONE * 2))
    with pytest.raises(Malformed, match=r"more than 2 transactions in one batch"):
        read_all(ONE * 3)


_ADDRESSES = st.sampled_from(
    ['"q r"@b.example', "x@b.example", "ü@b.example", "postmaster", "a..b@[192.0.2.1]"]
)
_SENDERS = st.sampled_from([ReversePath(""), ReversePath("joe@a.example"), ReversePath('"a>b"@a.example')])
_ENVELOPES = st.builds(
    Envelope, _SENDERS, st.lists(_ADDRESSES.map(Recipient), min_size=1, max_size=3).map(tuple)
)
_MESSAGES = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"\r", b"\n", b".", b"\0", b"a"]), max_size=30).map(b"".join),
)
_CUTS = st.lists(st.integers(min_value=0), max_size=8)


@given(st.lists(st.tuples(_ENVELOPES, _MESSAGES), min_size=1, max_size=4), _CUTS, _CUTS)
def test_what_was_written_is_read(
    transactions: list[tuple[Envelope, bytes]], cuts: list[int], other_cuts: list[int]
) -> None:
    """read(write(x)) == normalise(x), whatever the chunks, and writing that again changes nothing."""
    batch = write_all((envelope, in_pieces(message, cuts)) for envelope, message in transactions)
    got = [(one.envelope, one.message.read()) for one in read(Trickle(in_pieces(batch, other_cuts)))]
    assert [(envelope, normalise(message)) for envelope, message in transactions] == got
    assert batch == write_all(got)


@given(st.lists(st.tuples(_ENVELOPES, _MESSAGES), min_size=1, max_size=4))
def test_scan_finds_what_read_reads(transactions: list[tuple[Envelope, bytes]]) -> None:
    batch = write_all(transactions).replace(b"\n", b"\r\n")
    with tempfile.TemporaryFile() as file:
        file.write(batch)
        file.flush()
        found = scan(file)
        assert read_all(batch) == [(one.envelope, one.open().read()) for one in found]
        assert read_all(batch)[::-1] == [(one.envelope, one.open().read()) for one in reversed(found)]
    found = scan(io.BytesIO(batch))
    assert read_all(batch)[::-1] == [(one.envelope, one.open().read()) for one in reversed(found)]


@given(st.binary(max_size=200), st.lists(st.sampled_from(ONE.splitlines(keepends=True)), max_size=12))
def test_arbitrary_input_is_read_or_refused(noise: bytes, lines: list[bytes]) -> None:
    for batch in (noise, b"".join(lines) + noise, HEAD + noise):
        try:
            transactions = read_all(batch)
        except (Malformed, Truncated):
            continue
        assert read_all(write_all(transactions)) == transactions


def test_a_message_nobody_read_is_passed_over_and_cannot_be_read_later() -> None:
    stream = read(io.BytesIO(ONE + ONE.replace(b"Subject: x", b"Subject: y")))
    first, second = next(stream), next(stream)
    assert second.message.read() == TEXT.replace(b"x", b"y", 1)
    with pytest.raises(RuntimeError, match="before the next transaction"):
        first.message.read()


def test_half_a_message_cannot_be_read_on_later() -> None:
    text = b"a" * 100_000 + b"\n"
    stream = read(io.BytesIO((HEAD + text + b".\n") * 2))
    message = iter(next(stream).message)
    assert next(message)
    assert next(stream).message.read() == text
    with pytest.raises(RuntimeError, match="before the next transaction"):
        next(message)


def test_a_refusal_stays_a_refusal() -> None:
    """Even if whoever read the message took no notice."""
    batch = HEAD + b"x" * 300_000 + b"\n.\r\n" + b"x" * 300_000 + b"\n.\n" + ONE
    stream = read(io.BytesIO(batch))
    with pytest.raises(Malformed):
        next(stream).message.read()
    with pytest.raises(Malformed):
        next(stream)


def test_an_early_end_reaches_who_reads_the_message() -> None:
    transaction = next(read(io.BytesIO(ONE[:-2])))
    with pytest.raises(Truncated):
        transaction.message.read()


def test_scan_leaves_the_position_of_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "batch"
    path.write_bytes(ONE)
    with path.open("rb") as file:
        file.seek(5)
        assert len(scan(file)) == 1
        assert file.tell() == 5


def test_scanned_messages_can_be_read_in_many_threads_at_once(tmp_path: Path) -> None:
    messages = [f"Subject: {number}\n\n".encode() + b".line\n" * 30_000 for number in range(8)]
    path = tmp_path / "batch"
    path.write_bytes(write_all((ENVELOPE, message) for message in messages))
    with path.open("rb") as file, ThreadPoolExecutor(8) as pool:
        found = scan(file) * 3
        assert messages * 3 == list(pool.map(lambda one: one.open().read(), found))


def test_a_file_that_shrank_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "batch"
    path.write_bytes(ONE)
    with path.open("r+b") as file:
        (transaction,) = scan(file)
        file.truncate(len(ONE) - 2)
        with pytest.raises(Truncated):
            transaction.open().read()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64])
def test_no_size_of_buffer_matters(size: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gateway.mail.bsmtp._CHUNK", size)
    monkeypatch.setattr("gateway.mail.bsmtp._FIRST_WINDOW", 1)
    messages = [b".", b"", b".\r\n..\r.\n", *(b"." * length + b"\n." for length in range(8))]
    transactions = [(ENVELOPE, message) for message in messages]
    expected = [(ENVELOPE, normalise(message)) for message in messages]
    path = tmp_path / "batch"
    for line_end in (b"\n", b"\r\n"):
        path.write_bytes(write_all(transactions).replace(b"\n", line_end) + b"QUIT" + line_end)
        with path.open("rb") as file:
            assert expected == [(one.envelope, one.message.read()) for one in read(file)]
            assert expected == [(one.envelope, one.open().read()) for one in scan(file)]
        octets = io.BytesIO(path.read_bytes())
        assert expected == [(one.envelope, one.open().read()) for one in scan(octets)]


class _LongLine:
    """64 MiB without a line end, in a batch."""

    def __init__(self) -> None:
        self._pieces = iter([HEAD, *[b"x" * 65536] * 1024, b"\n.\n"])

    def read(self, size: int) -> bytes:
        return next(self._pieces, b"")


def test_memory_does_not_grow_with_the_length_of_a_line() -> None:
    tracemalloc.start()
    try:
        size = sum(sum(map(len, one.message)) for one in read(_LongLine()))  # type: ignore[arg-type]
        assert size == 64 * 2**20 + 1
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
