"""What holds for every operator command, of ours or a plugin's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from gateway_exim.commands import exim
from gateway_postfix.commands import postfix
from gateway_rmail.commands import rmail

from gateway import cli
from gateway.cli import run_command
from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, gateway_script, run_gateway

NNCP_LIKE = ("toss", "xfer")
LISTING = (("node", "list"), ("plugin", "list"), ("queue", "list"), ("queue", "show"), ("config", "show"))


def commands(
    group: click.Command | None = None, *path: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command of the core with the words that lead to it."""
    if group is None:
        for name in cli.COMMANDS:
            yield from commands(cli.group.get_command(click.Context(cli.group), name), name)
    elif isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, *path, name)
    else:
        yield path, group


COMMANDS = {**dict(commands()), **dict(commands(exim, "exim"))}


@pytest.fixture
def ending() -> Iterator[list[object]]:
    """A plugin's command ``leave`` that ends the process with the one code in the list."""
    codes: list[object] = []

    @cli.group.command("leave")
    def leave() -> None:
        """Leave."""
        sys.exit(codes[0])  # type: ignore[arg-type]

    yield codes
    del cli.group.commands["leave"]


@pytest.mark.parametrize(("code", "status", "said"), [(None, 0, ""), (3, 3, ""), ("no", 1, "gateway: no\n")])
def test_a_plugins_command_may_end_as_programs_do(
    ending: list[object], code: object, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ending.append(code)
    assert status == run_command(["leave"], {})
    assert capsys.readouterr().err.endswith(said)


def test_a_reader_that_went_away_is_1_and_silent() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [gateway_script(), "--help"], stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False
    )
    os.close(write)
    assert (1, b"") == (done.returncode, done.stderr)


@pytest.mark.parametrize("path", LISTING, ids=" ".join)
def test_listing_commands_have_json(path: tuple[str, ...]) -> None:
    assert "--json" in [option for p in COMMANDS[path].params for option in p.opts]


@pytest.mark.parametrize("name", NNCP_LIKE)
def test_commands_like_nncps_take_its_flags(name: str) -> None:
    taken = {option for p in COMMANDS[(name,)].params for option in p.opts}
    assert {"-quiet", "-noprogress", "-node", "-nice"} <= taken


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_explained(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    shown = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    assert [] == [p.opts for p in shown if not p.help or p.help[0].isupper() or p.help.endswith(".")]


@pytest.mark.parametrize(
    "words",
    [(), ("config",), ("node",), ("plugin",), ("queue",), ("exim",), ("postfix",), ("rmail",)],
    ids=" ".join,
)
def test_no_line_of_a_list_of_commands_is_cut_off(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == run_command([*words, "--help"], {})
    listed = capsys.readouterr().out.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


def test_a_file_that_the_system_refuses_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/etc/exim4/x")

    monkeypatch.setattr(cli, "importlib", type("", (), {"import_module": refused}))
    assert 75 == run_command(["toss"], {})
    assert "gateway: /etc/exim4/x: Permission denied\n" == capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "advice"), [("quueue", 'did you mean "queue"?'), ("zzz", "`gateway --help` lists them")]
)
def test_a_command_that_there_is_not_is_told_with_what_may_be_meant(
    word: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 75 == run_command([word], {})
    assert f"No such command '{word}'; {advice}" in capsys.readouterr().err


def test_a_node_that_there_is_not_is_told_with_what_may_be_meant(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    done = alice.gateway("toss", "--node", "bobb")
    assert 75 == done.status
    assert [
        f"gateway: unknown node 'bobb': add [neigh.bobb] to {alice.toml}; did you mean \"bob\"?"
    ] == done.messages


def test_a_disk_that_is_not_mounted_is_not_a_queue_without_work(two_nodes: tuple[Node, Node]) -> None:
    alice, _ = two_nodes
    done = alice.gateway("--spool", "/nowhere/spool", "toss")
    assert (75, True) == (done.status, b"/nowhere/spool: no such file or directory" in done.stderr), done


@pytest.mark.parametrize("plugin", ["exim", "postfix", "rmail"])
def test_a_path_that_an_mta_cannot_follow_is_told_with_what_would_do(plugin: str) -> None:
    done = run_gateway("--config", "here.toml", plugin, "setup", "--node", "bob")
    assert (2, True) == (done.status, b"'here.toml'" in done.stderr and b"the whole path" in done.stderr), (
        done
    )


def test_options_are_told_in_one_way() -> None:
    """A small letter at the beginning, no full stop at the end; names have their own letters."""
    options = [
        option
        for command in {
            **COMMANDS,
            **dict(commands(postfix, "postfix")),
            **dict(commands(rmail, "rmail")),
        }.values()
        for option in command.params
        if isinstance(option, click.Option) and option.help
    ]
    assert len(options) > 100
    wrong = [option.help for option in options if option.help and option.help.endswith(".")]
    assert [] == wrong
    assert {"Postfix's"} >= {
        option.help.split()[0] for option in options if option.help and option.help[0].isupper()
    }
