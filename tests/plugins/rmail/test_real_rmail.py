"""Real rmails: how they are fed, and how what they hide is found out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.rmail.material import TEXT, deliver, delivery, seen
from tests.real.cap import Recorder, write_recorder

SENDMAILS = (b"/usr/sbin/sendmail", b"/usr/lib/sendmail")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is shorter than the path of sendmail."""
    path = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    yield path
    shutil.rmtree(path)


class Real:
    """A copy of a real rmail whose sendmail is a recorder."""

    def __init__(self, original: Path, folder: Path) -> None:
        text = original.read_bytes()
        self.link = folder / "s"
        for old in SENDMAILS:
            text = text.replace(b"\0" + old + b"\0", b"\0" + bytes(self.link).ljust(len(old), b"\0") + b"\0")
        self.program = folder / "rmail"
        self.program.write_bytes(text)
        self.program.chmod(0o755)
        self.folder = folder

    def with_sendmail(self, **acts: object) -> Recorder:
        recorder = write_recorder(self.folder / "r", **acts)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(recorder.program)
        return recorder


@pytest.fixture
def real(real_rmail: Path, folder: Path) -> Real:
    return Real(real_rmail, folder)


@pytest.mark.parametrize(
    ("sender", "addresses", "expected"),
    [
        ("joe@a.example", "domain", "-fjoe@a.example"),
        ("", "domain", "-f<>"),
        ("", "bang", "-f<>"),
        ("MAILER-DAEMON@a.example", "domain", "-fMAILER-DAEMON@a.example"),
        ("jü@a.example", "domain", "-fjü@a.example"),
        ("x%y@a.example", "domain", "-fx%y@a.example"),
        ("a!b@a.example", "domain", "-fa!b@a.example"),
        ("-oQ/tmp@a.example", "domain", "-f-oQ/tmp@a.example"),
        ("joe@a.example", "bang", "-falpha!a.example!joe"),
        ("joe@alpha", "bang", "-falpha!joe"),
    ],
)
def test_the_sender_comes_through(real: Real, sender: str, addresses: str, expected: str) -> None:
    recorder = real.with_sendmail()
    names = ("x@b.example", '"q r"@b.example', '"; rm -rf /"@b.example')
    outcomes = deliver(
        delivery(*names, command=[real.program], sender=sender, real=True, addresses=addresses)
    )
    assert [(0, "taken", None)] == seen(outcomes)
    (call,) = recorder.calls()
    assert expected == next(word for word in call.arguments if word.startswith("-f"))
    shown = names if addresses == "domain" else ("b.example!x", *names[1:])
    assert shown == call.arguments[-3:]
    assert TEXT == call.body


@pytest.mark.parametrize(
    ("acts", "verdict"),
    [
        ({"exit": 0}, "taken"),
        *(({"exit": status}, "deferred") for status in (1, 64, 75, 78)),
        ({"exit": 67}, "refused"),
        ({"exit": 65}, "refused"),
        ({"signal": 9}, "deferred"),
    ],
    ids=str,
)
def test_the_failure_that_it_hides_is_found_out(real: Real, acts: dict[str, object], verdict: str) -> None:
    real.with_sendmail(**acts)
    assert [(0, verdict, None)] == seen(deliver(delivery("x@b.example", command=[real.program], real=True)))


def test_a_missing_sendmail_keeps_the_mail(real: Real) -> None:
    assert [(0, "deferred", None)] == seen(
        deliver(delivery("x@b.example", command=[real.program], real=True))
    )
