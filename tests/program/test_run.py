from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from gateway.errors import ProgramError
from gateway.program import SAFE_PATH, Finished, child, run, run_program

ENVIRON = {"PATH": SAFE_PATH, "A": "b"}
PYTHON = [sys.executable, "-I", "-S", "-c"]


def sh(script: str, *, stdin: object = None, timeout: float = 30, **more: int) -> Finished:
    return run_program(["/bin/sh", "-c", script], stdin=stdin, environ=ENVIRON, timeout=timeout, **more)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(condition: object, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(params=["pidfd", "no pidfd"])
def waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to learn that a program ended."""
    if request.param == "no pidfd":

        def refuse(_pid: int) -> int:
            raise OSError

        monkeypatch.setattr(os, "pidfd_open", refuse)


@pytest.mark.parametrize("status", [0, 1, 65, 75, 127, 255])
@pytest.mark.usefixtures("waiting")
def test_exit_status(status: int) -> None:
    finished = sh(f"exit {status}")
    assert (status, None, False) == (finished.status, finished.signal, finished.timed_out)
    assert (status == 0) == finished.ok


def test_killed_by_a_signal() -> None:
    finished = sh("kill -9 $$")
    assert (None, 9) == (finished.status, finished.signal)
    assert not finished.ok
    assert "killed by SIGKILL" == finished.says()


def test_stdout_and_stderr_together_and_apart() -> None:
    finished = sh("echo one; echo two >&2")
    assert (b"one\n", b"two\n") == (finished.stdout, finished.stderr)
    assert sorted(b"one\ntwo\n") == sorted(finished.output)


def test_says_is_one_printable_line() -> None:
    finished = sh(r"printf 'a\nb\033[31m\n\n c\200 \n'; exit 75")
    assert "exit status 75: a; b?[31m; c\ufffd" == finished.says()
    assert len(sh("head -c 9000 /dev/zero | tr '\\0' x; exit 1").says()) < 600


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_000])
def test_chunks_arrive_whole_and_are_followed_by_the_end(size: int) -> None:
    body = os.urandom(size)
    chunks = [body[i : i + 70_000] for i in range(0, size, 70_000)]
    assert body == sh("cat", stdin=chunks, keep_output=2 * size + 2).stdout


def test_empty_chunks_end_nothing() -> None:
    assert b"ab" == sh("cat", stdin=iter([b"", b"a", b"", b"b", b""])).stdout


def test_a_file_is_handed_over_at_its_position(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        assert b"0" == file.read(1)  # read ahead by the object, not by us
        finished = sh("cat; readlink /proc/self/fd/0", stdin=file)
    assert b"123456789" + os.fsencode(path) + b"\n" == finished.stdout


def test_file_objects_without_a_descriptor_or_position() -> None:
    assert b"abc" == sh("cat", stdin=BytesIO(b"abc")).stdout
    reading, writing = os.pipe()
    os.write(writing, b"abcdef")
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        assert b"a" == stream.read(1)
        assert b"bcdef" == sh("cat", stdin=stream).stdout


def test_no_input_is_an_empty_input() -> None:
    assert b"" == sh("cat").stdout


def test_a_program_that_reads_nothing_and_exits_with_0_is_ok() -> None:
    assert sh("exit 0", stdin=(b"x" * 65536 for _ in range(200))).ok
    assert sh("exec <&-; sleep 0.2; exit 0", stdin=(b"x" * 65536 for _ in range(200))).ok


@pytest.mark.parametrize("error", [RuntimeError, BrokenPipeError, BlockingIOError, ChildProcessError])
def test_chunks_that_raise_never_look_like_the_end(tmp_path: Path, error: type[Exception]) -> None:
    def cut() -> Iterator[bytes]:
        yield b"first half"
        assert wait_for((tmp_path / "started").exists)
        raise error

    script = f"trap '' TERM; cd {tmp_path}; touch started; cat >body; touch taken"
    with pytest.raises(error):
        sh(script, stdin=cut())
    time.sleep(0.2)
    assert not (tmp_path / "taken").exists()


@pytest.mark.usefixtures("waiting")
def test_time_limit() -> None:
    finished = sh("exec sleep 60", timeout=0.3)
    assert (None, signal.SIGTERM, True) == (finished.status, finished.signal, finished.timed_out)
    assert "not finished within 0.3 s" == finished.says()


def test_time_limit_of_a_program_that_does_not_obey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "GRACE", 0.3)
    finished = sh("trap '' TERM; echo here; while :; do sleep 0.1; done", timeout=1)
    assert (signal.SIGKILL, True, b"here\n") == (finished.signal, finished.timed_out, finished.stdout)


def test_exit_0_after_the_time_limit_is_not_ok() -> None:
    finished = sh("trap 'exit 0' TERM; while :; do sleep 0.05; done", timeout=1)
    assert (0, True, False) == (finished.status, finished.timed_out, finished.ok)


def test_input_stays_open_while_a_late_program_ends(tmp_path: Path) -> None:
    """A program that catches SIGTERM and reads on must not find an end in what it was given."""
    body = (b"x" * 65536 for _ in range(1000))
    script = f"trap : TERM; sleep 1.3 & wait; wait; cat >{tmp_path}/body; touch {tmp_path}/taken"
    assert sh(script, stdin=body, timeout=1).timed_out
    assert not (tmp_path / "taken").exists()


def test_time_limit_kills_what_the_program_left_behind(tmp_path: Path) -> None:
    script = f"(trap '' TERM; echo $$ >&2; exec sleep 60) & echo $! >{tmp_path}/pid; sleep 60"
    assert sh(script, timeout=1).timed_out
    pid = int((tmp_path / "pid").read_text())
    assert wait_for(lambda: not alive(pid))


@pytest.mark.usefixtures("waiting")
def test_background_child_that_holds_the_output_is_left_alone(tmp_path: Path) -> None:
    finished = sh(f"sleep 30 & echo $! >{tmp_path}/pid; echo accepted", timeout=20)
    pid = int((tmp_path / "pid").read_text())
    try:
        assert (True, b"accepted\n") == (finished.ok, finished.output)
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_background_child_that_writes_without_end_does_not_hold_us() -> None:
    assert sh("yes & exit 0", timeout=20).ok


def test_100_mb_of_output_are_read_and_bounded() -> None:
    finished = sh("printf begin; head -c 100000000 /dev/zero; printf end; exit 1", keep_output=1000)
    assert finished.stdout.startswith(b"begin\0")
    assert finished.stdout.endswith(b"\0end")
    assert b"[... 99999008 bytes cut ...]" in finished.stdout
    assert len(finished.stdout) < 1100


def test_environment_is_exactly_what_was_given() -> None:
    script = "import os,sys; sys.stdout.write(repr(sorted(os.environ.items())))"
    finished = run_program([*PYTHON, script], stdin=None, environ={"A": "b=c", "Z": ""}, timeout=30)
    # Python itself coerces the C locale and says so in LC_CTYPE.
    assert [("A", "b=c"), ("Z", "")] == [v for v in eval(finished.stdout) if v[0] != "LC_CTYPE"]


def test_session_directory_umask_and_descriptors(tmp_path: Path) -> None:
    script = """
        import os
        fds = sorted(int(n) for n in os.listdir("/proc/self/fd"))
        print(os.getcwd(), os.getsid(0) == os.getpid(), oct(os.umask(0)), fds)
    """
    with (tmp_path / "leak").open("wb") as leak:
        os.set_inheritable(leak.fileno(), True)
        finished = run_program([*PYTHON, textwrap.dedent(script)], stdin=[b""], environ=ENVIRON, timeout=30)
    # 3 is the listing's own descriptor.
    assert b"/ True 0o22 [0, 1, 2, 3]\n" == finished.stdout


def test_we_leak_no_descriptors() -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    sh("exit 0")
    before = count()
    for stdin in (None, [b"x"], BytesIO(b"x" * 100_000)):
        sh("exit 1", stdin=stdin)
    with pytest.raises(ProgramError):
        run_program(["/nonexistent"], stdin=[b"x"], environ={}, timeout=1)
    with pytest.raises(ZeroDivisionError):
        sh("cat", stdin=(1 // n for n in (0,)))
    assert before == count()


MTA_LIKE = """
    import os, signal, sys, threading
    for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, {more}):
        signal.signal(s, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""
RUN = """
    import threading
    from gateway.program import heed_signals, run_program
    heed_signals()
    def run():
        done = run_program(["/bin/sh", "-c", "grep -E '^Sig(Ign|Blk)' /proc/self/status; exit 3"],
            stdin=None, environ={}, timeout=30)
        print(done.status, done.stdout.decode().split())
    run()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
"""


@pytest.mark.parametrize("more", ["signal.SIGALRM", "signal.SIGCHLD"])
def test_no_signal_is_ignored_or_blocked_in_the_child_of_a_child_of_exim(more: str) -> None:
    """Neither is its status lost where SIGCHLD was ignored."""
    command = [sys.executable, "-c", textwrap.dedent(MTA_LIKE.format(more=more)), textwrap.dedent(RUN)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    zero = "0" * 16
    assert [f"3 ['SigBlk:', '{zero}', 'SigIgn:', '{zero}']"] * 2 == done.stdout.splitlines()


def test_a_status_taken_by_somebody_else_is_a_failure() -> None:
    thief_done = threading.Event()

    def thief() -> Iterator[bytes]:
        yield b"x\n"
        os.waitpid(-1, 0)
        thief_done.set()

    with pytest.raises(ProgramError, match="somebody else"):
        sh("read line; exit 0", stdin=thief())
    assert thief_done.is_set()


def test_from_many_threads() -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        for i in range(10):
            body = b"%d-%d" % (number, i)
            finished = sh(f"cat; exit {number}", stdin=[body])
            if (number, body) != (finished.status, finished.stdout):
                wrong.append(finished.says())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == wrong


def test_programs_that_cannot_be_started(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    for argv, words in (
        (["/no/such/program"], "/no/such/program: No such file"),
        ([str(plain)], f"{plain}: Permission denied"),
        ([str(tmp_path)], f"{tmp_path}: Permission denied"),
        ([str(broken)], f"{broken}: No such file"),
        (["no-such-program"], f"'no-such-program': not in {SAFE_PATH}"),
        (["./here"], "neither an absolute path"),
        (["../bin/sh"], "neither an absolute path"),
        ([], "neither an absolute path"),
        (["/bin/true", "a\0b"], "/bin/true: embedded null byte"),
        (["/bin/true", "x" * 300_000], "/bin/true: Argument list too long"),
    ):
        with pytest.raises(ProgramError, match="program ") as caught:
            run_program(argv, stdin=[b"x"], environ=ENVIRON, timeout=5)
        assert words in str(caught.value)
        assert 75 == caught.value.status


def test_no_shell_sees_the_arguments() -> None:
    words = ["$(id)", "`id`", ";id", "a b", "*", "'", '"', "\n", ""]
    finished = run_program(["printf", "[%s]", *words], stdin=None, environ=ENVIRON, timeout=5)
    assert "".join(f"[{word}]" for word in words).encode() == finished.stdout


def test_an_interruption_kills_the_program(tmp_path: Path) -> None:
    def interrupt() -> Iterator[bytes]:
        yield b"x"
        assert wait_for((tmp_path / "pid").exists)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sh(f"echo $$ >{tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; sleep 60", stdin=interrupt())
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_signal_during_the_start_does_not_pass_an_empty_input_for_a_whole_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its handler raises while the program exists already and Popen has not returned."""

    class Stop(Exception):
        pass

    def handler(_number: int, _frame: object) -> None:
        raise Stop

    def start_with_signal(*arguments: object, **more: object) -> subprocess.Popen[bytes]:
        process = popen(*arguments, **more)  # type: ignore[call-overload]
        os.kill(os.getpid(), signal.SIGUSR2)
        time.sleep(0)
        return process  # type: ignore[no-any-return]

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", start_with_signal)
    before = signal.signal(signal.SIGUSR2, handler)
    try:
        with pytest.raises(Stop):
            sh(f"cat >{tmp_path}/body; touch {tmp_path}/taken", stdin=[b"x"])
        assert handler is signal.getsignal(signal.SIGUSR2)
    finally:
        signal.signal(signal.SIGUSR2, before)
    time.sleep(0.2)
    assert not (tmp_path / "taken").exists()


def test_a_program_that_cannot_be_killed_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As one that became another user; its input stays open."""

    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(run, "GRACE", 0.1)
    monkeypatch.setattr(child, "GRACE", 0.1)
    monkeypatch.setattr(os, "killpg", refuse)
    kept = len(child._UNKILLED)
    with pytest.raises(ProgramError, match="cannot be killed"):
        sh(f"echo $$ >{tmp_path}/pid; exec sleep 60", stdin=(b"x" * 65536 for _ in range(100)), timeout=1)
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    assert kept + 1 == len(child._UNKILLED)
    (process,) = child._UNKILLED.pop()
    assert process.stdin is not None
    assert not process.stdin.closed
    process.stdin.close()
    process.kill()
    process.wait()


def test_a_time_limit_of_months() -> None:
    assert sh("exit 0", timeout=1e8).ok
