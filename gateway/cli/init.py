"""``gateway init``: a new node, keys, configuration and spool in one directory."""

from __future__ import annotations

import os

import click

from gateway.cli import Setting
from gateway.config.block import toml_block
from gateway.config.fresh import fresh
from gateway.config.kinds import node_name
from gateway.config.render import render_keys
from gateway.config.toml import read
from gateway.errors import EX_FAILURE, EX_OK, UsageError
from gateway.packet.identity import Identity, encode
from gateway.spool.durable import sync, sync_directory, write_all

_KEYS_NOTE = "# The private keys of {name}. Whoever has this file is {name}.\n"


@click.command("init")
@click.option("--name", metavar="NAME", help="what neighbours may call it  [default: this host's name]")
@click.argument("directory", metavar="DIR", type=click.Path())
@click.pass_obj
def command(setting: Setting, name: str | None, directory: str) -> int:
    """Make a new node in DIR and print the block to send to its neighbours.

    Writes gateway.toml, keys.toml (mode 0600) and the directory spool, or what `gateway --spool`
    names. Nothing that exists is replaced.
    """
    try:
        name = node_name(name or os.uname().nodename.split(".")[0])
    except ValueError as wrong:
        msg = f"--name: {wrong}"
        raise UsageError(msg) from wrong
    directory = os.path.abspath(directory)
    path, keys, spool = (os.path.join(directory, file) for file in ("gateway.toml", "keys.toml", "spool"))
    spool = os.path.abspath(setting.spool) if setting.spool else spool
    if taken := [file for file in (path, keys) if os.path.lexists(file)]:
        setting.say(f"{taken[0]} exists already; nothing was written")
        return EX_FAILURE
    identity = Identity.generate()
    try:
        os.makedirs(directory, mode=0o755, exist_ok=True)
        os.makedirs(spool, mode=0o770, exist_ok=True)
        _write(keys, _KEYS_NOTE.format(name=name) + render_keys(identity) + "\n", 0o600)
        _write(path, fresh(name=name, spool=spool, log=f"{spool}/log", example=_examples()), 0o644)
        sync_directory(directory)
    except OSError as failure:
        setting.say(f"{failure.filename or directory}: {failure.strerror or failure}")
        return EX_FAILURE
    if not setting.quiet:
        setting.say(f"{name} is made in {directory}; this is the block for its neighbours:")
    with open(path, encoding="utf-8") as file:
        click.echo(toml_block(read(file.read(), path), name), nl=False)
    return EX_OK


def _examples() -> tuple[str, ...]:
    """Return keys of two nodes that nobody is, so that the examples are valid."""
    nodes = (Identity.generate(), Identity.generate())
    return tuple(encode(key) for n in nodes for key in (n.id, n.exchpub, n.signpub, n.noisepub))


def _write(path: str, text: str, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        write_all(fd, text.encode(), path)
        sync(fd, path)
    finally:
        os.close(fd)
