"""``gateway node``: the neighbours, and the block of keys that makes two nodes neighbours."""

from __future__ import annotations

import json
import os
import stat
import sys

import click

from gateway.cli import Group, Setting
from gateway.config import edit, toml
from gateway.config.block import Block, hjson_block, read_block, toml_block
from gateway.config.facts import neighbour_facts
from gateway.config.file import read_text
from gateway.config.kinds import node_name
from gateway.config.model import Config
from gateway.config.render import render_neighbour
from gateway.errors import EX_FAILURE, EX_OK, ConfigError, UnknownNode, UsageError
from gateway.packet.identity import encode
from gateway.spool.durable import replace_file

_MAX_BLOCK = 1 << 20


@click.group("node", cls=Group)
def command() -> None:
    """List and change the neighbours; print the block that makes us one."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
@click.pass_obj
def list_(setting: Setting, *, as_json: bool) -> None:
    """List the neighbours: name, id, the way there, and the handles they may use here."""
    for name, neighbour in setting.config().neighbours.items():
        if as_json:
            click.echo(json.dumps(neighbour_facts(neighbour)))
            continue
        notes = [f"via {', '.join(neighbour.via)}"] if neighbour.via else []
        notes += [f"may use {', '.join(neighbour.handles)}"] if neighbour.handles else []
        click.echo("  ".join([f"{name:<16}", encode(neighbour.id), *notes]))


@command.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.argument("node")
@click.pass_obj
def show(setting: Setting, node: str, *, as_json: bool) -> int:
    """Print what the configuration says of NODE, a name or an id."""
    try:
        neighbour = setting.config().neighbour(node)
    except UnknownNode as unknown:
        setting.say(str(unknown))
        return EX_FAILURE
    click.echo(json.dumps(neighbour_facts(neighbour)) if as_json else render_neighbour(neighbour))
    return EX_OK


@command.command("self")
@click.option("--nncp", is_flag=True, help="as Hjson, for a neighbour that runs NNCP")
@click.option("--name", metavar="NAME", help="what to be called  [default: `name` of the configuration]")
@click.pass_obj
def self_(setting: Setting, *, nncp: bool, name: str | None) -> None:
    """Print our own block: the public keys, for a neighbour to add."""
    config = setting.config()
    try:
        name = node_name(name or config.name or os.uname().nodename.split(".")[0])
    except ValueError as wrong:
        msg = f"--name: {wrong}"
        raise UsageError(msg) from wrong
    click.echo(hjson_block(config, name) if nncp else toml_block(config, name), nl=False)


@command.command()
@click.option("--replace", is_flag=True, help="let new keys take the place of those we know")
@click.argument("name")
@click.pass_obj
def add(setting: Setting, name: str, *, replace: bool) -> int:
    """Add NAME from its block on stdin (TOML or NNCP's Hjson).

    Ask its operator for the id by another way before you trust it. What NAME may do here is for
    you to write below the keys.
    """
    config = _editable(setting)
    if name == "self":
        msg = "self is our own name for ourselves"
        raise UsageError(msg)
    try:
        name = node_name(name)
    except ValueError as wrong:
        raise UsageError(str(wrong)) from wrong
    block = read_block(_stdin())
    text = read_text(config.path)
    known = config.neighbours.get(name)
    if known is None:
        return _write(setting, config, edit.add_neighbour(text, name, block), f"added {name}", block)
    before = {key: encode(value) for key in block.keys if (value := getattr(known, key)) is not None}
    if before == block.keys and set(block.addrs.items()) <= set(known.addrs.items()):
        setting.say(f"{name} is known with these keys; nothing was changed")
        return EX_OK
    if before != block.keys and not replace:
        setting.say(f"{name} is known with other keys; --replace takes the new ones. Ask its operator first.")
        return EX_FAILURE
    return _write(setting, config, edit.replace_neighbour(text, name, block), f"replaced {name}", block)


@command.command()
@click.argument("name")
@click.pass_obj
def remove(setting: Setting, name: str) -> int:
    """Remove NAME from the configuration; its packets stay in the spool."""
    config = _editable(setting)
    if name not in config.neighbours or name == "self":
        setting.say(f"no neighbour {name} in {config.path}")
        return EX_FAILURE
    return _write(setting, config, edit.remove_neighbour(read_text(config.path), name), f"removed {name}")


def _editable(setting: Setting) -> Config:
    config = setting.config()
    if config.dialect != "toml":
        msg = f"{config.path} is NNCP's: change it by hand, or turn it into ours with `gateway config import`"
        raise UsageError(msg)
    return config


def _stdin() -> str:
    try:
        return sys.stdin.buffer.read(_MAX_BLOCK).decode()
    except UnicodeDecodeError as failure:
        msg = "block: not UTF-8"
        raise ConfigError(msg) from failure


def _write(setting: Setting, config: Config, text: str, done: str, block: Block | None = None) -> int:
    """Put the changed file in place, if it is a configuration still."""
    toml.read(text, config.path)
    replace_file(config.path, text.encode(), stat.S_IMODE(os.stat(config.path).st_mode))
    if not setting.quiet:
        click.echo(f"{done} in {config.path}" + (f": id {block.keys['id']}" if block else ""))
    return EX_OK
