"""What is allowed in a configuration, yet hardly meant: warnings for `gateway config check`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from gateway.config.glance import glance
from gateway.config.mistakes import shown
from gateway.config.model import Config, Handle, Neighbour
from gateway.config.schema import NNCP

__all__ = ["open_key_files", "warnings"]

_OTHERS = stat.S_IROTH | stat.S_IWOTH


def warnings(config: Config) -> list[str]:
    """Return one line ``file: key: text`` for everything a person should look at."""
    found = [
        *_key_files(config),
        *(f"{config.path}: {line}" for line in _of_the_file(config)),
    ]
    if config.dialect == "nncp":
        unknown = [key for key in config.extra if key not in NNCP]
        found += [f"{config.path}: {shown(key)}: unknown to NNCP and to us; ignored" for key in unknown]
    return found


def _of_the_file(config: Config) -> Iterator[str]:
    yield from _own_keys(config)
    yield from _nodes(config)
    yield from _plugins(config)
    yield from _out_of_sight(config)


def open_key_files(config: Config) -> Iterator[tuple[str, int]]:
    """Yield the files of private keys that are open to others, each with the bits of its mode to take away.

    Raises:
        OSError: a file is there and cannot be looked at.
    """
    for name in config.key_files:
        files = [name]
        if os.path.isdir(name):
            own = os.path.join(name, "self")
            files = [os.path.join(own, file) for file in sorted(os.listdir(own)) if file.endswith("prv")]
        for file in files:
            try:
                mode = os.stat(file).st_mode
            except FileNotFoundError:
                continue  # it was there when it was read; whoever takes it away knows
            if wrong := mode & (_OTHERS | stat.S_IWGRP):
                yield file, wrong


def _key_files(config: Config) -> Iterator[str]:
    for file, wrong in open_key_files(config):
        mode = stat.S_IMODE(os.stat(file).st_mode)
        if wrong & _OTHERS:
            yield f"{file}: private keys open to every user (mode {mode:04o}): chmod o-rw {file}"
        else:
            yield f"{file}: private keys that the group may write (mode {mode:04o}): chmod g-w {file}"


def _own_keys(config: Config) -> Iterator[str]:
    identity = config.identity
    if identity is None:
        yield "self: no keys of our own: nothing can be sealed or opened with this configuration"
        return
    from nacl import bindings  # noqa: PLC0415 - only for keys of our own

    if identity.signprv[32:] != identity.signpub:
        yield "self.signprv: does not belong to signpub"
    for kind in ("exch", "noise"):
        private, public = getattr(identity, f"{kind}prv"), getattr(identity, f"{kind}pub")
        if bindings.crypto_scalarmult_base(private) != public:
            yield f"self.{kind}prv: does not belong to {kind}pub"
    me = config.neighbours.get("self")
    if me is not None:
        for key in ("id", "exchpub", "signpub", "noisepub"):
            if getattr(me, key) not in (None, getattr(identity, key)):
                yield f"neigh.self.{key}: not that of self"


def _nodes(config: Config) -> Iterator[str]:
    from gateway.packet.identity import node_id  # noqa: PLC0415 - loads libsodium

    owner: dict[bytes, str] = {}
    for name, neighbour in config.neighbours.items():
        key = f"neigh.{shown(name)}"
        if neighbour.id != node_id(neighbour.signpub):
            yield f"{key}.id: not the hash of signpub, as NNCP makes it; allowed, but is it a slip?"
        first = owner.setdefault(neighbour.id, name)
        if first != name:
            yield f"{key}.id: the same id as {first}"
        yield from _way(neighbour, key, config)
        for handle in neighbour.handles.values():
            if handle.command and not handle.command[0].startswith("/"):
                yield f"{key}.exec.{shown(handle.name)}: {handle.command[0]} is searched for along PATH"
            if _is_unread(handle) and (neighbour.accept.senders, neighbour.accept.recipients) != (None, None):
                yield (
                    f"{key}.exec.{shown(handle.name)}: its program gets the body unread, past accept.senders"
                    " and accept.recipients: give it an egress that reads mail"
                )


def _is_unread(handle: Handle) -> bool:
    """Whether a body reaches a program without anybody having looked for its envelope."""
    letter = handle.form in ("rmail", "sendmail") and handle.arguments == "recipients"
    return handle.egress == "command" and handle.form != "bsmtp" and not letter


def _out_of_sight(config: Config) -> Iterator[str]:
    """Warn of a socket that pipe commands will not find, since they have no time to read TOML."""
    if config.serve.submit is None:
        return
    try:
        with open(config.path, "rb") as file:
            seen = glance(file.read())
    except OSError:
        return  # it was there when it was read
    if seen is None or seen[1] != config.serve.submit:
        yield (
            'serve.submit: pipe commands do not find it: write `spool = "/…"` above all tables, and'
            ' `submit = "/…"` on a line of its own below `[serve]`'
        )


def _plugins(config: Config) -> Iterator[str]:
    if config.plugins is not None:
        for name in config.plugin:
            if name not in config.plugins:
                yield f"plugin.{shown(name)}: nobody reads it, since `plugins` does not name {name}"


def _way(neighbour: Neighbour, key: str, config: Config) -> Iterator[str]:
    if neighbour.name in neighbour.via or "self" in neighbour.via:
        yield f"{key}.via: leads through the node itself, or through us"
    for relay in neighbour.via:
        if relay in config.neighbours and neighbour.name in config.neighbours[relay].via:
            yield f"{key}.via: {relay} is itself reached through {neighbour.name}"
