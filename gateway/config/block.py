"""The block of public keys that two operators exchange: ours to print, theirs to read.

A block says who a node is and where it answers. What it may do here is for us to say, so a
block that brings commands is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.config.hjson import HjsonError, dump, parse
from gateway.config.mistakes import Mistakes
from gateway.config.model import NOTHING, Config, Neighbour
from gateway.config.render import render_neighbour
from gateway.config.schema import KEY, TEXT, WORDS, Schema, Tree, match
from gateway.errors import ConfigError
from gateway.packet.identity import encode

__all__ = ["Block", "hjson_block", "read_block", "toml_block"]

_REQUIRED = ("id", "exchpub", "signpub")
_KEYS: Schema = {
    "id": KEY,
    "exchpub": KEY,
    "signpub": KEY,
    "noisepub": KEY,
    "addrs": {"*": TEXT},
    "via": WORDS,
}


class Block(NamedTuple):
    """Who a neighbour is: keys in text form, checked; its own name for itself, if it gave one."""

    name: str | None
    keys: dict[str, str]
    addrs: dict[str, str]
    via: tuple[str, ...]


def toml_block(config: Config, name: str, addrs: Mapping[str, str] = NOTHING) -> str:
    """Return the [neigh.NAME] table that a neighbour adds to know us; `addrs` is where we answer."""
    return render_neighbour(_public(config, name, addrs)) + "\n"


def hjson_block(config: Config, name: str, addrs: Mapping[str, str] = NOTHING) -> str:
    """Return the same for a neighbour that runs NNCP, a member of its ``neigh``."""
    us = _public(config, name, addrs)
    keys = {key: getattr(us, key) for key in ("id", "exchpub", "signpub", "noisepub")}
    tree: Tree = {key: encode(value) for key, value in keys.items() if value is not None}
    return dump({name: {**tree, "addrs": dict(addrs)} if addrs else tree})[2:-2] + "\n"


def _public(config: Config, name: str, addrs: Mapping[str, str]) -> Neighbour:
    us = config.neighbours["self"]
    return Neighbour(name, us.id, us.exchpub, us.signpub, us.noisepub, addrs=addrs)


def read_block(text: str) -> Block:
    """Return what a block says, in either dialect: with its name around it, or the keys alone.

    Raises:
        ConfigError: temporary; every mistake.
    """
    name, table = _only_table(_tree(text))
    for key in ("exec", "freq", "incoming", "calls"):
        if key in table:
            msg = f"block: {key}: what a neighbour may do here is not for its block to say; remove it"
            raise ConfigError(msg)
    mistakes = Mistakes("block")
    matched = match(table, _KEYS, mistakes, foreign=False)
    for key in _REQUIRED:
        if key not in matched and not mistakes.has(key):
            mistakes.add(key, "missing")
    for address in [key for key, value in matched.get("addrs", {}).items() if value.startswith("|")]:
        mistakes.add(f"addrs.{address}", "a command to run here is not for a block to say; remove it")
    mistakes.raise_if_any()
    keys = {key: encode(matched[key]) for key in (*_REQUIRED, "noisepub") if key in matched}
    return Block(name, keys, matched.get("addrs", {}), matched.get("via", ()))


def _tree(text: str) -> Tree:
    import tomllib  # noqa: PLC0415 - only where blocks are read

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as no_toml:
        try:
            tree = parse(text)
        except HjsonError as no_hjson:
            msg = f"block: neither TOML ({no_toml}) nor Hjson ({no_hjson})"
            raise ConfigError(msg) from no_hjson
    return tree


def _only_table(tree: Tree) -> tuple[str | None, Tree]:
    """Return the one node's name and table, whether it stands in ``neigh``, by its name, or alone."""
    if "id" in tree:
        return None, tree
    nodes = tree.get("neigh", tree)
    if not isinstance(nodes, dict) or len(nodes) != 1 or not isinstance(next(iter(nodes.values())), dict):
        msg = "block: the keys of exactly one node were expected, as `gateway node self` prints them"
        raise ConfigError(msg)
    return next(iter(nodes.items()))
