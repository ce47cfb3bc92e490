"""What ``gateway rmail setup`` prints and writes, and the scripts in it at work."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gateway_rmail.commands import rmail
from gateway_rmail.setup import Plan, detect_mta, gateway_lines, next_steps, pieces
from gateway_rmail.wrappers import rmail_script, uux_script

from gateway import GatewayError, UsageError
from tests.real.cap import Call, Recorder, write_recorder
from tests.real.programs import Finished
from tests.real.programs import run as run_program

SHELLS = [shell for shell in ("/bin/sh", "/bin/bash", "/bin/dash") if os.access(shell, os.X_OK)]


def plan(**changes: object) -> Plan:
    values = {"mta": "exim", "user": "gateway", "command": "/usr/bin/gateway", "node": "hub", **changes}
    return Plan(**values)  # type: ignore[arg-type]


def text(**changes: object) -> str:
    return "".join(piece.text for piece in pieces(plan(**changes)))


def run(*words: str) -> Result:
    return CliRunner().invoke(rmail, ["setup", "--command", "/usr/bin/gateway", *words])


@pytest.mark.parametrize(
    ("mta", "names"),
    [
        ("exim", ["gateway_rmail.macros", "gateway_rmail.router", "gateway_rmail.transport"]),
        (
            "exim-split",
            [
                "conf.d/main/01_exim4-config_local-gateway-rmail",
                "conf.d/router/180_exim4-config_local-gateway-rmail",
                "conf.d/transport/40_exim4-config_local-gateway-rmail",
            ],
        ),
        ("postfix", ["gwrmail.master.cf", "gwrmail.transport"]),
    ],
)
def test_each_mta_gets_its_files(mta: str, names: list[str]) -> None:
    assert names == [piece.name for piece in pieces(plan(mta=mta))]
    assert [*names, "rmail", "uux"] == [piece.name for piece in pieces(plan(mta=mta, from_uucp=True))]


def test_what_exim_is_told() -> None:
    found = text(routes=(("one.example", "one"), ("*.uucp.example", "uu")), config="/etc/g.toml")
    assert "route_list = one.example one ; *.uucp.example uu ; * hub\n" in found
    assert "  no_more\n" in found
    for line in [
        "command = /usr/bin/gateway --config /etc/g.toml exec $host rmail $pipe_addresses",
        "message_suffix =",
        "batch_max = 100",
        "timeout_defer",
        "freeze_signal",
        "user = gateway",
    ]:
        assert f"\n  {line}\n" in found
    assert "use_bsmtp" not in found
    assert "  no_more\n" not in text(node=None, routes=(("one.example", "one"),))


def test_what_postfix_is_told() -> None:
    found = text(mta="postfix", routes=(("*.uucp.example", "uu"),))
    argv = "argv=/usr/bin/gateway exec ${nexthop} rmail ${recipient}\n"
    assert f"  flags=Fq null_sender= user=gateway {argv}" in found
    assert ".uucp.example gwrmail:uu\n* gwrmail:hub\n" in found


@pytest.mark.parametrize(
    "changes",
    [
        {"node": "a b"},
        {"node": "$domain"},
        {"node": None},
        {"user": "x\n  ignore_status"},
        {"command": "gateway"},
        {"command": "/opt/my gateway"},
        {"config": "/etc/x;id"},
        {"routes": (("a.example ; *", "b"),)},
        {"routes": (("a.example", "b;c"),)},
        {"handle": "rmail -x"},
        {"sendmail": "/x y"},
    ],
)
def test_nothing_is_written_that_would_be_read_as_something_else(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        plan(**changes)


def test_the_gateways_lines_are_toml() -> None:
    handle = {"egress": "rmail", "command": ["/usr/sbin/sendmail"]}
    assert {"neigh": {"hub": {"exec": {"rmail": handle}}}} == tomllib.loads(gateway_lines(plan()))
    one = plan(node="h.b", routes=(("*.uucp.example", "uu"),), from_uucp=True)
    read = tomllib.loads(gateway_lines(one))
    assert {"uucp.example": "uu", "*": "h.b"} == read["routes"]
    assert {"form": "rmail", "handle": "rmail"} == read["neigh"]["h.b"]["mail"]
    assert handle == read["neigh"]["uu"]["exec"]["rmail"]


@pytest.mark.parametrize(
    ("folders", "files", "mta"),
    [
        ([], [], "exim"),
        (["exim4/conf.d"], [], "exim-split"),
        (["exim4"], [], "exim"),
        (["postfix"], ["postfix/main.cf"], "postfix"),
        (["postfix", "exim4/conf.d"], ["postfix/main.cf"], "exim-split"),
    ],
)
def test_the_mta_is_the_one_that_is_configured(
    tmp_path: Path, folders: list[str], files: list[str], mta: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    for file in files:
        (tmp_path / file).write_text("")
    assert mta == detect_mta(str(tmp_path))


@pytest.mark.parametrize("mta", ["exim", "exim-split", "postfix"])
def test_printed_it_ends_with_what_is_left_to_do(mta: str) -> None:
    done = run("--mta", mta, "--node", "hub")
    assert 0 == done.exit_code, done.output
    assert "exec.rmail = {" in done.output
    steps = next_steps(plan(mta=mta))
    assert done.output.endswith("".join(f"#   {step}\n" for step in steps))
    assert "uustat" not in done.output
    assert "uustat" in run("--mta", mta, "--node", "hub", "--from-uucp").output


def test_one_direction_leaves_out_what_the_other_needs() -> None:
    sends = run("--mta", "exim", "--node", "hub", "--send").output
    assert "trusted_users" not in sends
    assert "exec.rmail" not in sends
    receives = run("--mta", "exim", "--node", "hub", "--receive").output
    assert "driver = pipe" not in receives
    assert "trusted_users" in receives


def test_written_twice_nothing_changes_and_a_changed_file_is_not_lost(tmp_path: Path) -> None:
    words = ("--mta", "exim", "--node", "hub", "--from-uucp", "--write", str(tmp_path))
    assert 5 == run(*words).output.count("wrote ")
    assert 0 == run(*words).output.count("wrote ")
    assert os.access(tmp_path / "uux", os.X_OK)
    (tmp_path / "rmail").write_text("mine\n")
    done = run(*words)
    assert isinstance(done.exception, GatewayError)
    assert "mine\n" == (tmp_path / "rmail").read_text()
    assert 1 == run(*words, "--force").output.count("wrote ")


def test_a_route_without_a_node_is_a_usage_error() -> None:
    assert isinstance(run("--route", "one.example").exception, UsageError)
    assert isinstance(run("--mta", "exim").exception, UsageError)


def call(script: str, recorder: Recorder, shell: str, *words: str) -> tuple[Finished, list[Call]]:
    path = recorder.folder / "script"
    path.write_text(script)
    done = run_program([shell, str(path), *words], stdin=b"the message\n")
    return done, recorder.calls()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-", "bob!rmail", "x@b.example"], ["bob", "rmail", "x@b.example"]),
        (["-r", "-n", "-z", "-ajoe@a.example", "-", "bob!rmail", "(x@b)", '("q r"@b)'],
         ["bob", "rmail", "x@b", '"q r"@b']),
        (["-rnz", "-a", "joe", "-g", "C", "-p", "bob!rmail", "(a!b!c)"], ["bob", "rmail", "a!b!c"]),
        (["-a", "-", "bob!rmail", "((x@b))"], ["bob", "rmail", "(x@b)"]),
        (["--stdin", "--nouucico", "bob!rsmtp"], ["bob", "rsmtp"]),
        (["-", "bob!rmail", "-oQ/tmp", "$(id)", "`id`", "; id", "*", "", "(", "()", "a\nb", "(-x)"],
         ["bob", "rmail", "-oQ/tmp", "$(id)", "`id`", "; id", "*", "", "(", "", "a\nb", "-x"]),
    ],
)  # fmt: skip
def test_uux_queues_what_uux_would(
    recorder: Recorder, shell: str, words: list[str], expected: list[str]
) -> None:
    script = uux_script(str(recorder.program))
    done, (one,) = call(script, recorder, shell, *words)
    assert done.status == 0, done
    assert (("exec", *expected), b"the message\n") == (one.arguments, one.body)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-"],
        ["bob!rmail", "x"],
        ["-", "rmail"],
        ["-", "bob!"],
        ["-", "!rmail"],
        ["-", "a!b!rmail"],
        ["-a"],
    ],
    ids=" ".join,
)
def test_uux_called_wrongly_keeps_the_mail(recorder: Recorder, shell: str, words: list[str]) -> None:
    done, calls = call(uux_script(str(recorder.program)), recorder, shell, *words)
    assert 75 == done.status, done
    assert done.messages[0].startswith("4.3.5 uux: ")
    assert [] == calls


@pytest.mark.parametrize("status", [0, 65, 75, 77])
def test_the_scripts_end_as_the_gateway_does(tmp_path: Path, status: int) -> None:
    recorder = write_recorder(tmp_path / "r", exit=status)
    for script, words in [
        (uux_script(str(recorder.program)), ["-", "bob!rmail", "x@b"]),
        (rmail_script(str(recorder.program)), ["x@b"]),
    ]:
        assert status == call(script, recorder, "/bin/sh", *words)[0].status


def test_rmail_submits_and_ends_the_options(recorder: Recorder) -> None:
    script = rmail_script(f"{recorder.program} --config /etc/g.toml")
    _, (one,) = call(script, recorder, "/bin/sh", "--node", "evil", "x@b")
    expected = ("--config", "/etc/g.toml", "submit", "rmail", "--", "--node", "evil", "x@b")
    assert expected == one.arguments
