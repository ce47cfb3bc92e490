"""A conversation with a program: a socket for its stdin and stdout, and the rules of `gateway.program`."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from gateway.errors import ProgramError
from gateway.program import SAFE_PATH, Conversation, Unasked, converse

ENVIRON = {"PATH": SAFE_PATH, "A": "b"}


def sh(script: str, timeout: float = 30) -> Conversation:
    return converse(["/bin/sh", "-c", script], environ=ENVIRON, timeout=timeout)


def everything(talk: Conversation) -> bytes:
    return b"".join(iter(talk.recv, b""))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Whether a process that was killed, though not by its parent, is gone before long."""
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


def test_it_hears_and_answers() -> None:
    with sh('read line; echo "heard $line"') as talk:
        talk.sendall(b"hello\n")
        assert b"heard hello\n" == everything(talk)
        assert talk.finish().ok


def test_environment_directory_group_and_descriptors() -> None:
    script = (
        "env | grep -v -e ^PWD -e ^_ | sort; pwd; umask; ls /proc/self/fd | wc -l; ps -o sid= -p $$; echo $$"
    )
    with sh(script) as talk:
        *environ, where, umask, open_files, session, own = everything(talk).decode().split()
    assert ["A=b", f"PATH={SAFE_PATH}"] == [one for one in environ if not one.startswith(("OLDPWD", "SHLVL"))]
    assert ("/", "0022", "4", own) == (where, umask, open_files, session)


def test_stderr_is_kept_and_in_the_words() -> None:
    with sh("echo oops >&2; exit 3") as talk:
        assert b"" == everything(talk)
        finished = talk.finish()
    assert (3, "exit status 3: oops") == (finished.status, finished.says())


def test_much_on_stderr_does_not_stop_it() -> None:
    with sh("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo done") as talk:
        assert b"done\n" == everything(talk)
        assert 70_000 > len(talk.finish().stderr)


def test_one_deadline_for_everything() -> None:
    with sh("while :; do echo x; sleep 0.05; done", timeout=0.4) as talk, pytest.raises(TimeoutError):
        everything(talk)


def test_a_program_that_takes_nothing_meets_the_deadline() -> None:
    with sh("sleep 60", timeout=0.3) as talk, pytest.raises(TimeoutError):
        talk.sendall(b"x" * 10_000_000)


def test_a_program_that_speaks_in_place_of_listening_is_noticed() -> None:
    with sh("echo no; sleep 60") as talk, pytest.raises(Unasked):
        talk.sendall(b"x" * 10_000_000)


def test_a_program_that_left_is_noticed() -> None:
    with sh("exit 0") as talk:
        assert b"" == talk.recv()
        with pytest.raises(OSError, match="pipe"):
            talk.sendall(b"x")


def test_finish_hangs_up_and_waits() -> None:
    with sh("cat >/dev/null; echo end >&2; exit 4") as talk:
        finished = talk.finish()
    assert (4, b"end\n", False) == (finished.status, finished.stderr, finished.timed_out)


def test_finish_ends_a_program_that_goes_on(tmp_path: Path) -> None:
    with sh(f"sleep 61 & echo $! >{tmp_path}/pid; echo up; wait") as talk:
        assert b"up\n" == talk.recv()
        finished = talk.finish(0.2)
    assert finished.timed_out
    assert signal.SIGTERM == finished.signal
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_it_leaves_behind_when_it_ends_by_itself_is_left_alone(tmp_path: Path) -> None:
    with sh(f"sleep 61 & echo $! >{tmp_path}/pid; echo up") as talk:
        assert b"up\n" == talk.recv()
        assert talk.finish().ok
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_abort_ends_it_before_its_input_ends(tmp_path: Path) -> None:
    """What it heard must not look whole to it."""
    with sh(f"echo up; cat >/dev/null; touch {tmp_path}/whole") as talk:
        assert b"up\n" == talk.recv()
        assert signal.SIGTERM == talk.abort().signal
    assert not (tmp_path / "whole").exists()


def test_a_context_that_is_left_kills(tmp_path: Path) -> None:
    with sh(
        f"trap '' TERM; echo $$ >{tmp_path}/pid; echo up; cat >/dev/null; touch {tmp_path}/whole"
    ) as talk:
        assert b"up\n" == talk.recv()
    assert gone(int((tmp_path / "pid").read_text()))
    assert not (tmp_path / "whole").exists()


def test_a_program_that_is_not_there() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ProgramError, match="No such file"):
        converse(["/no/such"], environ={}, timeout=1)
    assert before == len(os.listdir("/proc/self/fd"))


def test_nothing_stays_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for end in (Conversation.finish, Conversation.abort, Conversation.close):
        with sh("cat") as talk:
            end(talk)
    assert before == len(os.listdir("/proc/self/fd"))
