"""Exit statuses of the pipe commands, in real processes: every way of failing that we can cause.

Whatever happens: no hang, one line on stderr that begins with the enhanced status, nothing
on stdout, nothing left in the spool's temporary directory, no packet unless the status is 0.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.request import words as flags
from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, Finished, gateway_script, run_gateway
from tests.service.handover import Service, handing, taking
from tests.service.resident import serving

LIMIT = 10.0
"""[s] for each process; none of these may take long."""

BATCH = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\nbody\n.\n"
BIG = BATCH.replace(b"body", os.urandom(200_000).hex().encode())
DEFER, INVALID, REFUSED = 75, 65, 77


@pytest.fixture
def alice(two_nodes: tuple[Node, Node]) -> Node:
    return two_nodes[0]


@pytest.fixture(params=[False, True], ids=["alone", "handed over"])
def service(request: pytest.FixtureRequest, alice: Node) -> Iterator[Service | None]:
    """Nothing, or a resident process of alice's that does the work, in this process."""
    if not request.param:
        yield None
        return
    handing(alice)
    with taking(alice) as service:
        yield service


def sound(node: Node, done: Finished) -> None:
    """Hold what holds for every ending."""
    assert b"" == done.stdout
    assert [] == node.temporary()
    assert (1 if done.status == 0 else 0) == len(node.packets("tx")), done
    if done.status == 0:
        assert b"" == done.stderr
    else:
        assert 1 == len(done.messages), done
        assert re.match(r"[45]\.\d\.\d ", done.messages[0]), done
        assert (done.status == DEFER) == done.messages[0].startswith("4."), done


def queue(node: Node, *words: str, stdin: bytes = BATCH, under: tuple[str, ...] = ()) -> Finished:
    """Run ``gateway exec`` as a transport would."""
    words = words or ("exec", "bob", "rsmtp")
    return run_gateway("--config", str(node.toml), *words, stdin=stdin, limit=LIMIT, under=under)


def test_success_is_0_and_silent(alice: Node, service: Service | None) -> None:
    done = queue(alice)
    assert 0 == done.status, done
    assert service is None or [0] == service.statuses
    sound(alice, done)


INPUTS = {
    "nothing at all": (b"", DEFER, "4.6.0"),
    "no envelope": (b"\n", INVALID, "5."),
    "ends after MAIL": (BATCH[:27], DEFER, "4.6.0"),
    "ends after RCPT": (BATCH.partition(b"DATA")[0], DEFER, "4.6.0"),
    "ends in DATA": (BATCH.removesuffix(b".\n"), DEFER, "4.6.0"),
    "ends in the last line": (BATCH.removesuffix(b"\n"), DEFER, "4.6.0"),
    "ends in the second transaction": (BATCH + BATCH[:40], DEFER, "4.6.0"),
    "not a command": (b"HELLO WORLD\n" + BATCH, INVALID, "5."),
    "DATA without RCPT": (BATCH.replace(b"RCPT TO:<x@b.example>\n", b""), INVALID, "5."),
    "bad recipient": (BATCH.replace(b"x@b.example", b"a b@c..example"), INVALID, "5."),
    "bad sender": (BATCH.replace(b"joe@a.example", b"joe@@a"), INVALID, "5."),
    "newline in an address": (BATCH.replace(b"x@b", b"x\ry@b"), INVALID, "5."),
    "bad in the second transaction": (BATCH + BATCH.replace(b"x@b", b"x x@b"), INVALID, "5."),
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize(
    "command", [("exec", "bob", "rsmtp"), ("submit", "exim", "--node", "bob")], ids="-".join
)
def test_input(alice: Node, service: Service | None, name: str, command: tuple[str, ...]) -> None:
    """An early end is temporary, a mistake in what is there is not; the input counts as a whole."""
    stdin, status, enhanced = INPUTS[name]
    done = queue(alice, *command, stdin=stdin)
    assert status == done.status, done
    assert done.messages[0].startswith(enhanced), done
    assert service is None or [status] == service.statuses
    sound(alice, done)


WORDS = {
    "unknown node": (("exec", "nobody", "rsmtp"), DEFER, "4.4.4"),
    "unknown relay": (("exec", "-via", "nobody", "bob", "rsmtp"), DEFER, "4.4.4"),
    "unknown flag": (("exec", "-nosuch", "bob", "rsmtp"), DEFER, "4.3.5"),
    "flag without value": (("exec", "-nice"), DEFER, "4.3.5"),
    "bad niceness": (("exec", "-nice", "256", "bob", "rsmtp"), DEFER, "4.3.5"),
    "bad size": (("exec", "-minsize", "x", "bob", "rsmtp"), DEFER, "4.3.5"),
    "empty handle": (("exec", "bob", ""), DEFER, "4.3.5"),
    "no handle": (("exec", "bob"), DEFER, "4.3.5"),
    "no node": (("exec",), DEFER, "4.3.5"),
    "help beside other words": (("exec", "-help", "bob", "rsmtp"), DEFER, "4.3.5"),
    "version beside other words": (("submit", "-version", "exim", "--node", "bob"), DEFER, "4.3.5"),
    "help before the command": (("--help", "exec", "bob", "rsmtp"), DEFER, "4.3.5"),
    "unknown command": (("exce", "bob", "rsmtp"), DEFER, ""),
    "unknown ingress": (("submit", "nosuch", "--node", "bob"), DEFER, "4.3.0"),
    "no route": (("submit", "exim"), DEFER, "4.4.4"),
    "oversize": (("exec", "-maxsize", "1", "bob", "rsmtp"), INVALID, "5."),
    "arguments too long": (("exec", "bob", "cap", "x" * 300), INVALID, "5."),
}


@pytest.mark.parametrize("name", WORDS)
def test_words(alice: Node, service: Service | None, name: str) -> None:
    words, status, enhanced = WORDS[name]
    done = queue(alice, *words, stdin=BIG if name == "oversize" else BATCH)
    assert status == done.status, done
    if name == "unknown command":
        assert b"" == done.stdout
        return
    assert done.messages[0].startswith(enhanced), done
    sound(alice, done)


@pytest.mark.parametrize("command", ["exec", "submit"])
@pytest.mark.parametrize("word", ["-h", "--help", "-version"])
def test_alone_a_word_for_help_has_the_page(command: str, word: str) -> None:
    done = run_gateway(command, word, stdin=b"", limit=LIMIT)
    assert (0, b"") == (done.status, done.stderr), done
    page = done.stdout.decode()
    assert f"Usage: gateway {command} " in page
    known = flags.VALUES.keys() | flags.SWITCHES.keys()
    named = {flag.replace("-", "") for flag in re.findall(r"(?<=[ ,]-)[a-z][a-z-]+", page)}
    assert known - named <= {"q", "progress"}
    assert named <= known | {"x"}


@pytest.mark.parametrize("words", [("toss", "--nosuch"), ("xfer",)], ids="-".join)
def test_a_known_command_with_wrong_words_is_2(alice: Node, words: tuple[str, ...]) -> None:
    done = queue(alice, *words)
    assert 2 == done.status, done


def test_nothing_to_toss_is_0_and_silent(alice: Node) -> None:
    done = queue(alice, "toss")
    assert (0, b"", b"") == (done.status, done.stdout, done.stderr), done


def _broken(text: str) -> Callable[[Node], object]:
    return lambda node: node.toml.write_text(text.replace("{old}", node.toml.read_text()))


def _without(pattern: str) -> Callable[[Node], object]:
    return lambda node: node.toml.write_text(re.sub(pattern, "", node.toml.read_text()))


def _replaced_by_a_directory(node: Node) -> None:
    node.toml.unlink()
    node.toml.mkdir()


CONFIGURATIONS: dict[str, tuple[Callable[[Node], object], str]] = {
    "absent": (lambda node: node.toml.unlink(), "4.3.5"),
    "a directory": (_replaced_by_a_directory, "4.3.5"),
    "empty": (lambda node: node.toml.write_text(""), "4.3.5"),
    "not TOML": (_broken("{old}\n[broken\n"), "4.3.5"),
    "not UTF-8": (lambda node: node.toml.write_bytes(b"\xff\xfe"), "4.3.5"),
    "unknown key": (_broken("spol = 1\n{old}"), "4.3.5"),
    "wrong type": (_broken("umask = 7\n{old}"), "4.3.5"),
    "half a key": (_without(r"(?<=signprv = .{20}).{20}"), "4.3.5"),
    "no private keys": (_without(r"(?m)^\w+prv = .*\n"), "4.3.5"),
    "plugin not installed": (_broken('plugins = ["exim", "nosuch"]\n{old}'), "4.3.0"),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configuration(alice: Node, name: str) -> None:
    change, enhanced = CONFIGURATIONS[name]
    change(alice)
    done = queue(alice)
    assert DEFER == done.status, done
    assert done.messages[0].startswith(enhanced), done
    sound(alice, done)


WHO = pytest.mark.parametrize("handed", [False, True], ids=["alone", "handed over"])
HOOK = "from gateway import hookimpl\n@hookimpl\ndef gateway_check_submission(envelope, node):\n    "
REGISTER = HOOK.replace("check_submission(envelope, node)", "register_ingress(config)")
EVENT = HOOK.replace("check_submission(envelope, node)", "event(event)")
ROUTE = HOOK.replace("check_submission(envelope, node)", "route(envelope, config)")
PLUGINS = {
    "does not import": ("import nosuch", DEFER, "4.3.0 plugin extra: "),
    "syntax error": ("def", DEFER, "4.3.0 plugin extra: "),
    "exits on import": ("import sys; sys.exit(1)", DEFER, "4."),
    "misspelt hook": ("def gateway_check_submision(envelope, node): pass", DEFER, "4.3.0 plugin extra: "),
    "forgotten mark": ("def gateway_check_submission(envelope, node): pass", DEFER, "4.3.0 plugin extra: "),
    "raises": (HOOK + "raise RuntimeError('on purpose\\nin two lines')", DEFER, "4.3.0 plugin extra: "),
    "exits": (HOOK + "raise SystemExit(1)", DEFER, "4."),
    "exits with 0": (HOOK + "raise SystemExit(0)", DEFER, "4."),
    "interrupts": (HOOK + "raise KeyboardInterrupt", DEFER, "4."),
    "exhausts memory": (HOOK + "raise MemoryError", DEFER, "4.3.0"),
    "recurses": (HOOK + "gateway_check_submission(envelope, node)", DEFER, "4.3.0 plugin extra: "),
    "refuses": (HOOK + "from gateway import Refused; raise Refused('not today')", REFUSED, "5.7.1 "),
    "finds it malformed": (
        HOOK + "from gateway import Malformed; raise Malformed('no')",
        DEFER,
        "4.3.0 plugin extra: ",
    ),
    "refuses on import": ("from gateway import Refused; raise Refused('no')", DEFER, "4.3.0 plugin extra: "),
    "refuses out of place": (
        REGISTER + "from gateway import Refused; raise Refused('no')",
        DEFER,
        "4.3.0 plugin extra: ",
    ),
    "writes to the terminal": (HOOK + "raise ValueError('\x1b[2J')", DEFER, "4.3.0 plugin extra: "),
}


@pytest.mark.parametrize("name", PLUGINS)
@WHO
def test_plugin(alice: Node, tmp_path: Path, name: str, handed: bool) -> None:
    """A stranger's plugin may do what it likes: only `Refused` makes a bounce."""
    text, status, start = PLUGINS[name]
    done = with_plugin(alice, tmp_path, text, "exec", "bob", "rsmtp", handed=handed)
    assert status == done.status, done
    assert done.messages[0].startswith(start), done
    assert b"\x1b" not in done.stderr, done
    sound(alice, done)


def with_plugin(
    node: Node, tmp_path: Path, text: str, *words: str, under: tuple[str, ...] = (), handed: bool = False
) -> Finished:
    """Run a command with one more plugin, whose module holds `text`, or have it done by who has that."""
    site = tmp_path / "site"
    (site / "extra-1.dist-info").mkdir(parents=True)
    (site / "extra-1.dist-info/entry_points.txt").write_text("[gateway]\nextra = extra_plugin\n")
    (site / "extra_plugin.py").write_text(text + "\n")
    node.head = 'plugins = ["exim", "extra"]'
    environ = {"PYTHONPATH": str(site)}
    if handed:
        handing(node)
        with serving(node, environ):
            return queue(node, *words, under=under)
    node.write()
    return run_gateway(
        "--config", str(node.toml), *words, stdin=BATCH, limit=LIMIT, environ=environ, under=under
    )


def test_a_route_cannot_refuse(alice: Node, tmp_path: Path) -> None:
    refusing = ROUTE + "from gateway import Refused; raise Refused('no')"
    done = with_plugin(alice, tmp_path, refusing, "submit", "exim")
    assert DEFER == done.status, done
    sound(alice, done)


@pytest.mark.parametrize("act", ["raise SystemExit(1)", "raise KeyboardInterrupt", "raise RuntimeError"])
@WHO
def test_what_happens_after_the_commit_is_no_failure(
    alice: Node, tmp_path: Path, act: str, handed: bool
) -> None:
    """Any other status would make the MTA send the mail again, or bounce what is queued."""
    done = with_plugin(alice, tmp_path, EVENT + act, "exec", "bob", "rsmtp", handed=handed)
    assert 0 == done.status, done
    assert 1 == len(alice.packets("tx"))


@pytest.mark.parametrize("hook", [EVENT, HOOK], ids=["after", "before"])
def test_a_plugin_that_prints_where_nobody_listens(alice: Node, tmp_path: Path, hook: str) -> None:
    full = ("sh", "-c", 'exec "$@" >/dev/full', "sh")
    done = with_plugin(alice, tmp_path, hook + "print('hello')", "exec", "bob", "rsmtp", under=full)
    assert 0 == done.status, done
    assert 1 == len(alice.packets("tx"))


def test_standard_input_that_is_closed(alice: Node, service: Service | None) -> None:
    done = queue(alice, under=("sh", "-c", 'exec "$@" <&-', "sh"))
    assert DEFER == done.status, done
    assert done.messages[0].startswith("4.3.5 standard input"), done
    sound(alice, done)


# --- the machine ------------------------------------------------------------------


def mounted(directory: Path, options: str) -> tuple[str, ...]:
    """Return words that run a command with a small file system mounted on a directory.

    What it leaves in the spool's temporary directory is listed in ``left`` beside it.
    """
    namespace = (
        ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    script = (
        f'mount -t tmpfs -o {options} none {directory} || exit 99; "$@"; status=$?; '
        f"ls -A {directory}/tmp >{directory.parent}/left 2>/dev/null; exit $status"
    )
    words = (*namespace, "sh", "-c", script, "sh")
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("no mount namespaces here")
    return words


@pytest.mark.parametrize("options", ["size=64k", "size=1m,nr_inodes=4", "size=1m,ro", "size=4k"])
def test_a_full_or_read_only_disk(alice: Node, options: str) -> None:
    done = queue(alice, stdin=BIG, under=mounted(alice.spool, options))
    assert DEFER == done.status, done
    assert done.messages[0].startswith("4.3.1 "), done
    assert "" == (alice.directory / "left").read_text()
    sound(alice, done)


def test_a_spool_that_is_a_file(alice: Node) -> None:
    alice.spool.rmdir()
    alice.spool.touch()
    done = queue(alice)
    assert DEFER == done.status, done
    assert done.messages[0].startswith("4.3.1 "), done


def test_a_spool_that_does_not_exist_is_made(alice: Node) -> None:
    alice.spool.rmdir()
    done = queue(alice)
    assert 0 == done.status, done
    sound(alice, done)


def test_an_unwritable_log_hinders_no_mail(alice: Node) -> None:
    """The packet is queued, so the status is 0, whatever else may have failed."""
    alice.log.mkdir()
    done = queue(alice)
    assert 0 == done.status, done
    assert 1 == len(alice.packets("tx"))


def test_a_file_size_limit(alice: Node) -> None:
    done = queue(alice, stdin=BIG, under=("prlimit", "--fsize=65536"))
    assert DEFER == done.status, done
    assert done.messages[0].startswith("4.3.1 "), done
    sound(alice, done)


NO_INTERPRETER = (b"can't open file", b"Fatal Python", b"error while loading shared libraries")
"""What dies before our code runs is not ours to choose a status for."""


@pytest.mark.parametrize("what", ["nofile", "nproc"])
def test_limits_never_make_a_bounce(alice: Node, service: Service | None, what: str) -> None:
    """From the first limit at which the program starts at all, the status is 0 or 75."""
    for value in range(3, 20) if what == "nofile" else (1,):
        done = queue(alice, under=("prlimit", f"--{what}={value}"))
        if any(words in done.stderr for words in NO_INTERPRETER):
            continue
        assert done.status in (0, DEFER), done
        for packet in alice.packets("tx"):
            packet.unlink()
        assert [] == alice.temporary()


@pytest.mark.parametrize("mebibytes", [40, 60, 80, 100, 150, 250])
def test_a_memory_limit(alice: Node, mebibytes: int) -> None:
    done = queue(alice, stdin=BIG, under=("prlimit", f"--as={mebibytes << 20}"))
    if any(words in done.stderr for words in NO_INTERPRETER):
        pytest.skip("the interpreter itself does not start")
    assert done.status in (0, DEFER), done
    assert [] == alice.temporary()


SHELL = {
    "no stdin": ('exec "$@" <&-', DEFER),
    "no stdout": ('exec "$@" >&-', 0),
    "no stderr": ('exec "$@" 2>&-', 0),
    "neither": ('exec "$@" >&- 2>&-', 0),
    "full stdout and stderr": ('exec "$@" >/dev/full 2>&1', 0),
    "no stderr and a failure": ('exec "$@" 2>&- </dev/null', DEFER),
    "signals ignored": ("trap '' HUP INT TERM USR1; exec \"$@\"", 0),
    "no environment": ('exec env -i "$@"', 0),
    "a strict umask": ('umask 777; exec "$@"', 0),
    "deleted cwd": ('d=$(mktemp -d); cd "$d"; rmdir "$d"; exec "$@"', 0),
}


@pytest.mark.nncp
@pytest.mark.parametrize("name", SHELL)
def test_surroundings(alice: Node, service: Service | None, nncp_bin: Path, name: str) -> None:
    """Closed descriptors, closed eyes: the status stands, and a queued packet is whole."""
    script, status = SHELL[name]
    alice.nncp_bin = nncp_bin
    done = queue(alice, under=("sh", "-c", script, "sh"))
    assert status == done.status, done
    assert (status == 0) == (len(alice.packets("tx")) == 1)
    assert [] == alice.temporary()
    assert 0 == alice.nncp("check").status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("ignored", [False, True])
def test_a_signal_ends_it_with_75(
    alice: Node, service: Service | None, number: signal.Signals, ignored: bool
) -> None:
    """Also where the MTA starts us with signals ignored, as Exim does; nothing is left behind."""
    words = [gateway_script(), "--config", str(alice.toml), "exec", "bob", "rsmtp"]
    trap = "trap '' HUP INT TERM; " if ignored else ""
    process = subprocess.Popen(
        ["sh", "-c", f'{trap}exec "$@"', "sh", *words],
        env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(BIG[:300_000])
    process.stdin.flush()
    end = time.monotonic() + LIMIT
    while not alice.temporary():  # it is at work
        assert time.monotonic() < end, "it never began"
        time.sleep(0.02)
    process.send_signal(number)
    try:
        assert DEFER == process.wait(LIMIT)
    finally:
        process.kill()
    out, err = process.communicate()
    sound(alice, Finished(tuple(words), DEFER, out, err))
    assert err.startswith(b"4.3.2 ")


def test_an_idle_writer_is_not_waited_for_after_sigterm(alice: Node, service: Service | None) -> None:
    """The signal comes before a single byte of input."""
    process = subprocess.Popen(
        [gateway_script(), "--config", str(alice.toml), "exec", "bob", "rsmtp"],
        env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    time.sleep(1)
    process.terminate()
    try:
        assert DEFER == process.wait(LIMIT)
    finally:
        process.kill()
        process.communicate()


def test_the_interpreter_is_the_tests(alice: Node) -> None:
    """The script under test is this environment's, not one found on the path."""
    assert Path(gateway_script()).read_text().startswith(f"#!{Path(sys.executable).parent}")
