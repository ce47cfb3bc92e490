"""The egress with programs that stand in for sendmail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gateway_postfix.egress import ARGUMENTS_SIZE, PostfixEgress, share_out

from gateway import ConfigError, Delivery, Outcome, PluginError, Recipient
from gateway.mail.envelope import UNKNOWN_SENDER
from tests.plugins.postfix.material import TEXT, delivery, script, seen


def deliver(*deliveries: Delivery) -> list[Outcome]:
    return list(PostfixEgress(("sendmail",)).deliver(iter(deliveries)))


@pytest.fixture
def sendmail(tmp_path: Path) -> Path:
    """A program that keeps every call: its words, a NUL between them, and its input."""
    calls = tmp_path / "calls"
    calls.mkdir()
    body = f'n=$(ls {calls} | wc -l); printf "%s\\0" "$@" >{calls}/$n.words; exec cat >{calls}/$n.input'
    return script(tmp_path / "sendmail", body)


def calls(program: Path) -> list[tuple[list[str], bytes]]:
    folder = program.parent / "calls"
    words = sorted(folder.glob("*.words"), key=lambda path: int(path.stem))
    return [
        (path.read_bytes().decode().split("\0")[:-1], path.with_suffix(".input").read_bytes())
        for path in words
    ]


def test_the_envelope_is_in_the_words_and_the_message_is_the_input(sendmail: Path) -> None:
    outcomes = deliver(delivery("x@b.example", '"q r"@b.example', command=[sendmail, "-odq"]))
    words = ["-odq", "-G", "-i", "-oep", "-f", "joe@a.example", "--", "x@b.example", '"q r"@b.example']
    assert [(0, "taken", None)] == seen(outcomes)
    assert [(words, TEXT)] == calls(sendmail)


@pytest.mark.parametrize(
    "sender", ["", "-oQ/tmp@a.example", '"j b"@a.example', "bounce+x=b.example@a.example", "jürgen@a.example"]
)
def test_the_sender_is_one_word_behind_f(sendmail: Path, sender: str) -> None:
    deliver(delivery("x@b.example", command=[sendmail], sender=sender))
    ((words, _),) = calls(sendmail)
    assert ["-f", sender or "<>", "--", "x@b.example"] == words[-4:]


def test_a_sender_that_was_lost_is_left_to_sendmail(sendmail: Path) -> None:
    deliver(delivery("x@b.example", command=[sendmail], sender=UNKNOWN_SENDER))
    assert [["-i", "-oep", "--", "x@b.example"]] == [words for words, _ in calls(sendmail)]


def test_a_u_label_domain_is_written_with_a_labels(sendmail: Path) -> None:
    deliver(delivery("jürgen@bücher.example", command=[sendmail], sender="joe@bücher.example"))
    ((words, _),) = calls(sendmail)
    assert ["joe@xn--bcher-kva.example", "--", "jürgen@xn--bcher-kva.example"] == words[-3:]


@pytest.mark.parametrize("status", [65, 67, 68])
def test_the_statuses_about_this_mail_refuse_it(tmp_path: Path, status: int) -> None:
    program = script(tmp_path / "sendmail", f"cat >/dev/null; echo no such user >&2; exit {status}")
    (outcome,) = deliver(delivery("x@b.example", command=[program]))
    assert ("refused", f"exit status {status}: no such user") == (outcome.verdict.value, outcome.text)


@pytest.mark.parametrize("status", [1, 2, 64, 66, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 127, 255])
def test_all_other_statuses_defer_it(tmp_path: Path, status: int) -> None:
    program = script(tmp_path / "sendmail", f"cat >/dev/null; echo not now >&2; exit {status}")
    (outcome,) = deliver(delivery("x@b.example", command=[program]))
    assert ("deferred", f"exit status {status}: not now") == (outcome.verdict.value, outcome.text)


def test_a_message_too_big_is_refused_though_the_status_is_temporary(tmp_path: Path) -> None:
    words = "sendmail: fatal: joe@a.example(0): message file too big"
    program = script(tmp_path / "sendmail", f"cat >/dev/null; echo '{words}' >&2; exit 75")
    (outcome,) = deliver(delivery("x@b.example", command=[program]))
    assert ("refused", f"exit status 75: {words}") == (outcome.verdict.value, outcome.text)


@pytest.mark.parametrize("words", ["sendmail: fatal: unsupported: -bx", "sendmail: invalid option -- Z"])
def test_a_mistake_in_the_command_says_so_and_keeps_the_mail(tmp_path: Path, words: str) -> None:
    program = script(tmp_path / "sendmail", f"cat >/dev/null; echo '{words}' >&2; exit 75")
    (outcome,) = deliver(delivery("x@b.example", command=[program]))
    assert "deferred" == outcome.verdict.value
    assert "a mistake in the handle's command" in outcome.text


@pytest.mark.parametrize(
    "word", ["-t", "-ti", "-it", "-bS", "-bs", "-bd", "-bp", "-bv", "-I", "-q", "--", "x@b.example"]
)
def test_a_command_that_would_do_something_else_is_not_run(sendmail: Path, word: str) -> None:
    with pytest.raises(PluginError, match="cannot stand in the command"):
        deliver(delivery("x@b.example", command=[sendmail, word]))
    assert [] == calls(sendmail)


@pytest.mark.parametrize("word", ["-oi", "-bm", "-odq", "-C/etc/postfix-out", "-N", "never", "-oMrlocal"])
def test_other_words_may_stand_in_the_command(sendmail: Path, word: str) -> None:
    assert [(0, "taken", None)] == seen(deliver(delivery("x@b.example", command=[sendmail, word])))


def test_without_an_envelope_or_a_command_nothing_is_run(sendmail: Path) -> None:
    one = delivery("x@b.example", command=[sendmail])
    with pytest.raises(PluginError, match="no envelope"):
        deliver(one._replace(envelope=None))
    with pytest.raises(PluginError, match="command is missing"):
        deliver(one._replace(command=()))


def test_keys_that_nobody_knows_are_named(sendmail: Path) -> None:
    with pytest.raises(ConfigError, match=r"exec\.sendmail: session"):
        deliver(delivery("x@b.example", command=[sendmail], options={"session": 2}))


def test_more_recipients_than_one_call_takes_go_in_several(sendmail: Path) -> None:
    names = [f"user{number:05}@some-long-domain.b.example" for number in range(6000)]
    outcomes = deliver(delivery(*names, command=[sendmail]))
    groups = [words[words.index("--") + 1 :] for words, _ in calls(sendmail)]
    assert len(groups) > 1
    assert names == [name for group in groups for name in group]
    assert [tuple(group) for group in groups] == [recipients for _, _, recipients in seen(outcomes)]
    assert {TEXT} == {text for _, text in calls(sendmail)}


def test_a_failure_halfway_keeps_what_was_taken_and_defers_the_rest(tmp_path: Path) -> None:
    names = [f"user{number:05}@some-long-domain.b.example" for number in range(10_000)]
    once = f"cat >/dev/null; test -e {tmp_path}/once && exit 75; touch {tmp_path}/once"
    program = script(tmp_path / "sendmail", once)
    (_, first, some), (_, second, rest) = seen(deliver(delivery(*names, command=[program])))
    assert ("taken", "deferred") == (first, second)
    assert some is not None
    assert rest is not None
    assert tuple(names) == some + rest


def test_a_message_that_can_be_read_only_once_goes_in_one_call_or_not_at_all(sendmail: Path) -> None:
    names = [f"user{number:05}@some-long-domain.b.example" for number in range(6000)]
    assert [(0, "taken", None)] == seen(deliver(delivery("x@b.example", command=[sendmail], reopen=False)))
    with pytest.raises(PluginError, match="only once"):
        deliver(delivery(*names, command=[sendmail], reopen=False))


def test_one_call_is_within_what_every_system_takes(tmp_path: Path) -> None:
    """Linux bounds a single word to 128 KiB, and words and environment together to far more."""
    recipients = [Recipient(f"u{number}@b.example") for number in range(20_000)]
    longest = max(sum(len(one.address) + 1 for one in group) for group in share_out(recipients))
    assert longest <= ARGUMENTS_SIZE < 128 * 1024 <= os.sysconf("SC_ARG_MAX")


def test_a_hanging_postdrop_is_ended_in_time(tmp_path: Path) -> None:
    program = script(tmp_path / "sendmail", "cat >/dev/null; sleep 300 & wait")
    (outcome,) = deliver(delivery("x@b.example", command=[program], timeout=0.3))
    assert ("deferred", "not finished within 0.3 s") == (outcome.verdict.value, outcome.text)


def test_one_failure_does_not_keep_the_others_of_a_packet(tmp_path: Path) -> None:
    program = script(tmp_path / "sendmail", 'cat >/dev/null; case "$*" in *bad@*) exit 67;; esac')
    names = ["a@b.example", "bad@b.example", "c@b.example"]
    outcomes = deliver(*(delivery(name, command=[program], transaction=i) for i, name in enumerate(names)))
    assert [(0, "taken", None), (1, "refused", None), (2, "taken", None)] == seen(outcomes)
