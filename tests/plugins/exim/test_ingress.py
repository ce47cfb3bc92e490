"""The ingress: what Exim's pipe transport writes, and what is no mail at all."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_exim.ingress import EximIngress

from gateway import GatewayError, Ingress, Malformed, Truncated, UsageError

SAMPLES = sorted((Path(__file__).parents[2] / "vectors/mta").glob("bsmtp-*.txt"))
INGRESS = EximIngress(("rsmtp",))
ONE = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: x\n\n..\n.\n"


def read(data: bytes, *arguments: str) -> list[tuple[str, tuple[str, ...], bytes]]:
    found = []
    for submission in INGRESS.read(arguments, io.BytesIO(data), {"USER": "root"}):
        assert submission.envelope is not None
        recipients = tuple(map(str, submission.envelope.recipients))
        found.append((str(submission.envelope.sender), recipients, submission.message.read()))
    return found


def test_it_is_an_ingress() -> None:
    assert isinstance(INGRESS, Ingress)
    assert ("exim", ("rsmtp",), "bsmtp") == (INGRESS.name, INGRESS.handles, INGRESS.form)


def test_a_transaction_is_a_submission() -> None:
    assert [("joe@a.example", ("x@b.example",), b"Subject: x\n\n.\n")] == read(ONE)


def test_several_transactions_are_several_submissions() -> None:
    assert 3 == len(read(ONE * 3))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_everything_that_exim_was_seen_to_write_is_read(sample: Path) -> None:
    found = read(sample.read_bytes())
    assert (6 if sample.stem == "bsmtp-batch-6" else 1) == len(found)
    assert all(recipients for _, recipients, _ in found)


@pytest.mark.parametrize("end", range(len(ONE)))
def test_an_input_cut_anywhere_is_temporary(end: int) -> None:
    with pytest.raises(Truncated):
        read(ONE[:end])


@pytest.mark.parametrize("data", [b"Subject: x\n\nbody\n", ONE + b"rubbish\n", b"MAIL FROM:<a b@x>\n"])
def test_what_is_not_batch_smtp_is_permanent(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


def test_arguments_are_a_mistake_that_a_person_mends() -> None:
    with pytest.raises(UsageError, match="takes no arguments") as failure:
        INGRESS.read(("-odq",), io.BytesIO(ONE), {})
    assert isinstance(failure.value, GatewayError)
    assert not failure.value.permanent


def test_importing_the_plugin_loads_next_to_nothing() -> None:
    """Start-up is throughput: the hooks import what they need when they are called."""
    code = (
        "import sys, gateway_exim, gateway_exim.ingress; gateway_exim.ingress.EximIngress(('rsmtp',));"
        "print(*sorted({'email', 'subprocess', 'logging', 'click', 'json', 'pathlib', 'tempfile', 'queue',"
        " 'threading', 'importlib.metadata', 'gateway.program', 'gateway_exim.egress'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "" == done.stdout.strip()
