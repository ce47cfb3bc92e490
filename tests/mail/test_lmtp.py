"""The LMTP machine: what it asks, what it says, and where it sees the end of a message."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.envelope import Recipient, ReversePath
from gateway.mail.lmtp import (
    MAX_LINE,
    MAX_RECIPIENTS,
    MAX_WRONG,
    Addressed,
    Begun,
    Ended,
    Machine,
    Opened,
    Text,
)
from gateway.mail.lmtp_replies import Reply

YES = Reply(250, "2.0.0", "yes")
GO_ON = Reply(354, "", "go on")
LATER = Reply(451, "4.3.0", "later")
ENVELOPE = b"LHLO client\r\nMAIL FROM:<joe@a.example>\r\nRCPT TO:<x@b.example>\r\n"


class Client:
    """A machine, with a reception that takes everything and remembers what it was told."""

    def __init__(self, *, max_size: int | None = None, answers: dict[str, Reply] | None = None) -> None:
        self.machine = Machine("gw.example", max_size=max_size)
        self.answers = answers or {}
        self.events: list[object] = []
        self.messages: list[bytes] = []
        self.said = b""
        self._accepted = 0

    def send(self, octets: bytes) -> list[int]:
        """Send octets and return the codes of what the machine says to them."""
        self.machine.receive(octets)
        while (event := self.machine.next_event()) is not None:
            self._heed(event)
        said = self.machine.replies()
        self.said += said
        return [int(code) for code in re.findall(rb"(?m)^(\d{3}) ", said)]

    def _heed(self, event: object) -> None:
        match event:
            case Text(octets):
                self.messages[-1] += octets
                return
            case Addressed(recipient):
                reply = self.answers.get(str(recipient), YES)
                self._accepted += reply.good
                self.machine.answer(reply)
            case Opened():
                self._accepted = 0
                self.machine.answer(self.answers.get("MAIL", YES))
            case Begun():
                self.messages.append(b"")
                self.machine.answer(self.answers.get("DATA", GO_ON))
            case Ended(refusal):
                if refusal:
                    self.messages.pop()
                self.machine.conclude([refusal or YES] * self._accepted)
        self.events.append(event)


@pytest.fixture
def client() -> Client:
    one = Client()
    assert [220] == one.send(b"")
    return one


def test_a_message_crosses_with_an_answer_for_every_recipient(client: Client) -> None:
    assert [250, 250, 250] == client.send(ENVELOPE)
    assert [250, 354] == client.send(b"RCPT TO:<y@b.example>\r\nDATA\r\n")
    assert [250, 250, 221] == client.send(b"Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n")
    assert client.machine.over
    assert [b"Subject: x\n\n.dot\n"] == client.messages
    assert [
        Opened(ReversePath("joe@a.example"), 0),
        Addressed(Recipient("x@b.example")),
        Addressed(Recipient("y@b.example")),
        Begun(),
        Ended(None),
    ] == client.events


def test_what_it_offers(client: Client) -> None:
    client.send(b"LHLO client\r\n")
    offers = {b"SIZE", b"8BITMIME", b"SMTPUTF8", b"PIPELINING", b"ENHANCEDSTATUSCODES"}
    assert offers <= set(re.findall(rb"250[- ](\S+)\r\n", client.said))


def test_a_refused_recipient_gets_no_answer_behind_the_dot() -> None:
    client = Client(answers={"y@b.example": LATER})
    client.send(ENVELOPE)
    assert [451, 250, 354] == client.send(b"RCPT TO:<y@b.example>\r\nRCPT TO:<z@b.example>\r\nDATA\r\n")
    assert [250, 250] == client.send(b"hi\r\n.\r\n")


@pytest.mark.parametrize(
    ("octets", "codes"),
    [
        (b"HELO x\r\n", [500]),
        (b"EHLO x\r\n", [500]),
        (b"LHLO\r\n", [501]),
        (b"NOOP\r\nVRFY x\r\nRSET\r\n", [250, 252, 250]),
        (b"MAIL FROM:<>\r\n", [503]),
        (b"LHLO x\r\nRCPT TO:<x@b.example>\r\n", [250, 503]),
        (b"LHLO x\r\nDATA\r\n", [250, 503]),
        (b"LHLO x\r\nMAIL FROM:<>\r\nDATA\r\n", [250, 250, 503]),
        (b"LHLO x\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\n", [250, 250, 503]),
        (b"LHLO x\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<x@b.example>\r\n", [250, 250, 250, 503]),
        (b"LHLO x\r\nMAIL FROM:<>\r\nLHLO x\r\nRCPT TO:<x@b.example>\r\n", [250, 250, 250, 503]),
        (b"LHLO x\r\nMAIL FROM:<> SIZE=12 BODY=8BITMIME SMTPUTF8\r\n", [250, 250]),
        (b"lhlo x\r\nmail from:<>\r\nrcpt to:<POSTMASTER>\r\n", [250, 250, 250]),
        (b"LHLO x\r\nMAIL FROM:<> RET=FULL\r\n", [250, 455]),
        (b"LHLO x\r\nMAIL FROM:<> SIZE=x\r\n", [250, 455]),
        (b"LHLO x\r\nMAIL FROM:joe@a.example\r\n", [250, 501]),
        (b"LHLO x\r\nMAIL FROM:<joe>\r\n", [250, 501]),
        (b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\n", [250, 250, 501]),
        (b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<x@b.example> NOTIFY=NEVER\r\n", [250, 250, 455]),
        ("LHLO x\r\nMAIL FROM:<jos\u00e9@b\u00fccher.example>\r\n".encode(), [250, 250]),
        (b"LHLO x\r\nMAIL FROM:<jos\xe9@a.example>\r\n", [250, 500]),
        (b"NOOP\n", [500]),
        (b"NO\x00OP\r\n", [500]),
        (b"NOOP\rQUIT\r\n", [500]),
        (b"BDAT 5 LAST\r\n", [500]),
        (b"\r\n", [500]),
        (b"GET / HTTP/1.1\r\nMAIL FROM:<>\r\n", [421]),
    ],
    ids=repr,
)
def test_commands(client: Client, octets: bytes, codes: list[int]) -> None:
    assert codes == client.send(octets)


def test_every_answer_but_the_greeting_has_an_enhanced_code_of_its_class(client: Client) -> None:
    client.send(ENVELOPE + b"DATA\r\nhi\r\n.\r\nNOOP\r\nNOSUCH\r\nRCPT TO:<x>\r\nQUIT\r\n")
    for code, words in re.findall(rb"(?m)^(\d{3}) (\S+)", client.said):
        if code not in (b"220", b"354") and words != b"ENHANCEDSTATUSCODES":
            assert re.fullmatch(rb"%c\.\d+\.\d+" % code[0], words), (code, words)


ENDS = {
    "LF dot CRLF": b"\n.\r\n",
    "LF dot LF": b"\n.\n",
    "CRLF dot LF": b"\r\n.\n",
    "CR dot CRLF after LF": b"\n\r.\n.\r\n",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_another_reader_could_take_for_the_end_refuses_the_message(client: Client, end: bytes) -> None:
    """SMTP smuggling: the commands behind it are text, and no transaction comes of them."""
    client.send(ENVELOPE + b"DATA\r\n")
    assert [] == client.send(b"hi" + end + b"MAIL FROM:<evil@a.example>\r\nRCPT TO:<y@b.example>\r\nDATA\r\n")
    assert [554, 250] == client.send(b"smuggled\r\n.\r\nNOOP\r\n")
    assert [] == client.messages
    assert 1 == sum(isinstance(event, Opened) for event in client.events)


@pytest.mark.parametrize("end", [b"\r.\r", b"\r\r\n.\r", b"\n\n"])
def test_what_nobody_takes_for_the_end_is_text(client: Client, end: bytes) -> None:
    client.send(ENVELOPE + b"DATA\r\n")
    assert [] == client.send(b"hi" + end)
    assert [250] == client.send(b"x\r\n.\r\n")
    assert 1 == len(client.messages)


def test_an_empty_message(client: Client) -> None:
    client.send(ENVELOPE + b"DATA\r\n")
    assert [250] == client.send(b".\r\n")
    assert [b""] == client.messages


def test_lines_of_any_length_are_text_and_long_ones_no_commands(client: Client) -> None:
    assert [] == client.send(b"NOOP " + b"x" * MAX_LINE)
    assert [] == client.send(b"x" * 100_000)
    assert [500, 250] == client.send(b"\r\nNOOP\r\n")
    client.send(ENVELOPE + b"DATA\r\n")
    assert [250] == client.send(b"x" * 100_000 + b"\r\n.\r\n")
    assert [b"x" * 100_000 + b"\n"] == client.messages


def test_recipients_beyond_the_limit_are_put_off_and_the_others_served(client: Client) -> None:
    client.send(b"LHLO x\r\nMAIL FROM:<>\r\n")
    more = b"RCPT TO:<x@b.example>\r\n" * (MAX_RECIPIENTS + 50)
    assert [250] * MAX_RECIPIENTS + [452] * 50 == client.send(more)
    client.send(b"DATA\r\n")
    assert [250] * MAX_RECIPIENTS == client.send(b"hi\r\n.\r\n")


def test_a_size_that_is_announced_is_refused_before_it_comes() -> None:
    client = Client(max_size=100)
    assert [220, 250, 552] == client.send(b"LHLO x\r\nMAIL FROM:<> SIZE=101\r\n")
    assert b"SIZE 100\r\n" in client.said
    assert [250] == client.send(b"MAIL FROM:<> SIZE=100\r\n")


def test_a_size_that_was_not_announced_is_refused_behind_the_dot() -> None:
    client = Client(max_size=100)
    client.send(ENVELOPE + b"DATA\r\n" + b"x" * 101)
    assert [552, 250] == client.send(b"x\r\n.\r\nNOOP\r\n")
    assert [] == client.messages
    client.send(b"MAIL FROM:<>\r\nRCPT TO:<x@b.example>\r\nDATA\r\n")
    assert [250] == client.send(b"x" * 99 + b"\r\n.\r\n")


def test_who_talks_nonsense_is_sent_away(client: Client) -> None:
    assert [500] * (MAX_WRONG - 1) + [421] == client.send(b"x\r\n" * (MAX_WRONG + 5))
    assert client.machine.over


@pytest.mark.parametrize("question", ["MAIL", "DATA"])
def test_a_refused_transaction_is_over(question: str) -> None:
    client = Client(answers={question: LATER})
    codes = client.send(ENVELOPE + b"DATA\r\nRCPT TO:<x@b.example>\r\n")
    assert codes == {"MAIL": [220, 250, 451, 503, 503, 503], "DATA": [220, 250, 250, 250, 451, 503]}[question]
    assert client.machine.idle


def test_a_group_of_commands_that_is_refused_costs_no_connection() -> None:
    client = Client(answers={"MAIL": LATER})
    client.send(b"LHLO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<x@b.example>\r\n" * 100)
    assert not client.machine.over


@pytest.mark.parametrize("refused", ["every recipient", "DATA"])
def test_a_message_that_did_not_wait_for_the_answer_to_data_holds_no_commands(refused: str) -> None:
    """Its text may be an attacker's."""
    client = Client(answers={"x@b.example": LATER} if refused == "every recipient" else {"DATA": LATER})
    client.send(ENVELOPE)
    evil = b"Subject: x\r\n\r\nMAIL FROM:<evil@a.example>\r\nRCPT TO:<y@b.example>\r\nDATA\r\nevil\r\n.\r\n"
    assert 421 == client.send(b"DATA\r\n" + evil)[-1]
    assert 1 == sum(isinstance(event, Opened) for event in client.events)


def test_who_waits_goes_on_after_a_refused_data() -> None:
    client = Client(answers={"x@b.example": LATER})
    client.send(ENVELOPE)
    assert [503, 250, 250, 250, 354] == client.send(
        b"DATA\r\nRSET\r\nMAIL FROM:<>\r\nRCPT TO:<y@b.example>\r\nDATA\r\n"
    )
    assert [250] == client.send(b"hi\r\n.\r\n")


def test_questions_have_to_be_answered(client: Client) -> None:
    client.machine.receive(b"LHLO x\r\nMAIL FROM:<>\r\n")
    client.machine.next_event()
    with pytest.raises(RuntimeError):
        client.machine.next_event()
    client.machine.answer(YES)
    with pytest.raises(RuntimeError):
        client.machine.answer(YES)
    with pytest.raises(RuntimeError):
        client.machine.conclude([])


def test_no_reply_is_two_lines_or_a_long_one() -> None:
    line = Reply(451, "4.3.0", "a\r\n250 2.0.0 b\x1b[2J " + "\u00e9" * 2000).line()
    assert 1 == line.count(b"\n")
    assert 512 >= len(line)
    assert re.fullmatch(rb"451 4\.3\.0 [ -~]+\r\n", line)


PIECES = [
    b"LHLO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<x@b.example>\r\n", b"DATA\r\n", b"text\r\n", b".", b"\r",
    b"\n", b"\r\n", b".\r\n", b"\r\n.\r\n", b"\n.\n", b"RSET\r\n", b"QUIT\r\n", b"x" * 30,
    b"x" * (MAX_LINE - 3), ENVELOPE, b"DATA\r\nhi\r\n.\r\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.data())
def test_what_it_says_does_not_depend_on_how_the_octets_are_cut(
    pieces: list[bytes], data: st.DataObject
) -> None:
    octets = ENVELOPE + b"DATA\r\n" * data.draw(st.booleans()) + b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=12)))
    whole, cut = Client(max_size=200), Client(max_size=200)
    whole.send(octets)
    for begin, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
        cut.send(octets[begin:end])
    assert whole.said == cut.said
    assert whole.events == cut.events
    assert (
        whole.messages[: len(whole.messages) - (not whole.machine.idle)]
        == (cut.messages[: len(cut.messages) - (not cut.machine.idle)])
    )
