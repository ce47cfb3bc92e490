"""The egress ``smtp`` against servers that say every thing a server can say."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.defaults import smtp_visit
from gateway.defaults.smtp import gateway_register_egress
from gateway.errors import ConfigError, PluginError
from gateway.mail.envelope import Envelope, Recipient, ReversePath
from gateway.mail.message import Message
from gateway.mta import Delivery, Egress, Outcome, Verdict
from tests.defaults import smtp_server
from tests.defaults.smtp_server import Listener

TEXT = b"Subject: one\n\nhi\n"
WIRE = "Subject: one\r\n\r\nhi\r\n"
ENVIRON = {"PATH": "/usr/bin:/bin"}
Row = tuple[int, str, str, tuple[str, ...] | None]


def delivery(
    number: int = 0,
    *recipients: str,
    sender: str = "joe@a.example",
    text: bytes = TEXT,
    timeout: float = 30.0,
    command: tuple[str, ...] = (),
    **options: object,
) -> Delivery:
    return Delivery(
        envelope=Envelope(
            ReversePath(sender), tuple(map(Recipient, recipients or (f"r{number}@b.example",)))
        ),
        message=Message(text),
        transaction=number,
        sender_node="bob",
        handle="mail",
        niceness=96,
        packet="PACKET",
        command=command,
        timeout=timeout,
        environ=ENVIRON,
        options=options,
        reopen=lambda: Message(text),
    )


def deliver(*deliveries: Delivery) -> list[Outcome]:
    return list(gateway_register_egress().deliver(iter(deliveries)))


def rows(outcomes: list[Outcome]) -> list[Row]:
    return [
        (
            o.transaction,
            o.verdict.value,
            o.text,
            None if o.recipients is None else tuple(map(str, o.recipients)),
        )
        for o in outcomes
    ]


class Program:
    """The scripted server as a program."""

    def __init__(self, folder: Path, script: dict[str, object]) -> None:
        self.folder = folder
        (folder / "script").write_text(json.dumps(script))
        self.command = (sys.executable, "-IS", smtp_server.__file__, str(folder / "script"))

    def sessions(self) -> list[dict[str, list[str]]]:
        return [json.loads(file.read_text()) for file in sorted(self.folder.glob("*.record"))]


Serve = Callable[..., tuple[Callable[..., Delivery], Callable[[], list[dict[str, list[str]]]]]]


@pytest.fixture(params=["program", "address"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """A function that starts the scripted server and returns a maker of deliveries, and the records."""
    listeners: list[Listener] = []

    def start(**script: object) -> tuple[Callable[..., Delivery], Callable[[], list[dict[str, list[str]]]]]:
        options = {"protocol": "lmtp"} if script.get("lmtp") else {}
        script = {key.replace("dot", "."): value for key, value in script.items()}
        if request.param == "program":
            program = Program(tmp_path, script)
            return lambda *a, **k: delivery(*a, command=program.command, **options, **k), program.sessions
        listeners.append(Listener(script))
        address = listeners[-1].address
        return lambda *a, **k: delivery(*a, address=address, **options, **k), listeners[-1].sessions

    yield start
    for listener in listeners:
        listener.close()


def test_a_message_is_taken(serve: Serve) -> None:
    make, sessions = serve(dot="250 2.0.0 queued as X")
    assert [(0, "taken", "250 2.0.0 queued as X", None)] == rows(
        deliver(make(0, "a@b.example", "c@b.example"))
    )
    (session,) = sessions()
    assert [WIRE] == session["texts"]
    assert "quit" == session["end"]
    assert [
        "MAIL FROM:<joe@a.example> SIZE=20",
        "RCPT TO:<a@b.example>",
        "RCPT TO:<c@b.example>",
        "DATA",
        "QUIT",
    ] == session["commands"][1:]
    assert session["commands"][0].startswith("EHLO ")


@pytest.mark.timeout(30)
def test_who_leaves_hangs_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exim holds its last answer back for 200 ms where the other side does not."""
    monkeypatch.setattr(smtp_visit, "FAREWELL", 3600.0)
    make, sessions = serve(QUIT="late")
    deliver(make())
    (session,) = sessions()
    assert "quit" == session["end"]


def test_one_session_carries_all_deliveries_of_a_packet(serve: Serve) -> None:
    make, sessions = serve()
    assert [(i, "taken", "250 ok", None) for i in range(5)] == rows(deliver(*(make(i) for i in range(5))))
    assert 1 == len(sessions())


def test_the_null_sender_and_postmaster(serve: Serve) -> None:
    make, sessions = serve()
    deliver(make(0, "postmaster", sender=""))
    assert ["MAIL FROM:<> SIZE=20", "RCPT TO:<postmaster>"] == sessions()[0]["commands"][1:3]


def test_quoted_local_parts_stay_quoted(serve: Serve) -> None:
    make, sessions = serve()
    deliver(make(0, '"q r>"@b.example'))
    assert 'RCPT TO:<"q r>"@b.example>' in sessions()[0]["commands"]


def test_every_recipient_gets_its_own_answer(serve: Serve) -> None:
    make, sessions = serve(
        **{
            "RCPT TO:<no@b.example>": "550 5.1.1 no such user",
            "RCPT TO:<later@b.example>": "450-4.2.0 gr\r\n450 4.2.0 ey",
        }
    )
    found = rows(deliver(make(0, "a@b.example", "no@b.example", "later@b.example", "c@b.example")))
    assert [
        (0, "taken", "250 ok", ("a@b.example", "c@b.example")),
        (0, "refused", "550 5.1.1 no such user", ("no@b.example",)),
        (0, "deferred", "450 4.2.0 gr 4.2.0 ey", ("later@b.example",)),
    ] == found
    assert [WIRE] == sessions()[0]["texts"]


def test_reasons_of_several_deferrals_are_told_together(serve: Serve) -> None:
    make, _ = serve(RCPT=["450 one", "451 two"])
    ((_, verdict, text, who),) = rows(deliver(make(0, "a@b.example", "c@b.example")))
    assert ("deferred", "a@b.example: 450 one; c@b.example: 451 two", None) == (verdict, text, who)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("450 later", "deferred"),
        ("550 never", "refused"),
        ("452 4.3.1 full", "deferred"),
        ("552 too big", "refused"),
    ],
)
@pytest.mark.parametrize("step", ["MAIL", "DATA", "dot"])
def test_4xx_is_temporary_and_5xx_is_not(serve: Serve, step: str, answer: str, verdict: str) -> None:
    make, sessions = serve(**{step: [answer, {"MAIL": "250 ok", "DATA": "354 go", "dot": "250 ok"}[step]]})
    found = rows(deliver(make(0, "a@b.example", "c@b.example"), make(1)))
    assert [(0, verdict, answer, None), (1, "taken", "250 ok", None)] == found
    assert 1 == len(sessions())


def test_when_all_recipients_are_refused_the_session_goes_on(serve: Serve) -> None:
    make, sessions = serve(RCPT=["550 no", "550 no", "250 ok"])
    found = rows(deliver(make(0, "a@b.example", "c@b.example"), make(1)))
    assert [
        (0, "refused", "550 no", ("a@b.example",)),
        (0, "refused", "550 no", ("c@b.example",)),
        (1, "taken", "250 ok", None),
    ] == found
    assert 1 == len(sessions())
    assert "RSET" in sessions()[0]["commands"]


@pytest.mark.parametrize("code", ["452 4.5.3 too many", "552 too many"])
def test_too_many_recipients_go_by_several_transactions(serve: Serve, code: str) -> None:
    make, sessions = serve(RCPT=["250 a", "250 b", code, "250 c", "250 d", code, "250 e"])
    names = [f"r{i}@b.example" for i in range(5)]
    found = rows(deliver(make(0, *names)))
    assert [("taken", tuple(names[:2])), ("taken", tuple(names[2:4])), ("taken", (names[4],))] == [
        (verdict, who) for _, verdict, _, who in found
    ]
    assert [WIRE] * 3 == sessions()[0]["texts"]


@pytest.mark.parametrize("code", ["452 4.2.2 mailbox full", "552 5.2.2 mailbox full"])
def test_a_full_mailbox_is_deferred_and_holds_up_nobody(serve: Serve, code: str) -> None:
    make, _ = serve(**{"RCPT TO:<full@b.example>": code})
    found = rows(deliver(make(0, "a@b.example", "full@b.example", "c@b.example")))
    assert [
        (0, "taken", "250 ok", ("a@b.example",)),
        (0, "taken", "250 ok", ("c@b.example",)),
        (0, "deferred", code, ("full@b.example",)),
    ] == found


@pytest.mark.parametrize("code", ["500 what", "502 what", "550 what"])
def test_helo_where_ehlo_is_not_known(serve: Serve, code: str) -> None:
    make, sessions = serve(EHLO=code)
    assert ["taken"] == [verdict for _, verdict, _, _ in rows(deliver(make(0, text=b"\xff")))]
    assert sessions()[0]["commands"][1].startswith("HELO ")
    assert "MAIL FROM:<joe@a.example>" == sessions()[0]["commands"][2]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"greeting": "554 no service"}, "554 no service"),
        ({"greeting": "450 busy"}, "450 busy"),
        ({"EHLO": "450 busy"}, "450 busy"),
        ({"EHLO": "500 no", "HELO": "550 go away"}, "550 go away"),
        ({"EHLO": "421 not now"}, "after EHLO: 421 not now"),
        ({"greeting": "drop"}, "instead of a greeting: connection closed"),
        ({"greeting": "Usage: sendmail"}, "instead of a greeting: no SMTP reply: Usage: sendmail"),
    ],
)
def test_a_server_that_does_not_want_to_talk_defers_everything(
    serve: Serve, script: dict[str, object], words: str
) -> None:
    make, sessions = serve(**script)
    found = rows(deliver(make(0), make(1)))
    assert [(0, "deferred", None), (1, "deferred", None)] == [(n, v, who) for n, v, _, who in found]
    assert all(text.startswith(words) for _, _, text, _ in found)
    assert 1 == len(sessions())


@pytest.mark.parametrize("answer", ["503 order", "530 authenticate first", "521 no mail", "555 parameter"])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "dot"])
def test_a_reply_about_the_talk_is_not_about_the_mail(serve: Serve, step: str, answer: str) -> None:
    make, _ = serve(**{step: answer})
    ((_, verdict, text, who),) = rows(deliver(make(0)))
    assert ("deferred", None) == (verdict, who)
    assert answer in text


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "text", "dot"])
@pytest.mark.parametrize(
    "how", ["drop", "421 going down", "9xx", "raw:25", "600 what", "100 what", "250-a\r\n550 b"]
)
def test_a_session_that_breaks_defers_and_a_new_one_follows(serve: Serve, step: str, how: str) -> None:
    good = {"DATA": "354 go"}.get(step, "250 ok")
    if step == "text":
        make, _ = serve(text=how, dot="drop")
        assert {"deferred"} == {verdict for _, verdict, _, _ in rows(deliver(make(0)))}
        return
    make, _ = serve(**{step: [how, good]})
    if how == "raw:25":  # the rest of such a reply never comes
        found = rows(deliver(make(0, timeout=0.3)))
        assert [(0, "deferred")] == [row[:2] for row in found]
        assert "no answer in time" in found[0][2]
        return
    found = rows(deliver(make(0)))
    assert [(0, "deferred")] == [row[:2] for row in found]


def test_after_a_failure_the_next_delivery_gets_a_new_session(serve: Serve) -> None:
    make, _ = serve(**{"RCPT TO:<r0@b.example>": "drop"})
    found = rows(deliver(make(0), make(1), make(2)))
    assert ["deferred", "taken", "taken"] == [verdict for _, verdict, _, _ in found]


def test_a_server_that_counts_messages_gets_a_new_session_at_once(tmp_path: Path) -> None:
    listener = Listener({"MAIL": ["250 ok", "250 ok", "421 too many messages", "250 ok"]})
    found = rows(deliver(*(delivery(i, address=listener.address) for i in range(4))))
    assert [(i, "taken", "250 ok", None) for i in range(4)] == found
    assert [2, 2] == [len(session["texts"]) for session in listener.sessions()]
    listener.close()


def test_a_lost_connection_after_the_dot_is_deferred_and_not_repeated_at_once(serve: Serve) -> None:
    make, _ = serve(**{".": ["250 ok", "drop", "250 ok"]})
    found = rows(deliver(*(make(i) for i in range(2))))
    assert ["taken", "deferred"] == [verdict for _, verdict, _, _ in found]
    assert "which may have been taken: connection closed" in found[1][2]


def test_three_broken_sessions_in_a_row_end_the_attempt(serve: Serve) -> None:
    make, sessions = serve(DATA="drop")
    found = rows(deliver(*(make(i) for i in range(10))))
    assert {"deferred"} == {verdict for _, verdict, _, _ in found}
    assert list(range(10)) == [number for number, _, _, _ in found]
    assert smtp_visit.PATIENCE == len(sessions())


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
def test_a_server_that_hangs_is_left(serve: Serve, step: str) -> None:
    make, _ = serve(**{step: "hang"})
    begin = time.monotonic()
    ((_, verdict, text, _),) = rows(deliver(make(0, timeout=0.7)))
    assert "deferred" == verdict
    assert "no answer in time" in text
    assert time.monotonic() - begin < 30


def test_a_server_that_trickles_is_left_too(serve: Serve) -> None:
    """Each read alone is quick; all of them together are not."""
    make, _ = serve(EHLO="250-more\r\n" * 50 + "raw")
    make, _ = serve(greeting="raw:220-x\r\n", EHLO="250 ok")
    assert "deferred" == deliver(make(0, timeout=0.5))[0].verdict.value


def test_a_server_that_takes_no_text_is_left(serve: Serve) -> None:
    make, _ = serve(text="hang")
    ((_, verdict, text, _),) = rows(deliver(make(0, text=b"x" * 20_000_000, timeout=1)))
    assert ("deferred", "DATA not taken in time") == (verdict, text.partition(";")[0])


@pytest.mark.parametrize(
    ("answer", "verdict"), [("552 too big", "refused"), ("451 full", "deferred"), ("250 ok", "deferred")]
)
def test_an_answer_within_the_message_is_heard(serve: Serve, answer: str, verdict: str) -> None:
    make, _ = serve(text=[answer, "silent"])
    big = make(0, text=b"x" * 20_000_000 + b"\n")
    found = rows(deliver(big))
    assert [verdict] == [v for _, v, _, _ in found]
    assert answer in found[0][2]


def test_an_answer_that_nobody_asked_for_ends_the_session(serve: Serve) -> None:
    make, _ = serve(MAIL="250 ok\r\n250 ok")
    ((_, verdict, text, _),) = rows(deliver(make(0)))
    assert "deferred" == verdict
    assert "nobody asked for" in text


@pytest.mark.parametrize("flood", ["raw:" + "220-x\r\n" * 20000, "raw:220 " + "x" * 200_000])
def test_a_reply_without_end_is_not_kept(serve: Serve, flood: str) -> None:
    make, _ = serve(greeting=flood)
    ((_, verdict, text, _),) = rows(deliver(make(0)))
    assert "deferred" == verdict
    assert "a reply without end" in text


def test_words_are_one_printable_line_of_bounded_length(serve: Serve) -> None:
    make, _ = serve(MAIL="550-a\x1b[2J\r\n550 " + "y" * 2000)
    ((_, _, text, _),) = rows(deliver(make(0)))
    assert text.startswith("550 a?[2J yyyy")
    assert 600 > len(text)


# --- LMTP -----------------------------------------------------------------------


def test_lmtp_answers_per_recipient_after_the_dot(serve: Serve) -> None:
    make, sessions = serve(lmtp=True, dot=["250 one", "550 two", "451 three", "250 four"])
    names = [f"{name}@b.example" for name in "abcd"]
    found = rows(deliver(make(0, *names)))
    assert [
        (0, "taken", "250 one", (names[0],)),
        (0, "refused", "550 two", (names[1],)),
        (0, "taken", "250 four", (names[3],)),
        (0, "deferred", "451 three", (names[2],)),
    ] == found
    assert sessions()[0]["commands"][0].startswith("LHLO ")


def test_lmtp_that_drops_in_between_keeps_what_was_answered(serve: Serve) -> None:
    make, _ = serve(lmtp=True, dot=["250 one", "drop"])
    found = rows(deliver(make(0, "a@b.example", "c@b.example", "d@b.example")))
    assert (0, "taken", "250 one", ("a@b.example",)) == found[0]
    assert ("deferred", ("c@b.example", "d@b.example")) == (found[1][1], found[1][3])


def test_lmtp_knows_no_helo(serve: Serve) -> None:
    make, sessions = serve(lmtp=True, LHLO="500 what")
    assert "deferred" == deliver(make(0))[0].verdict.value
    assert not any(line.startswith("HELO") for line in sessions()[0]["commands"])


def test_lmtp_over_a_unix_socket(tmp_path: Path) -> None:
    listener = Listener({"lmtp": True}, tmp_path / "socket")
    found = rows(deliver(delivery(0, address=listener.address, protocol="lmtp")))
    assert [(0, "taken", "250 ok", None)] == found
    listener.close()


# --- what is declared, and what addresses become -----------------------------------


@pytest.mark.parametrize(
    ("text", "offers", "parameters"),
    [
        (b"a\n", "SIZE 0", " SIZE=3"),
        (b"\xe4\n", "SIZE", " SIZE=3"),
        (b"\xe4\n", "8BITMIME", " BODY=8BITMIME"),
        (b"a\n", "8BITMIME", ""),
        (b"\xe4\n", "size", " SIZE=3"),
        (b"\xe4\n", "PIPELINING", ""),
    ],
)
def test_parameters_where_they_are_offered_and_needed(
    serve: Serve, text: bytes, offers: str, parameters: str
) -> None:
    make, sessions = serve(EHLO=f"250-fake\r\n250 {offers}")
    assert "taken" == deliver(make(0, text=text))[0].verdict.value
    assert "MAIL FROM:<joe@a.example>" + parameters == sessions()[0]["commands"][1]
    assert [text.decode("latin-1").replace("\n", "\r\n")] == sessions()[0]["texts"]


def test_a_message_that_can_be_read_only_once(serve: Serve) -> None:
    make, sessions = serve(RCPT=["250 ok", "452 too many"])
    once = make(0, "a@b.example", "c@b.example")._replace(reopen=None)
    assert ["taken", "deferred"] == [o.verdict.value for o in deliver(once)]
    assert "MAIL FROM:<joe@a.example> BODY=8BITMIME" == sessions()[0]["commands"][1]


def test_smtputf8_where_a_local_part_needs_it(serve: Serve) -> None:
    make, sessions = serve()
    deliver(make(0, "jürgen@bücher.example"), make(1, "x@bücher.example"))
    commands = sessions()[0]["commands"]
    assert "MAIL FROM:<joe@a.example> SIZE=20 SMTPUTF8" == commands[1]
    assert "RCPT TO:<jürgen@xn--bcher-kva.example>" == commands[2]
    assert ["MAIL FROM:<joe@a.example> SIZE=20", "RCPT TO:<x@xn--bcher-kva.example>"] == commands[4:6]


def test_without_smtputf8_only_the_recipient_that_needs_it_is_refused(serve: Serve) -> None:
    make, _ = serve(EHLO="250 fake")
    found = rows(deliver(make(0, "jürgen@b.example", "x@bücher.example")))
    assert [("taken", ("x@bücher.example",)), ("refused", ("jürgen@b.example",))] == [
        (verdict, who) for _, verdict, _, who in found
    ]
    assert "5.6.7" in found[1][2]


def test_without_smtputf8_a_sender_that_needs_it_has_no_mail(serve: Serve) -> None:
    make, _ = serve(EHLO="250 fake")
    found = rows(deliver(make(0, sender="jürgen@a.example"), make(1)))
    assert ["refused", "taken"] == [verdict for _, verdict, _, _ in found]
    assert "sender <jürgen@a.example>: 5.6.7" in found[0][2]


# --- the text ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (b"", ""),
        (b"a", "a\r\n"),
        (b".\n", "..\r\n"),
        (b"a\n.\n.b\n", "a\r\n..\r\n..b\r\n"),
        (b"a\r\n.\r\nb", "a\r\n..\r\nb\r\n"),
        (b"a\r.\rb", "a\r\n..\r\nb\r\n"),
        (b"a\n.\r\nMAIL FROM:<evil@x>\r\n", "a\r\n..\r\nMAIL FROM:<evil@x>\r\n"),
        (b"a\0b\xff\n", "a\0b\xff\r\n"),
    ],
)
def test_line_ends_and_dots(serve: Serve, text: bytes, wire: str) -> None:
    make, sessions = serve()
    deliver(make(0, text=text))
    assert [wire] == sessions()[0]["texts"]


@pytest.fixture(scope="module")
def good_server() -> Iterator[Listener]:
    listener = Listener({})
    yield listener
    listener.close()


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\0", b"\xff", b"\r\n.\r\n"]), max_size=12))
def test_no_text_holds_an_end_that_a_server_can_see(good_server: Listener, parts: list[bytes]) -> None:
    """One text arrives, with CRLF and no other CR or LF, and means what was given."""
    chunks = Delivery(*delivery(0, address=good_server.address))
    chunks = chunks._replace(message=Message(parts), reopen=lambda: Message(iter(parts)))
    assert "taken" == deliver(chunks)[0].verdict.value
    (text,) = good_server.sessions()[-1]["texts"]
    rest = text.replace("\r\n", "")
    assert "\r" not in rest
    assert "\n" not in rest
    lines = [line.removeprefix(".") for line in text.split("\r\n")]
    given_text = b"".join(parts).decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    assert given_text.rstrip("\n") == "\n".join(lines).rstrip("\n")


def test_a_large_message_is_streamed(serve: Serve) -> None:
    make, sessions = serve()
    text = (b"0123456789" * 7 + b"\n") * 60_000
    assert "taken" == deliver(make(0, text=text))[0].verdict.value
    assert len(text) + 60_000 == len(sessions()[0]["texts"][0])


def test_a_message_that_breaks_off_is_not_ended(serve: Serve) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 200_000
        raise OSError("read error")

    make, sessions = serve()
    bad = make(0)._replace(message=Message(broken()), reopen=None)
    found = rows(deliver(bad, make(1)))
    assert [(0, "deferred", "the message cannot be read: read error", None)] == found[:1]
    assert "taken" == found[1][1]
    assert [[WIRE]] == [s["texts"] for s in sessions() if s["texts"]]


# --- programs --------------------------------------------------------------------


def test_what_a_program_complains_of_is_told(tmp_path: Path) -> None:
    program = Program(tmp_path, {"exit": 78, "stderr": "bad configuration in line 7\n"})
    ((_, verdict, text, _),) = rows(deliver(delivery(0, command=program.command)))
    assert "deferred" == verdict
    assert text.endswith("exit status 78: bad configuration in line 7")


def test_exit_status_zero_means_nothing(tmp_path: Path) -> None:
    program = Program(tmp_path, {"exit": 0})
    assert "deferred" == deliver(delivery(0, command=program.command))[0].verdict.value


def test_a_program_that_talks_much_on_stderr_is_read(tmp_path: Path) -> None:
    program = Program(tmp_path, {"stderr": "blah\n" * 200_000})
    assert "taken" == deliver(delivery(0, command=program.command))[0].verdict.value


def test_an_address_where_nobody_listens_is_deferred(tmp_path: Path) -> None:
    found = rows(deliver(*(delivery(i, address=f"unix:{tmp_path}/none") for i in range(2))))
    assert [(i, "deferred", f"{tmp_path}/none: No such file or directory", None) for i in range(2)] == found


def test_nothing_is_left_behind(serve: Serve) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for script in ({}, {"DATA": "drop"}, {"greeting": "hang"}):
        make, _ = serve(**script)
        deliver(make(0, timeout=0.5))
        going = gateway_register_egress().deliver([make(0, timeout=0.5), make(1, timeout=0.5)])
        next(iter(going))
        del going
    if "command" in make(0)._asdict() and make(0).command:
        assert before == len(os.listdir("/proc/self/fd"))
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)


# --- configuration -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "command", "words"),
    [
        ({}, (), "exec.mail: address: expected either an address or a command"),
        ({"address": "h:25"}, ("/x",), "exec.mail: address: expected either an address or a command"),
        ({"address": "h"}, (), 'exec.mail: address: expected "host:port"'),
        ({"address": "h:0"}, (), "exec.mail: address: expected"),
        ({"address": "h:65536"}, (), "exec.mail: address: expected"),
        ({"address": "::1:25"}, (), "exec.mail: address: expected"),
        ({"address": "unix:x"}, (), "exec.mail: address: expected"),
        ({"address": 25}, (), "exec.mail: address: expected"),
        ({"protocol": "esmtp"}, ("/x",), 'exec.mail: protocol: expected "smtp" or "lmtp"'),
        ({"helo": "a b"}, ("/x",), "exec.mail: helo: expected a host name"),
        ({"port": 25}, ("/x",), "exec.mail: port: unknown key, expected one of address, helo, protocol"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], command: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError) as failure:
        deliver(delivery(0, command=command, **options))
    assert any(mistake.startswith(words) for mistake in failure.value.mistakes)
    assert not failure.value.permanent


def test_the_name_we_give(serve: Serve) -> None:
    make, sessions = serve()
    deliver(make(0, helo="mail.example"))
    assert "EHLO mail.example" == sessions()[0]["commands"][0]


def test_a_raw_job_has_no_envelope() -> None:
    with pytest.raises(PluginError, match="no envelope"):
        deliver(delivery(0, command=("/x",))._replace(envelope=None))


def test_nothing_to_deliver_is_nothing_delivered() -> None:
    egress = gateway_register_egress()
    assert isinstance(egress, Egress)
    assert [] == list(egress.deliver([]))
    assert Verdict.TAKEN


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_refusal_stands_though_the_server_hangs_up_with_it(serve: Serve, lmtp: bool) -> None:
    bad = {"RCPT TO:<bad@b.example>": "last:550 go away", "RCPT TO:<worse@b.example>": "last:554 off"}
    make, sessions = serve(**bad, **({"lmtp": True} if lmtp else {}))
    some = make(0, "a@b.example", "bad@b.example", "worse@b.example", "c@b.example")
    found = rows(deliver(some, make(1, "bad@b.example"), make(2)))
    refused = {who: text for _, verdict, text, who in found if verdict == "refused"}
    assert {
        ("bad@b.example",): "550 go away",
        ("worse@b.example",): "554 off",
        None: "550 go away",
    } == refused
    taken = [
        (number, one) for number, verdict, _, who in found if verdict == "taken" for one in who or ["all"]
    ]
    assert [(0, "a@b.example"), (0, "c@b.example"), (2, "all")] == taken
    assert 2 == sum(len(session["texts"]) for session in sessions())


def test_a_server_that_says_goodbye_hears_quit_at_once(tmp_path: Path) -> None:
    program = Program(tmp_path, {"MAIL": ["250 ok", "421 enough"]})
    found = rows(deliver(*(delivery(number, command=program.command) for number in range(2))))
    assert ["taken", "taken"] == [verdict for _, verdict, _, _ in found]
    assert ["quit", "quit"] == [session["end"] for session in program.sessions()]
