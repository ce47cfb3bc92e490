"""``gateway completion``: what makes a shell complete our commands; and the completing itself."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

if TYPE_CHECKING:
    from gateway.cli import Setting

VARIABLE = "_GATEWAY_COMPLETE"
"""Set by the script, with what it wants of us."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    r"""Print the script by which SHELL completes commands, options, nodes, packets and handles.

    \b
    bash:  gateway completion bash > ~/.local/share/bash-completion/completions/gateway
    zsh:   gateway completion zsh > DIRECTORY-IN-FPATH/_gateway
    fish:  gateway completion fish > ~/.config/fish/completions/gateway.fish
    """
    click.echo(script(shell), nl=False)


def script(shell: str) -> str:
    """Return the script for ``bash``, ``zsh`` or ``fish``."""
    from gateway.cli import group  # noqa: PLC0415 - it is above us

    kind = get_completion_class(shell)
    assert kind is not None, "click knows all of them"
    with redirect_stderr(io.StringIO()):  # click looks which bash there is; where there is none, that is well
        return f"{kind(group, {}, 'gateway', VARIABLE).source().strip()}\n"


def complete(group: click.Group, setting: Setting) -> int:
    """Print what could stand where the cursor is; nothing that goes wrong is told."""
    from click.shell_completion import shell_complete  # noqa: PLC0415 - only to complete

    from gateway.cli import COMMANDS, PIPE_HELP, add_plugin_commands  # noqa: PLC0415 - as above

    words = os.environ.get("COMP_WORDS", "").split()
    if not any(word in COMMANDS or word in PIPE_HELP for word in words[1:]):
        # A plugin may print, or end the process.
        with suppress(Exception, SystemExit), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            add_plugin_commands(setting)
    with suppress(Exception):
        return shell_complete(group, {"obj": setting}, "gateway", VARIABLE, os.environ[VARIABLE])
    return 1
