from __future__ import annotations

from pathlib import Path

import pytest

from gateway.defaults.command import gateway_register_egress
from gateway.defaults.command_egress import CommandEgress
from gateway.mail.message import Message
from gateway.mta import Delivery, Outcome, Verdict


def deliver(
    *command: str, body: bytes = b"", timeout: float = 20, arguments: tuple[str, ...] = ()
) -> Outcome:
    delivery = Delivery(
        envelope=None,
        message=Message([body]),
        transaction=7,
        sender_node="bob",
        handle="old",
        niceness=96,
        packet="P",
        command=command,
        arguments=arguments,
        timeout=timeout,
        environ={"NNCP_SENDER": "ID"},
    )
    (outcome,) = CommandEgress().deliver([delivery])
    assert 7 == outcome.transaction
    assert outcome.recipients is None
    return outcome


def test_it_is_registered_and_claims_no_handle() -> None:
    egress = gateway_register_egress()
    assert ("command", ()) == (egress.name, egress.handles)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(0, Verdict.TAKEN)]
    + [(status, Verdict.REFUSED) for status in (65, 67, 77)]
    + [(status, Verdict.DEFERRED) for status in (1, 64, 66, 69, 70, 71, 73, 75, 78, 126, 127, 255)],
)
def test_statuses(status: int, verdict: Verdict) -> None:
    outcome = deliver("/bin/sh", "-c", f"echo why; exit {status}")
    assert (verdict, "why" if status == 0 else f"exit status {status}: why") == (
        outcome.verdict,
        outcome.text,
    )


def test_signal_timeout_and_missing_program_are_deferred() -> None:
    assert (Verdict.DEFERRED, "killed by SIGKILL") == outcome_of("kill -9 $$")
    assert (Verdict.DEFERRED, "not finished within 0.2 s") == outcome_of("exec sleep 9", timeout=0.2)
    late = "trap 'exit 67' TERM; echo why; while :; do sleep 0.02; done 2>/dev/null"
    assert (Verdict.DEFERRED, "not finished within 1 s: why") == outcome_of(late, timeout=1)
    missing = deliver("/no/such/program")
    assert Verdict.DEFERRED is missing.verdict
    assert "/no/such/program: No such file" in missing.text
    assert Verdict.DEFERRED is deliver().verdict


def outcome_of(script: str, *, timeout: float = 20) -> tuple[Verdict, str]:
    outcome = deliver("/bin/sh", "-c", script, timeout=timeout)
    return outcome.verdict, outcome.text


def test_body_arguments_and_environment_reach_the_program_as_they_are(tmp_path: Path) -> None:
    script = f'cat >{tmp_path}/body; printf "%s|" "$@" "$NNCP_SENDER" >{tmp_path}/words'
    body = bytes(range(256)) * 1000
    outcome = deliver("/bin/sh", "-c", script, "sh", "configured", body=body, arguments=("a b", "-x"))
    assert Verdict.TAKEN is outcome.verdict
    assert body == (tmp_path / "body").read_bytes()
    assert "configured|a b|-x|ID|" == (tmp_path / "words").read_text()
