"""``gateway config``: what is wrong with the configuration, what it says, and NNCP's form of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from gateway.cli import Group, Setting
from gateway.config import cfgdir, load, toml
from gateway.config.advice import warnings
from gateway.config.export import export
from gateway.config.facts import facts
from gateway.config.hjson import dump
from gateway.config.mistakes import did_you_mean, shown
from gateway.config.render import render, render_keys
from gateway.config.source import NNCP_PLACE, NNCP_VARIABLE
from gateway.errors import EX_FAILURE, EX_OK, ConfigError, PluginError, UsageError
from gateway.journal.place import place_of
from gateway.spool.durable import replace_file

if TYPE_CHECKING:
    from gateway.config.model import Config, Handle
    from gateway.mta import Egress
    from gateway.registry import Registry

_IMPORTED = """\
# From {source}, by `gateway config import`.
#
# `form = "raw"` and `arguments = "any"` are what a bare command means to NNCP: it gets the body
# and every argument that the neighbour cares to send. Without these two keys, and without `-t`,
# the handles rsmtp, rmail and sendmail get checked mail and its recipients only.

"""


@click.group("config", cls=Group)
def command() -> None:
    """Check and show the configuration; read and write NNCP's."""


@command.command()
@click.pass_obj
def check(setting: Setting) -> int:
    """Name every mistake at once, and what is allowed but hardly meant.

    Plugins are loaded, and asked what they bring. Status 0 with warnings alone, 1 with mistakes.
    """
    config = setting.config()
    mistakes = list(_of_the_plugins(config, setting.registry(config)))
    found = warnings(config)
    for warning in found:
        setting.say(f"warning: {warning}")
    for mistake in mistakes:
        setting.say(f"{config.path}: {mistake}")
    if mistakes:
        return EX_FAILURE
    if not setting.quiet:
        count = f", {len(found)} warning{'s' * (len(found) > 1)}" if found else ""
        others = len(config.neighbours) - 1
        click.echo(f"{config.path}: {others} neighbour{'s' * (others != 1)}, no mistake{count}")
    return EX_OK


def _of_the_plugins(config: Config, registry: Registry) -> Iterator[str]:
    """Yield the mistakes that only the plugins can tell from what is right: ``key: text``."""
    try:
        place_of(config)
    except ConfigError as wrong:
        yield from (mistake.removeprefix(f"{config.path}: ") for mistake in wrong.mistakes)
    whole = True
    egresses: dict[str, Egress] = {}
    for loaded in registry.loaded:
        try:
            egresses |= {egress.name: egress for egress in registry.brings(loaded)[1]}
        except PluginError as broken:
            whole = False
            yield f"plugins: {broken}"
    for name, neighbour in config.neighbours.items():
        for handle in neighbour.handles.values() if whole else ():
            if handle.egress not in egresses:
                key = f"neigh.{shown(name)}.exec.{shown(handle.name)}.egress"
                near = did_you_mean(handle.egress, egresses)
                yield f'{key}: no plugin brings "{handle.egress}"{near}'
                continue
            for mistake in _of_the_options(egresses[handle.egress], handle):
                yield f"neigh.{shown(name)}.{mistake}"


def _of_the_options(egress: Egress, handle: Handle) -> Sequence[str]:
    """Return what an egress says against the options of a handle, if it says anything of them."""
    check = getattr(egress, "check", None)
    if check is None:
        return ()
    try:
        check(handle.name, handle.options)
    except ConfigError as failure:
        return failure.mistakes
    except Exception as crash:  # a plugin's: it must not hide what is wrong elsewhere
        return (f"exec.{shown(handle.name)}: the egress {egress.name} cannot check it: {crash!r}",)
    return ()


@command.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.pass_obj
def show(setting: Setting, *, as_json: bool) -> None:
    """Print what the configuration says, in our dialect, without private keys."""
    config = setting.config()
    if as_json:
        click.echo(json.dumps(facts(config)))
    else:
        click.echo(f"# {config.path}\n{render(config, private=False)}", nl=False)


@command.command("import")
@click.option("--keys", metavar="FILE", help="write our keys into FILE (0600), not into the text")
@click.option("--output", "-o", metavar="FILE", help="write the text into FILE (0600)  [default: stdout]")
@click.argument("source", metavar="[FILE|DIR]", required=False)
@click.pass_obj
def import_(setting: Setting, keys: str | None, output: str | None, source: str | None) -> int:
    """Turn NNCP's configuration into ours: the file or directory given, or $NNCPCFG, or NNCP's own place.

    The text holds our private keys unless --keys names another file for them.
    """
    source = source or setting.config_path or os.environ.get(NNCP_VARIABLE) or NNCP_PLACE
    config = load(source, environ={}, spool=setting.spool, log=setting.log)
    if config.dialect != "nncp":
        msg = f"{source} is in our dialect already"
        raise UsageError(msg)
    for path in filter(None, (keys, output)):
        if os.path.lexists(path):
            setting.say(f"{path} exists already; nothing was written")
            return EX_FAILURE
    named = None
    if keys is not None and config.identity is not None:
        named = os.path.relpath(keys, os.path.dirname(output) or ".") if output else os.path.abspath(keys)
        replace_file(keys, (render_keys(config.identity) + "\n").encode(), 0o600)
    text = _IMPORTED.format(source=source) + render(config, keys=named)
    if output is None:
        click.echo(text, nl=False)
    else:
        replace_file(output, text.encode(), 0o600)
    for key in [key for key in config.extra if f"\n{key} = " not in text]:
        setting.say(f"warning: {source}: {key}: unknown, left out")
    return _doubts(setting, text, output or os.path.abspath("gateway.toml"))


def _doubts(setting: Setting, text: str, path: str) -> int:
    """Say what NNCP accepts and our dialect does not."""
    try:
        toml.read(text, path)
    except ConfigError as failure:
        for mistake in failure.mistakes:
            setting.say(f"please mend by hand: {mistake}")
        return EX_FAILURE
    return EX_OK


@command.command("export")
@click.option("--directory", metavar="DIR", help="write NNCP's directory layout into DIR")
@click.pass_obj
def export_(setting: Setting, directory: str | None) -> None:
    """Print the configuration as NNCP's Hjson, private keys included; on stderr what it cannot express."""
    tree, losses = export(setting.config())
    if directory is None:
        click.echo(dump(tree))
    else:
        losses += cfgdir.write(directory, tree)
    for loss in losses:
        setting.say(f"warning: {loss}")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def reference(*, as_json: bool) -> None:
    """Print every key of our dialect: what it may be, what holds without it, what it means."""
    from gateway.config.reference import SECTIONS, rows, table  # noqa: PLC0415 - long, and rarely asked for

    for section in SECTIONS:
        if as_json:
            for row in rows(section):
                click.echo(json.dumps({"section": section, **row._asdict()}))
        else:
            click.echo(f"## {section}\n\n{table(section)}")
