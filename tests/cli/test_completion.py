"""Completion, asked by real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.cli import COMMANDS, PIPE_HELP
from gateway.cli.pipes import pipe_command
from gateway.request.words import SWITCHES, VALUES
from tests.real.fetch import Unavailable, fetch
from tests.real.nodes import Node
from tests.real.programs import gateway_script, run_gateway

BATCH = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\nbody\n.\n"
BASH = """
eval "$(gateway completion bash)"
complete -p gateway >/dev/null || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_gateway_completion gateway
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
[ -z "$ZSH_MODULES" ] || module_path=($ZSH_MODULES)
compdef() { defined=$1 }
compadd() { print -l -- "${(@P)@[-1]}" }
_describe() { print -l -- "${(@P)3%%:*}" }
eval "$(gateway completion zsh)"
words=("$@") CURRENT=$#
$defined
"""
FISH = """
gateway completion fish | source
complete --do-complete="$argv"
"""


def shell(name: str, script: str, *words: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Run a script in a real shell that has the command; return what it prints."""
    modules = ""
    program = shutil.which(name)
    if program is None:
        try:
            prefix = fetch(name)
        except (KeyError, Unavailable) as why:
            pytest.skip(f"there is no {name} here: {why}")
        program = str(prefix / "bin" / name)
        modules = " ".join(map(str, prefix.glob("root/usr/lib/*/zsh/*")))
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[name]
    behind = [] if name == "fish" else [name]
    found = subprocess.run(
        [program, *flags, "-c", script, *behind, *words],
        env={
            "PATH": f"{Path(gateway_script()).parent}:{os.environ['PATH']}",
            "HOME": "/",
            "ZSH_MODULES": modules,
        }
        | {**(environ or {})},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert b"" == found.stderr
    return found.stdout.decode().splitlines()


def offered(node: Node, *words: str) -> set[str]:
    return set(shell("bash", BASH, "gateway", "--config", str(node.toml), *words)) - {""}


def test_bash_completes_commands_of_all_kinds(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    assert {*COMMANDS, *PIPE_HELP, "exim", "postfix", "rmail"} == offered(alice, "")
    assert {"canary", "call", "caller"} == offered(alice, "ca")
    assert {"check", "setup"} == offered(alice, "exim", "")
    assert {"--node", "--newer", "--nice"} == offered(alice, "queue", "list", "--n")


def test_bash_completes_names(two_nodes: tuple[Node, Node]) -> None:
    alice, bob = two_nodes
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=BATCH).status
    [packet] = alice.packets("tx", bob)
    assert {"bob"} == offered(alice, "canary", "")
    assert {"bob"} == offered(alice, "exec", "b")
    assert {"bob"} == offered(alice, "toss", "--node", "")
    assert {"cap", "rsmtp"} == offered(alice, "exec", "bob", "")
    assert {packet.name[:12]} == offered(alice, "queue", "show", packet.name[:3])
    assert {packet.name} == offered(alice, "queue", "hold", packet.name[:20])
    assert {"exim", "postfix", "rmail"} <= offered(alice, "plugin", "check", "")
    assert set() == offered(alice, "canary", "x")


def test_nothing_that_is_broken_is_in_its_way(two_nodes: tuple[Node, Node], tmp_path: Path) -> None:
    alice, _ = two_nodes
    alice.head = 'plugins = ["exim", "gone"]'
    alice.write()
    assert {"exec", "exim"} == offered(alice, "ex")
    alice.toml.write_text("not = [toml")
    assert set() == offered(alice, "canary", "")
    assert {"canary"} == offered(alice, "can")
    assert set() == set(shell("bash", BASH, "gateway", "--config", str(tmp_path / "none"), "canary", "")) - {
        ""
    }


def test_zsh_completes(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    words = ("gateway", "--config", str(alice.toml))
    assert {"canary", "call", "caller"} == {*shell("zsh", ZSH, *words, "ca")}
    assert {"bob"} == {*shell("zsh", ZSH, *words, "canary", "")}


def test_fish_completes(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    told = shell("fish", FISH, "gateway canary ", environ={"GATEWAY_CONFIG": str(alice.toml)})
    assert "bob" in told


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_is_printed_wherever_it_is_made(name: str) -> None:
    done = run_gateway("completion", name, environ={"PATH": "/nowhere"})
    assert (0, b"") == (done.status, done.stderr), done
    assert b"_GATEWAY_COMPLETE" in done.stdout


@pytest.mark.parametrize("value", ["bash_complete", "bash_source", "nonsense", ""])
def test_a_command_that_is_given_runs_whatever_the_environment_says(value: str) -> None:
    done = run_gateway("--version", environ={"PATH": "/usr/bin", "_GATEWAY_COMPLETE": value})
    assert (0, True) == (done.status, done.stdout.startswith(b"gateway ")), done


@pytest.mark.parametrize("name", PIPE_HELP)
def test_the_pipe_commands_are_described_with_every_flag_they_take(name: str) -> None:
    names = {option for param in pipe_command(name, "").params for option in param.opts}
    told = {option.strip("-").replace("-", "") for option in names if option.startswith("-")}
    own = {"exec": {"raw"}, "submit": {"node"}, "lmtp": {"node"}}[name]
    assert {*VALUES, *SWITCHES, *own} == told
