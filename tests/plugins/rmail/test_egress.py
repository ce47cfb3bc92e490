"""The egress: which words sendmail gets, and what becomes of a message."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_rmail.egress import AT_ONCE, FLAGS, PATIENCE

from gateway import ConfigError, PluginError, Recipient
from gateway.mail.envelope import UNKNOWN_SENDER
from tests.plugins.rmail.material import TEXT, deliver, delivery, script, seen
from tests.real.cap import Recorder, write_recorder

X = "x@b.example"


def arguments(recorder: Recorder, *recipients: str, **more: object) -> tuple[str, ...]:
    outcomes = deliver(delivery(*recipients, command=[recorder.program], **more))  # type: ignore[arg-type]
    assert ["taken"] == [outcome.verdict.value for outcome in outcomes], outcomes
    (call,) = recorder.calls()
    assert call.body.endswith(TEXT)
    return call.arguments


def test_sendmail_is_called_with_words_that_leave_the_failure_to_us(recorder: Recorder) -> None:
    assert ("-i", "-G", "-oep") == FLAGS
    expected = (*FLAGS, "-f", "joe@a.example", "--", X, '"q r"@b.example')
    assert expected == arguments(recorder, X, '"q r"@b.example')


def test_the_null_path_is_told(recorder: Recorder) -> None:
    assert (*FLAGS, "-f", "<>", "--", X) == arguments(recorder, X, sender="")


def test_a_mailbox_called_mailer_daemon_is_none(recorder: Recorder) -> None:
    sender = "MAILER-DAEMON@a.example"
    assert (*FLAGS, "-f", sender, "--", X) == arguments(recorder, X, sender=sender)


def test_a_sender_that_was_lost_is_not_made_up(recorder: Recorder) -> None:
    assert (*FLAGS, "--", X) == arguments(recorder, X, sender=UNKNOWN_SENDER)


def test_an_rmail_that_the_handle_names_is_not_run(recorder: Recorder, tmp_path: Path) -> None:
    liar = script(tmp_path / "rmail", f"touch {tmp_path}/run")
    outcomes = deliver(delivery(X, command=[liar], sendmail=[str(recorder.program), "-odi"]))
    assert [(0, "taken", None)] == seen(outcomes)
    assert ("-odi", *FLAGS, "-f", "joe@a.example", "--", X) == recorder.calls()[0].arguments
    assert not (tmp_path / "run").exists()


def test_without_a_command_it_is_the_plugins_sendmail(recorder: Recorder) -> None:
    assert [(0, "taken", None)] == seen(deliver(delivery(X), sendmail=(str(recorder.program),)))
    assert 1 == len(recorder.calls())


def test_the_message_is_the_same_to_the_octet(recorder: Recorder) -> None:
    for text in (TEXT, b"", b"\n.\n\0\xff", b"F", b"From", b"Fro\nFrom x\n", b"x" * 500_000):
        deliver(delivery(X, command=[recorder.program], text=text))
        assert text == recorder.calls()[-1].body


@pytest.mark.parametrize("real", [False, True])
def test_a_from_line_of_the_message_is_not_taken_for_the_sender(recorder: Recorder, real: bool) -> None:
    lines = b"From evil@e.example D remote from e\n>From evil D\n"
    (outcome,) = deliver(delivery(X, command=[recorder.program], text=lines + TEXT, real=real))
    assert "taken" == outcome.verdict.value
    (call,) = recorder.calls()
    assert b"evil" not in call.body
    assert call.body.endswith(TEXT)


def test_a_from_line_without_an_end_is_held(recorder: Recorder) -> None:
    (outcome,) = deliver(delivery(X, command=[recorder.program], text=b"From " + b"x" * 100_000))
    assert "refused" == outcome.verdict.value
    assert [] == recorder.calls()


@pytest.mark.parametrize(
    ("sender", "recipient", "words", "expected"),
    [
        ("joe@a.example", X, (), ("alpha!a.example!joe", "b.example!x")),
        ("joe@alpha", X, (), ("alpha!joe", "b.example!x")),
        ("", X, (), ("<>", "b.example!x")),
        ("joe@a.example", "x@c", ("b!c!x",), ("alpha!a.example!joe", "b!c!x")),
        ("joe@a.example", "x@c", ("d!c!y",), ("alpha!a.example!joe", "c!x")),
        ("joe@a.example", "x@c", ("x@c", "-oQ/tmp"), ("alpha!a.example!joe", "c!x")),
        ('"j b"@a.example', '"q r"@c', ('b!c!"q r"',), ('"j b"@a.example', '"q r"@c')),
        ("joe@[192.0.2.1]", "x@[192.0.2.1]", (), ("joe@[192.0.2.1]", "x@[192.0.2.1]")),
        ("jü@bü.example", "x@bü.example", (), ("alpha!xn--b-eha.example!jü", "xn--b-eha.example!x")),
    ],
)
def test_addresses_as_bang_paths(
    recorder: Recorder, sender: str, recipient: str, words: tuple[str, ...], expected: tuple[str, str]
) -> None:
    found = arguments(recorder, recipient, sender=sender, words=words, addresses="bang")
    assert (*FLAGS, "-f", expected[0], "--", expected[1]) == found


def test_in_domain_form_a_path_is_what_it_comes_to(recorder: Recorder) -> None:
    found = arguments(recorder, "x@c", words=("b!c!x",))
    assert (*FLAGS, "-f", "joe@a.example", "--", "x@c") == found


@pytest.mark.parametrize(
    ("acts", "verdict"),
    [
        ({}, "taken"),
        *(({"exit": status}, "deferred") for status in (1, 2, 64, 66, 69, 70, 71, 73, 75, 77, 78, 126, 127)),
        ({"exit": 65}, "refused"),
        ({"exit": 67, "stderr": "no such user"}, "refused"),
        ({"signal": 9}, "deferred"),
        ({"exit": 1, "stderr": "exim: insufficient disk space"}, "deferred"),
        ({"exit": 1, "stderr": "exim: permission denied (-G requires a trusted user)"}, "deferred"),
        ({"exit": 1, "stderr": "exim: message rejected: message too big (max=1024)"}, "refused"),
        ({"exit": 1, "stderr": "exim: message rejected by non-SMTP ACL: no thanks"}, "refused"),
        ({"exit": 75, "stderr": "sendmail: fatal: gw(1): message file too big"}, "refused"),
        ({"exit": 0, "stderr": "rmail: sendmail: terminated with 75 (non-zero) status"}, "deferred"),
        ({"exit": 0, "stderr": "rmail: sendmail: terminated with 67 (non-zero) status"}, "refused"),
        ({"exit": 0, "stderr": "rmail: sendmail: did not terminate normally"}, "deferred"),
        ({"exit": 0, "stderr": "warning: locale"}, "taken"),
    ],
    ids=str,
)
def test_what_an_ending_means(tmp_path: Path, acts: dict[str, object], verdict: str) -> None:
    recorder = write_recorder(tmp_path / "r", **acts)
    (outcome,) = deliver(delivery(X, "y@b.example", command=[recorder.program]))
    assert (verdict, None) == (outcome.verdict.value, outcome.recipients)
    assert str(acts.get("stderr", "")).partition(": ")[2] in outcome.text


def test_zero_without_the_whole_message_read_is_not_taken(tmp_path: Path) -> None:
    hasty = script(tmp_path / "hasty", "exit 0")
    assert [(0, "deferred", None)] == seen(deliver(delivery(X, command=[hasty], text=b"x" * 500_000)))


CHOOSY = """\
cat > /dev/null
for name; do case $name in bad*) echo "exim: bad recipient address \\"$name\\": no" >&2; exit 1;; esac; done
echo "$@" >> {}/taken
"""


def test_a_recipient_that_condemns_the_call_costs_the_others_nothing(tmp_path: Path) -> None:
    choosy = script(tmp_path / "choosy", CHOOSY.format(tmp_path))
    outcomes = deliver(delivery("x@b.example", "bad@b.example", "bad2@c", "y@c", command=[choosy]))
    assert [
        (0, "refused", ("bad@b.example",)),
        (0, "refused", ("bad2@c",)),
        (0, "taken", ("x@b.example", "y@c")),
    ] == seen(outcomes)
    assert 1 == len((tmp_path / "taken").read_text().splitlines())


def test_without_a_second_reading_the_others_wait(tmp_path: Path) -> None:
    choosy = script(tmp_path / "choosy", CHOOSY.format(tmp_path))
    outcomes = deliver(delivery("x@b.example", "bad@c", command=[choosy], reopen=False))
    assert [(0, "refused", ("bad@c",)), (0, "deferred", ("x@b.example",))] == seen(outcomes)


def test_too_many_recipients_go_in_pieces(tmp_path: Path) -> None:
    few = 'cat >/dev/null; [ $# -le 8 ] || { echo "exim: too many recipients" >&2; exit 1; }'
    names = [f"u{i}@b.example" for i in range(7)]
    outcomes = deliver(delivery(*names, command=[script(tmp_path / "few", few)]))
    assert {"taken"} == {outcome.verdict.value for outcome in outcomes}
    assert names == [str(r) for outcome in outcomes for r in outcome.recipients or ()]
    assert 2 < len(outcomes)


def test_a_thousand_recipients_fit(recorder: Recorder) -> None:
    names = [f"{'u' * 60}{i}@{'d' * 60}.b.example" for i in range(2 * AT_ONCE + 1)]
    outcomes = deliver(delivery(*names, command=[recorder.program]))
    assert 3 == len(outcomes)
    assert names == [word for call in recorder.calls() for word in call.arguments[6:]]
    assert names == [str(r) for outcome in outcomes for r in outcome.recipients or ()]


def test_after_some_grief_the_rest_is_left_alone(tmp_path: Path) -> None:
    failing = script(tmp_path / "failing", f"echo x >> {tmp_path}/calls; exit 75")
    many = [delivery(X, command=[failing], transaction=i) for i in range(10)]
    assert [(i, "deferred", None) for i in range(10)] == seen(deliver(*many))
    assert PATIENCE == len((tmp_path / "calls").read_text().splitlines())


INJECTIONS = (
    "-oQ/tmp@b.example",
    "-C/tmp/x@b.example",
    "--@b.example",
    '"; rm -rf /"@b.example',
    "`id`@b.example",
    "$HOME@b.example",
    '"a, evil@c.example"@b.example',
    "'o|`$&@b.example",
    "postmaster",
)
FILES = ("|cmd@b.example", '"|cmd"@b.example', "/etc/passwd@b.example", '":include:/etc/passwd"@b.example')


def test_no_recipient_can_be_more_than_a_recipient(recorder: Recorder) -> None:
    found = arguments(recorder, *INJECTIONS)
    assert (*FLAGS, "-f", "joe@a.example", "--", *INJECTIONS) == found


@pytest.mark.parametrize("real", [False, True])
def test_what_could_be_a_command_or_a_file_is_held_by_itself(recorder: Recorder, real: bool) -> None:
    outcomes = deliver(delivery(X, *FILES, command=[recorder.program], real=real))
    assert [*((0, "refused", (name,)) for name in FILES), (0, "taken", (X,))] == seen(outcomes)
    (call,) = recorder.calls()
    assert X == call.arguments[-1]


@pytest.mark.parametrize("sender", ["-oQ/tmp@a.example", "-C/tmp/x@a.example", '"; rm -rf /"@a.example'])
def test_no_sender_can_be_an_option(recorder: Recorder, sender: str) -> None:
    assert (*FLAGS, "-f", sender, "--", X) == arguments(recorder, X, sender=sender)


def test_a_real_rmail_gets_a_from_line_and_recipients_alone(recorder: Recorder) -> None:
    assert (X, "y@c") == arguments(recorder, X, "y@c", real=True)
    line, _, rest = recorder.calls()[0].body.partition(b"\n")
    assert line.startswith(b"From joe@a.example ")
    assert b"remote from" not in line
    assert TEXT == rest


def test_a_real_rmail_never_sees_a_word_that_looks_like_an_option(recorder: Recorder) -> None:
    outcomes = deliver(delivery(*INJECTIONS, command=[recorder.program], real=True))
    options = INJECTIONS[:3]
    assert [*((0, "refused", (name,)) for name in options), (0, "taken", INJECTIONS[3:])] == seen(outcomes)
    assert INJECTIONS[3:] == recorder.calls()[0].arguments


def test_a_sender_that_rmail_would_cut_is_held(recorder: Recorder) -> None:
    (outcome,) = deliver(delivery(X, command=[recorder.program], sender='"j b"@a.example', real=True))
    assert ("refused", None) == (outcome.verdict.value, outcome.recipients)
    assert "blank" in outcome.text
    assert [] == recorder.calls()


@pytest.mark.parametrize(
    "words", [["-t"], ["-it"], ["-bS"], ["-odi", "-bs"], ["-q"], ["--"], ["x@b.example"]]
)
def test_a_sendmail_that_does_something_else_is_a_mistake(recorder: Recorder, words: list[str]) -> None:
    with pytest.raises(PluginError, match="do something else"):
        deliver(delivery(X, command=[recorder.program, *words]))
    assert [] == recorder.calls()


def test_a_real_rmail_must_be_named() -> None:
    with pytest.raises(PluginError, match="needs command"):
        deliver(delivery(X, real=True))


def test_a_wrong_option_keeps_the_mail(recorder: Recorder) -> None:
    with pytest.raises(ConfigError, match=r"exec\.rmail: adresses: unknown key"):
        deliver(delivery(X, command=[recorder.program], adresses="bang"))


def test_a_raw_job_is_a_mistake_of_the_configuration(recorder: Recorder) -> None:
    with pytest.raises(PluginError, match="no envelope"):
        deliver(delivery(X, command=[recorder.program])._replace(envelope=None))


def test_the_outcome_names_recipients_as_the_envelope_does(tmp_path: Path) -> None:
    choosy = script(tmp_path / "choosy", CHOOSY.format(tmp_path))
    outcomes = deliver(delivery("bad@Bü.example", "x@b", command=[choosy]))
    assert Recipient("bad@Bü.example") in (outcomes[0].recipients or ())
