from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from gateway.mta import Finding
from gateway.mtasetup.checks import check_lmtp, show_findings

GOOD = Finding(True, "sendmail", "/usr/sbin/sendmail")
BAD = Finding(False, "user", "there is none", "adduser gateway\nadduser gateway mail")


def test_findings_are_shown_with_what_mends_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == show_findings([GOOD, BAD, GOOD], as_json=False)
    expected = [
        "ok      sendmail: /usr/sbin/sendmail",
        "PROBLEM user: there is none",
        "        -> adduser gateway",
        "        -> adduser gateway mail",
        "ok      sendmail: /usr/sbin/sendmail",
    ]
    assert expected == capsys.readouterr().out.splitlines()


def test_findings_are_shown_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == show_findings([BAD], as_json=True)
    assert BAD._asdict() == json.loads(capsys.readouterr().out)


def test_nothing_wrong_is_status_0() -> None:
    assert 0 == show_findings([GOOD], as_json=False)


@pytest.mark.parametrize(
    ("greeting", "ok"), [(b"220 here LMTP\r\n", True), (b"421 busy\r\n", False), (b"", False)]
)
def test_a_socket_is_asked_for_its_greeting(tmp_path: Path, greeting: bytes, ok: bool) -> None:
    path = str(tmp_path / "lmtp")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(path)
        listening.listen()

        def answer() -> None:
            with listening.accept()[0] as client:
                client.sendall(greeting)

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        found = check_lmtp(path)
        answering.join()
    assert (ok, "socket") == (found.ok, found.subject)
    assert ok or found.mend


def test_a_socket_that_is_not_there_is_named_with_what_makes_it(tmp_path: Path) -> None:
    found = check_lmtp(f"{tmp_path}/none")
    assert (False, f'gateway serve, with [serve] lmtp = "{tmp_path}/none"') == (found.ok, found.mend)
    assert f"{tmp_path}/none" in found.text
