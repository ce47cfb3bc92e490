"""The operator's command line: one file a command, loaded when it is called.

Every module here has `command`, a click command named as the file. Pipe commands (`exec`,
`submit`) have `run` instead and are never reached through click.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import click

from gateway.errors import (
    EX_FAILURE,
    EX_OK,
    EX_TEMPFAIL,
    EX_USAGE_OPERATOR,
    ConfigError,
    GatewayError,
    UsageError,
)
from gateway.stderr import printable

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.registry import Registry
    from gateway.spool.spool import Spool

COMMANDS = {
    "call": "one online session with a neighbour, as the caller",
    "bundle": "exchange packets as a tar stream (tape, disc, pipe)",
    "caller": "make calls by the neighbours' cron lines",
    "canary": "a packet to ourselves through another node and back, every step timed",
    "completion": "a script by which bash, zsh or fish completes all this",
    "config": "check, show, import and export the configuration",
    "daemon": "answer online sessions; --stdio for ssh, inetd, UCSPI",
    "demo": "three nodes in a temporary directory: a message crosses, every step shown",
    "doctor": "what will not work, why, and the line that mends it",
    "init": "make a new node: keys, configuration, spool",
    "node": "neighbours: list, show, add, remove; print our own block",
    "plugin": "what is installed, enabled, and what it brings",
    "queue": "the spool: list, show, hold, release, retry, remove, check, export, import",
    "serve": "all of it in one resident process: answer, call, deliver",
    "setup": "what a system needs to run the gateway: units for systemd",
    "top": "live: neighbours, queue by age, sessions, what is held, last events",
    "toss": "work through what arrived: verify, then deliver or relay",
    "trace": "what happened to a message, by any of its names",
    "xfer": "exchange packets with a directory (USB stick, shared folder)",
}
PIPE_HELP = {
    "exec": "queue an exec job, body on stdin (nncp-exec's place)",
    "lmtp": "take mail over LMTP on stdin and stdout",
    "submit": "queue mail, read by the ingress that is named",
}

_WHOLE = 1000
"""More characters than any first sentence has."""


class Setting(NamedTuple):
    """What stood before the command: where the configuration and the spool are, how loud to be."""

    config_path: str | None = None
    spool: str | None = None
    log: str | None = None
    quiet: bool = False

    def config(self) -> Config:
        """Load the configuration named on the command line, by the environment, or by default.

        Raises:
            ConfigError: temporary; lists every mistake.
        """
        from gateway.config import load, locate  # noqa: PLC0415 - loaded on demand

        path = locate(self.config_path, os.environ)
        return load(path, spool=self.spool, log=self.log)

    def open_spool(self, config: Config) -> Spool:
        """Return the configuration's spool, after becoming its owner when run as root."""
        from gateway.engine.ground import open_spool  # noqa: PLC0415 - loaded on demand

        return open_spool(config)

    def registry(self, config: Config) -> Registry:
        """Return the plugins of the configuration; what is broken is said on stderr."""
        from gateway.registry import Registry  # noqa: PLC0415 - loaded on demand

        return Registry(config, report=self.say)

    def say(self, text: str) -> None:
        """Write a message to stderr: one line, whatever a peer wrote into it, and never a failure."""
        with suppress(OSError):  # a reader that went away must not cut a pass over the spool short
            click.echo(f"gateway: {printable(text)}", err=True)


class Group(click.Group):
    """A group whose list of commands cuts no line off."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list: each command with its first sentence."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self.lines().items()))

    def lines(self) -> dict[str, str]:
        """Return what each command is for."""
        return {name: command.get_short_help_str(_WHOLE) for name, command in self.commands.items()}


class _Lazy(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *PIPE_HELP, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from gateway.cli.examples import with_examples  # noqa: PLC0415 - loaded on demand

        if cmd_name in PIPE_HELP:
            from gateway.cli.pipes import pipe_command  # noqa: PLC0415 - loaded on demand

            return with_examples(pipe_command(cmd_name, PIPE_HELP[cmd_name]), cmd_name)
        if cmd_name in COMMANDS:
            command = importlib.import_module(f"gateway.cli.{cmd_name}").command
            assert isinstance(command, click.Command)
            return with_examples(command, cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not ctx.resilient_parsing and not args[0].startswith("-"):
            from gateway.config.mistakes import did_you_mean  # noqa: PLC0415 - only for a mistake

            meant = did_you_mean(args[0], known) or "; `gateway --help` lists them"
            ctx.fail(f"No such command {args[0]!r}{meant}")
        return super().resolve_command(ctx, args)

    def lines(self) -> dict[str, str]:
        return {**COMMANDS, **PIPE_HELP, **super().lines()}


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help="configuration (*.toml is ours, anything else NNCP's)")
@click.option("--spool", metavar="DIR", help="spool, in place of the configuration's")
@click.option("--log", metavar="FILE", help="log, in place of the configuration's")
@click.option("-q", "--quiet", is_flag=True, help="say less")
@click.version_option(package_name="mailgateway", message="gateway %(version)s")
def group(**before_the_command: object) -> None:
    """Mail for links that are slow, offline, hostile or one-way."""
    # `gateway.main` has read these already; they stand here for the help page.
    del before_the_command


def run_command(words: Sequence[str], given: Mapping[str, str]) -> int:
    """Run an operator command; status 0, 1 (it said what failed), 2 (usage) or 75 (try again)."""
    setting = Setting(given.get("config"), given.get("spool"), given.get("log"), "quiet" in given)
    if not words and "_GATEWAY_COMPLETE" in os.environ:
        from gateway.cli.completion import complete  # noqa: PLC0415 - loaded on demand

        return complete(group, setting)
    words = [{"-version": "--version"}.get(word, word) for word in words] or ["--help"]
    known = words[0] in COMMANDS or words[0].startswith("-")
    if not known or "--help" in words[:1]:
        add_plugin_commands(setting)
        known = known or words[0] in group.commands
    try:
        result = group.main(words, prog_name="gateway", standalone_mode=False, complete_var="", obj=setting)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except SystemExit as leave:  # click's, when nobody reads the output any more; or a plugin's
        if isinstance(leave.code, str):
            setting.say(leave.code)
        return leave.code if isinstance(leave.code, int) else EX_FAILURE if leave.code else EX_OK
    except (GatewayError, OSError, click.ClickException, click.Abort) as failure:
        return _explain(failure, setting, known=known)
    return result if isinstance(result, int) else EX_OK


def _explain(failure: Exception, setting: Setting, *, known: bool) -> int:
    """Say what failed, every mistake of a configuration on its own line; return the status.

    `known` says whether the command was recognised.
    """
    match failure:
        case ConfigError():
            for mistake in failure.mistakes:
                setting.say(mistake)
            return EX_FAILURE
        case UsageError():
            setting.say(str(failure))
            return EX_USAGE_OPERATOR
        case GatewayError():
            setting.say(str(failure))
            return EX_FAILURE if failure.permanent else EX_TEMPFAIL
        case OSError():
            setting.say(f"{failure.filename}: {failure.strerror}" if failure.filename else str(failure))
            return EX_TEMPFAIL
        case click.ClickException():
            failure.show()
            return EX_USAGE_OPERATOR if known else EX_TEMPFAIL
        case _:
            setting.say("aborted")
            return EX_FAILURE


def add_plugin_commands(setting: Setting) -> None:
    """Let the plugins add their commands; without a configuration, all that are installed."""
    from gateway.registry import add_commands  # noqa: PLC0415 - loaded on demand

    try:
        config: Config | None = setting.config()
    except GatewayError:
        config = None
    add_commands(group, config, report=setting.say)
