"""Our own dialect: TOML, with the private keys in the file or in one beside it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping

from gateway.config import handles as handle_values
from gateway.config import kinds
from gateway.config.build import build
from gateway.config.file import read_text
from gateway.config.mistakes import Mistakes, did_you_mean, shown
from gateway.config.model import Config, Handle
from gateway.config.schema import TOML, TOML_KEYS, Tree, match
from gateway.errors import ConfigError

__all__ = ["read"]


def read(text: str, path: str, *, spool: str | None = None, log: str | None = None) -> Config:
    """Return the configuration that `text`, of the file `path`, holds.

    `spool` and `log` stand for those of the file. A file of keys that `self` names is read
    too, relative to `path`.

    Raises:
        ConfigError: temporary; every mistake, or the line where the text is no TOML.
    """
    tree = _parse(text, path)
    mistakes = Mistakes(path)
    keys, key_file = _keys(tree.pop("self", None), path, mistakes)
    matched = match(tree, TOML, mistakes, foreign=False)
    if keys is not None:
        matched["self"] = keys
    _check_references(matched, mistakes)

    def handles(key: str, values: Tree) -> dict[str, Handle]:
        found = {
            n: handle_values.from_toml(n, v, mistakes, f"{key}.exec.{shown(n)}") for n, v in values.items()
        }
        return {name: handle for name, handle in found.items() if handle is not None}

    return build(
        matched,
        mistakes,
        path=path,
        dialect="toml",
        spool=spool,
        log=log,
        handles=handles,
        key_files=(key_file,) if key_file else (),
    )


def _parse(text: str, path: str) -> Tree:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        what, _, where = str(failure).partition(" (at ")
        where = where.removesuffix(")") or "end of document"
        msg = f"{path}: {where}: {what[:1].lower()}{what[1:]}"
        raise ConfigError(msg) from failure
    except RecursionError:
        msg = f"{path}: nested too deeply"
        raise ConfigError(msg) from None
    except ValueError as failure:  # a number of thousands of digits
        msg = f"{path}: {failure}"
        raise ConfigError(msg) from failure


def _keys(value: object, path: str, mistakes: Mistakes) -> tuple[Tree | None, str | None]:
    """Return our keys, and the file they came from; mistakes in that file are noted under its name."""
    if value is None:
        return None, None
    if not isinstance(value, str):
        return match(value, TOML_KEYS, mistakes, foreign=False, key="self"), path
    key_file = os.path.join(os.path.dirname(path), value)
    beside = Mistakes(key_file)
    keys: Tree = {}
    try:
        keys = match(_parse(read_text(key_file), key_file), TOML_KEYS, beside, foreign=False)
        for name in TOML_KEYS:
            if name not in keys and not beside.has(name):
                beside.add(name, "missing")
        beside.raise_if_any()
    except ConfigError as failure:
        mistakes.add_elsewhere("self", failure.mistakes)
        return None, key_file
    return keys, key_file


def _check_references(tree: Tree, mistakes: Mistakes) -> None:
    """Note what names no node, what leads in a circle and ids that are used twice.

    NNCP accepts the last two; in a file of ours they are slips.
    """
    nodes = {name: branch for name, branch in tree.get("neigh", {}).items() if name != "self"}
    for name, branch in nodes.items():
        try:
            kinds.node_name(name)
        except ValueError as wrong:
            mistakes.add(f"neigh.{shown(name)}", str(wrong))
        _check_via(name, branch.get("via", ()), nodes, mistakes)
    owner: dict[bytes, str] = {tree["self"]["id"]: "self"} if "id" in tree.get("self", {}) else {}
    for name, branch in nodes.items():
        if "id" in branch and owner.setdefault(branch["id"], name) != name:
            mistakes.add(f"neigh.{shown(name)}.id", f"the same id as {owner[branch['id']]}")
    known = [*nodes, "self"]
    for domain, node in tree.get("routes", {}).items():
        if node not in known:
            mistakes.add(f"routes.{shown(domain)}", f'no node "{node}" here{did_you_mean(node, known)}')


def _check_via(name: str, via: tuple[str, ...], nodes: Mapping[str, Tree], mistakes: Mistakes) -> None:
    key = f"neigh.{shown(name)}.via"
    if name in via or "self" in via:
        mistakes.add(key, "a packet cannot reach a node through itself, or through us")
    elif len(set(via)) < len(via):
        mistakes.add(key, "the same relay twice")
    elif _leads_back(name, via, nodes):
        mistakes.add(key, "a circle: a relay on this way is itself reached through this node")


def _leads_back(name: str, via: tuple[str, ...], nodes: Mapping[str, Tree]) -> bool:
    seen: set[str] = set()
    waiting = list(via)
    while waiting:
        hop = waiting.pop()
        if hop not in seen and hop in nodes:
            seen.add(hop)
            waiting.extend(nodes[hop].get("via", ()))
    return name in seen
