"""``gateway node``: the neighbours, and the block of keys that makes two nodes neighbours."""

from __future__ import annotations

import io
import json
import os
import stat
import sys

import click

from gateway.cli import Group, Setting
from gateway.cli.names import NODE
from gateway.cli.probe import probe
from gateway.config import edit, toml
from gateway.config.block import Block, hjson_block, read_block, toml_block
from gateway.config.facts import neighbour_facts
from gateway.config.file import read_text
from gateway.config.fingerprint import fingerprint
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
            click.echo(json.dumps({**neighbour_facts(neighbour), "words": fingerprint(neighbour)}))
            continue
        notes = [f"via {', '.join(neighbour.via)}"] if neighbour.via else []
        notes += [f"may use {', '.join(neighbour.handles)}"] if neighbour.handles else []
        click.echo("  ".join([f"{name:<16}", encode(neighbour.id), *notes]))


@command.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.argument("node", type=NODE)
@click.pass_obj
def show(setting: Setting, node: str, *, as_json: bool) -> int:
    """Print what the configuration says of NODE, a name or an id."""
    try:
        neighbour = setting.config().neighbour(node)
    except UnknownNode as unknown:
        setting.say(str(unknown))
        return EX_FAILURE
    if as_json:
        click.echo(json.dumps({**neighbour_facts(neighbour), "words": fingerprint(neighbour)}))
    else:
        click.echo(f"# words: {fingerprint(neighbour)}\n{render_neighbour(neighbour)}")
    return EX_OK


@command.command("self")
@click.option("--nncp", is_flag=True, help="as Hjson, for a neighbour that runs NNCP")
@click.option("--name", metavar="NAME", help="what to be called  [default: `name` of the configuration]")
@click.option("--addr", "addrs", metavar="NAME=HOST:PORT", multiple=True, help="where we answer")
@click.option("--qr", is_flag=True, help="as a QR code, to be read from this terminal")
@click.pass_obj
def self_(setting: Setting, *, nncp: bool, name: str | None, addrs: tuple[str, ...], qr: bool) -> None:
    """Print our own block: the public keys, for a neighbour to add.

    stderr has the words by which the neighbour can tell on the telephone that the keys are ours.
    """
    config = setting.config()
    try:
        name = node_name(name or config.name or os.uname().nodename.split(".")[0])
    except ValueError as wrong:
        msg = f"--name: {wrong}"
        raise UsageError(msg) from wrong
    block = (hjson_block if nncp else toml_block)(config, name, _addresses(addrs))
    click.echo(_qr_code(block) if qr else block, nl=False)
    if not setting.quiet:
        setting.say(f"the words of {name}: {fingerprint(config.neighbours['self'])}")


@command.command()
@click.option("--replace", is_flag=True, help="let new keys take the place of those we know")
@click.argument("name", required=False)
@click.pass_obj
def add(setting: Setting, name: str | None, *, replace: bool) -> int:
    """Add NAME from its block on stdin (TOML or NNCP's Hjson); by default as it calls itself.

    Have its operator read you the words of its keys before you trust it. What NAME may do here is
    for you to write below the keys.
    """
    config = _editable(setting)
    block = read_block(_stdin(setting))
    name = _name(name or block.name)
    text = read_text(config.path)
    _refuse_keys_of_others(config, name, block)
    known = config.neighbours.get(name)
    if known is None:
        return _write(setting, config, edit.add_neighbour(text, name, block), "added", name)
    before = {key: encode(value) for key in block.keys if (value := getattr(known, key)) is not None}
    if before == block.keys and set(block.addrs.items()) <= set(known.addrs.items()):
        setting.say(f"{name} is known with these keys; nothing was changed")
        return EX_OK
    if before != block.keys and not replace:
        setting.say(f"{name} is known with other keys; --replace takes the new ones. Ask its operator first.")
        return EX_FAILURE
    return _write(setting, config, edit.replace_neighbour(text, name, block), "replaced", name)


@command.command()
@click.argument("name")
@click.pass_obj
def remove(setting: Setting, name: str) -> int:
    """Remove NAME from the configuration; its packets stay in the spool."""
    config = _editable(setting)
    if name not in config.neighbours or name == "self":
        setting.say(f"no neighbour {name} in {config.path}")
        return EX_FAILURE
    return _write(setting, config, edit.remove_neighbour(read_text(config.path), name), "removed", name)


def _editable(setting: Setting) -> Config:
    config = setting.config()
    if config.dialect != "toml":
        msg = f"{config.path} is NNCP's: change it by hand, or turn it into ours with `gateway config import`"
        raise UsageError(msg)
    return config


def _name(name: str | None) -> str:
    if name is None:
        msg = "the block does not say whose it is: write NAME behind add"
        raise UsageError(msg)
    if name == "self":
        msg = "self is our own name for ourselves"
        raise UsageError(msg)
    try:
        return node_name(name)
    except ValueError as wrong:
        raise UsageError(str(wrong)) from wrong


def _refuse_keys_of_others(config: Config, name: str, block: Block) -> None:
    """Refuse a block with a key that another node has: calls, or packets, of the one could be the other's."""
    for other in config.neighbours.values():
        for key in ("exchpub", "signpub", "noisepub"):
            value = getattr(other, key)
            if other.name != name and value is not None and block.keys.get(key) == encode(value):
                msg = f"block: {key}: the same as of {other.name}; nothing was changed"
                raise ConfigError(msg)


def _addresses(words: tuple[str, ...]) -> dict[str, str]:
    from gateway.links.call import split_address  # noqa: PLC0415 - sockets, for this option only

    found = {}
    for word in words:
        key, equals, address = word.partition("=")
        try:
            split_address(address)
        except ValueError as wrong:
            raise UsageError(f"--addr: {wrong}") from wrong
        if not (key and equals and address):
            raise UsageError(f"--addr: {word!r}: expected NAME=HOST:PORT")
        found[key] = address
    return found


def _qr_code(text: str) -> str:
    try:
        import segno  # noqa: PLC0415 - for this option only
    except ImportError as missing:
        msg = "--qr needs segno: pip install 'mailgateway[tools]'"
        raise UsageError(msg) from missing
    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, compact=True)
    return out.getvalue()


def _stdin(setting: Setting) -> str:
    if sys.stdin.isatty():
        setting.say("paste the block here, then press Ctrl-D on a line of its own")
    try:
        return sys.stdin.buffer.read(_MAX_BLOCK).decode()
    except UnicodeDecodeError as failure:
        msg = "block: not UTF-8"
        raise ConfigError(msg) from failure


def _write(setting: Setting, config: Config, text: str, done: str, name: str) -> int:
    """Put the changed file in place, if it is a configuration still."""
    changed = toml.read(text, config.path)
    replace_file(config.path, text.encode(), stat.S_IMODE(os.stat(config.path).st_mode))
    if setting.quiet:
        return EX_OK
    node = changed.neighbours.get(name)
    if node is None:
        click.echo(f"{done} {name} in {config.path}")
    else:
        click.echo(f"{done} {name} in {config.path}: id {encode(node.id)}")
        click.echo(f"its words: {fingerprint(node)}")
        click.echo(f"let the operator of {name} read them to you; then `gateway node probe {name}`")
    return EX_OK


command.add_command(probe)
