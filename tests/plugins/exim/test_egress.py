"""The egress against programs that end in ways the real Exim seldom does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_exim import session
from gateway_exim.egress import EximEgress
from gateway_exim.options import Options

from gateway import ConfigError, Delivery, Egress, Finished, Message, Outcome, PluginError
from tests.plugins.exim.material import delivery, script, seen


def deliver(*deliveries: Delivery, **options: int) -> list[Outcome]:
    return list(EximEgress(Options(**{"processes": 1, **options})).deliver(deliveries))


def three(command: list[Path | str], **kind: bool) -> list[Delivery]:
    return [delivery(i, f"r{i}@b.example", command=command, **kind) for i in range(3)]  # type: ignore[arg-type]


def test_it_is_an_egress() -> None:
    egress = EximEgress(Options(handles=("rsmtp", "mail")))
    assert isinstance(egress, Egress)
    assert ("exim", ("rsmtp", "mail")) == (egress.name, egress.handles)


def test_no_deliveries_no_outcomes() -> None:
    assert [] == deliver()


def test_what_the_program_reads_is_the_canonical_form(tmp_path: Path) -> None:
    program = script(tmp_path / "p", f'cat > {tmp_path}/in.$$\ntest "$*" = "-odq -bS"')
    outcomes = deliver(
        delivery(
            0,
            "x@b.example",
            "y@bücher.example",
            command=[program, "-odq", "-bS"],
            text=b"S: x\r\n\r\n.\r\nend",
        )
    )
    assert [(0, "taken", None)] == seen(outcomes)
    (read,) = tmp_path.glob("in.*")
    expected = (
        b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nRCPT TO:<y@xn--bcher-kva.example>\nDATA\n"
        b"S: x\n\n..\nend\n.\n"
    )
    assert expected == read.read_bytes()


@pytest.mark.parametrize(("session", "processes"), [(1, 3), (2, 2), (3, 1), (100, 1)])
def test_session_says_how_many_one_process_is_fed(tmp_path: Path, session: int, processes: int) -> None:
    program = script(tmp_path / "p", f"cat > {tmp_path}/in.$$")
    outcomes = deliver(*three([program, "-bS"]), session=session)
    assert [(i, "taken", None) for i in range(3)] == seen(outcomes)
    assert processes == len(list(tmp_path.glob("in.*")))


def test_the_handles_options_win_over_the_plugins(tmp_path: Path) -> None:
    program = script(tmp_path / "p", f"cat > {tmp_path}/in.$$")
    one = [delivery(i, "x@b.example", command=[program, "-bS"], options={"session": 3}) for i in range(3)]
    deliver(*one)
    assert 1 == len(list(tmp_path.glob("in.*")))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("cat >/dev/null; exit 75", "exit status 75"),
        (
            "cat >/dev/null; echo 'fatal: unsupported: -bS' >&2; exit 75",
            "exit status 75: fatal: unsupported: -bS",
        ),
        ("cat >/dev/null; exit 1", "exit status 1"),
        ("cat >/dev/null; exit 2", "exit status 2"),
        ("cat >/dev/null; echo '552 too big'; exit 2", "exit status 2: 552 too big"),
        ("cat >/dev/null; kill -9 $$", "killed by SIGKILL"),
        ("cat >/dev/null; exit 127", "exit status 127"),
    ],
)
@pytest.mark.parametrize("session", [1, 3])
def test_an_end_that_says_nothing_of_the_mail_defers_it(
    tmp_path: Path, body: str, text: str, session: int
) -> None:
    outcomes = deliver(*three([script(tmp_path / "p", body), "-bS"]), session=session)
    assert [(i, "deferred", None) for i in range(3)] == seen(outcomes)
    assert {text} == {outcome.text for outcome in outcomes}


REPORT = """cat >/dev/null
printf '{code} words\\nTransaction started in line 8\\nError detected in line 10\\nRCPT TO:<r>\\n'
echo '{taken} previous messages were successfully processed.' >&2
exit {status}"""


@pytest.mark.parametrize(("status", "taken"), [(1, 0), (2, 1), (1, 3), (1, 9), (3, 1), (0, 1)])
def test_a_report_that_contradicts_the_status_or_the_batch_is_not_believed(
    tmp_path: Path, status: int, taken: int
) -> None:
    program = script(tmp_path / "p", REPORT.format(code=501, taken=taken, status=status))
    outcomes = deliver(*three([program, "-bS"]), session=3)
    verdict = "taken" if status == 0 else "deferred"
    assert [(i, verdict, None) for i in range(3)] == seen(outcomes)


def test_a_temporary_report_defers_one_and_the_next_process_goes_on_behind_it(tmp_path: Path) -> None:
    """First process: one taken, the second is 451. Second process: takes what is left."""
    program = script(
        tmp_path / "p",
        f"test -e {tmp_path}/again && exec cat > {tmp_path}/second\ntouch {tmp_path}/again\n"
        + REPORT.format(code=451, taken=1, status=1),
    )
    outcomes = deliver(*three([program, "-bS"]), session=3)
    assert [(0, "taken", None), (1, "deferred", None), (2, "taken", None)] == seen(outcomes)
    assert ["451 words (RCPT TO:<r>)"] == [o.text for o in outcomes if o.text]
    assert [b"RCPT TO:<r2@b.example>"] == [
        line for line in (tmp_path / "second").read_bytes().splitlines() if line.startswith(b"RCPT")
    ]


def test_without_a_second_reading_the_rest_waits_for_the_next_attempt(tmp_path: Path) -> None:
    program = script(tmp_path / "p", REPORT.format(code=501, taken=1, status=1))
    outcomes = deliver(*three([program, "-bS"], reopen=False), session=3)
    assert [(0, "taken", None), (1, "refused", None), (2, "deferred", None)] == seen(outcomes)


def test_status_0_without_reading_a_large_message_is_not_taken(tmp_path: Path) -> None:
    program = script(tmp_path / "p", "exit 0")
    big = delivery(0, "x@b.example", command=[program, "-bS"], text=b"x" * 3_000_000)
    assert [(0, "deferred", None)] == seen(deliver(big))


def test_a_program_that_hangs_is_ended_and_the_mail_deferred(tmp_path: Path) -> None:
    program = script(tmp_path / "p", "exec sleep 60")
    outcomes = deliver(delivery(0, "x@b.example", command=[program, "-bS"], timeout=0.2))
    assert [(0, "deferred", None)] == seen(outcomes)
    assert outcomes[0].text.startswith("not finished within")


def test_status_0_after_the_time_was_up_is_not_believed(tmp_path: Path) -> None:
    program = script(tmp_path / "p", "cat >/dev/null; trap 'exit 0' TERM; sleep 60 & wait")
    outcomes = deliver(delivery(0, "x@b.example", command=[program, "-bS"], timeout=0.5))
    assert [(0, "deferred", None)] == seen(outcomes)


def test_a_session_has_the_time_of_all_its_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []
    real = session.run_program

    def run(*arguments: Any, timeout: float, **keywords: Any) -> Finished:
        given.append(timeout)
        return real(*arguments, timeout=timeout, **keywords)

    monkeypatch.setattr(session, "run_program", run)
    command = [script(tmp_path / "p", "cat >/dev/null"), "-bS"]
    deliver(*(delivery(i, "x@b.example", command=command, timeout=40) for i in range(5)), session=3)
    assert [120, 80] == given


def test_grief_now_and_then_is_no_reason_to_stop(tmp_path: Path) -> None:
    every_other = (
        f"cat >/dev/null; test -e {tmp_path}/m && rm {tmp_path}/m || {{ touch {tmp_path}/m; exit 75; }}"
    )
    command = [script(tmp_path / "p", every_other), "-bS"]
    outcomes = deliver(*(delivery(i, "x@b.example", command=command) for i in range(10)))
    assert [(i, "taken" if i % 2 else "deferred", None) for i in range(10)] == seen(outcomes)


def test_a_program_that_is_not_there_defers_and_is_not_tried_for_each(tmp_path: Path) -> None:
    outcomes = deliver(*(delivery(i, "x@b.example", command=[tmp_path / "none", "-bS"]) for i in range(50)))
    assert [(i, "deferred", None) for i in range(3)] == seen(outcomes)
    assert all("none" in outcome.text for outcome in outcomes)


def test_an_outcome_is_yielded_before_the_next_process_is_started(tmp_path: Path) -> None:
    """What was taken is made durable before anything else can go wrong."""
    program = script(tmp_path / "p", f"cat > {tmp_path}/in.$$")
    going = EximEgress(Options(session=1, processes=1)).deliver(three([program, "-bS"]))
    assert 0 == next(going).transaction
    assert 1 == len(list(tmp_path.glob("in.*")))


@pytest.mark.parametrize("command", [(), ("/usr/sbin/sendmail",), ("/usr/sbin/sendmail", "-t"), ("-bS",)])
def test_a_command_that_is_not_batch_smtp_is_refused_by_name_of_the_handle(command: tuple[str, ...]) -> None:
    with pytest.raises(PluginError, match=r"exim: handle rsmtp: .*-bS"):
        deliver(delivery(0, "x@b.example", command=command))


def test_a_program_called_rsmtp_needs_no_option(tmp_path: Path) -> None:
    program = script(tmp_path / "rsmtp", "cat >/dev/null")
    assert [(0, "taken", None)] == seen(deliver(delivery(0, "x@b.example", command=[program])))


def test_wrong_options_of_the_handle_are_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"exec\.rsmtp: sesion: unknown key"):
        deliver(delivery(0, "x@b.example", command=["/bin/false", "-bS"], options={"sesion": 1}))


def test_arguments_of_the_peer_never_reach_exim(tmp_path: Path) -> None:
    program = script(tmp_path / "p", f"touch {tmp_path}/ran")
    outcomes = deliver(delivery(0, "x@b.example", command=[program, "-bS"], arguments=("-be", "x")))
    assert [(0, "refused", None)] == seen(outcomes)
    assert not (tmp_path / "ran").exists()


def test_a_raw_job_is_a_mistake_of_the_configuration() -> None:
    raw = Delivery(
        envelope=None,
        message=Message(b""),
        transaction=0,
        sender_node="bob",
        handle="rsmtp",
        niceness=0,
        packet="P",
        command=("/bin/false", "-bS"),
    )
    with pytest.raises(PluginError, match="no envelope"):
        deliver(raw)


def test_closing_it_ends_programs_in_the_middle_of_their_input(tmp_path: Path) -> None:
    """A program told to stop never sees the end of a part."""
    program = script(tmp_path / "p", f"cat > {tmp_path}/in.$$ && touch {tmp_path}/whole.$$")

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    quick = delivery(0, "x@b.example", command=[program, "-bS"])
    slow = [
        delivery(i, "x@b.example", command=[program, "-bS"])._replace(message=Message(endless()))
        for i in (1, 2)
    ]
    before = set(threading.enumerate())
    going = EximEgress(Options(processes=3)).deliver([quick, *slow])
    assert 0 == next(going).transaction
    going.close()  # type: ignore[attr-defined]
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()
    assert 1 == len(list(tmp_path.glob("whole.*")))
