"""Changes to a file of our dialect, line by line, so that every other line stays as it is.

TOML can say the same in many ways and this module knows the usual one, ``[neigh.NAME]``
tables. Whatever it did is parsed and compared with what was wanted before it is returned.
"""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

from gateway.config.block import Block
from gateway.config.render import dotted, line
from gateway.config.schema import Tree
from gateway.errors import ConfigError

__all__ = ["add_neighbour", "remove_neighbour", "replace_neighbour"]

_HEADER = re.compile(r"\s*\[\[?(?P<key>[^\[\]]+)\]\]?\s*(?:#.*)?")
_KEY_LINE = re.compile(r"\s*(?P<key>[A-Za-z]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')\s*(?P<comment>#.*)?")
_KEYS = ("id", "exchpub", "signpub", "noisepub")


class _Section(NamedTuple):
    """A table's lines: `top` includes the comment right above its header, `end` no blank lines."""

    path: tuple[str, ...]
    top: int
    header: int
    end: int


def add_neighbour(text: str, name: str, block: Block) -> str:
    """Return the file with a neighbour added behind the others.

    Raises:
        ConfigError: temporary; the file cannot be edited so that it means just that.
    """
    new: Tree = dict(block.keys)
    if block.addrs:
        new["addrs"] = block.addrs
    if block.via:
        new["via"] = list(block.via)
    wanted = tomllib.loads(text)
    wanted.setdefault("neigh", {})[name] = new
    lines = _lines(text)
    others = [section for section in _sections(lines) if section.path[0] == "neigh"]
    at = others[-1].end if others else len(lines)
    added = ["", _header(name), *(line(key, value) for key, value in block.keys.items())]
    added += [line(("addrs", key), address) for key, address in block.addrs.items()]
    added += [line("via", block.via)] if block.via else []
    if at < len(lines) and lines[at].strip():
        added.append("")
    return _checked([*lines[:at], *added, *lines[at:]], wanted)


def replace_neighbour(text: str, name: str, block: Block) -> str:
    """Return the file with the keys of a neighbour replaced and its addresses added.

    Raises:
        ConfigError: temporary; the file cannot be edited so that it means just that.
    """
    wanted = tomllib.loads(text)
    table = wanted["neigh"][name]
    for key in _KEYS:
        table.pop(key, None)
    table.update(block.keys)
    lines = _lines(text)
    found = next((s for s in _sections(lines) if s.path == ("neigh", name)), None)
    if found is None:
        return _checked(lines, wanted)
    kept = []
    comments = {}
    for one in lines[found.header + 1 : found.end]:
        match = _KEY_LINE.fullmatch(one)
        if match is None or match["key"] not in _KEYS:
            kept.append(one)
        elif match["comment"]:
            comments[match["key"]] = f"  {match['comment']}"
    added = [line(key, value) + comments.get(key, "") for key, value in block.keys.items()]
    for key, address in block.addrs.items():
        if table.setdefault("addrs", {}).setdefault(key, address) != address:
            msg = f"neigh.{name}.addrs.{key}: another address stands here already; please change it by hand"
            raise ConfigError(msg)
        if line(("addrs", key), address) not in kept:
            added.append(line(("addrs", key), address))
    return _checked([*lines[: found.header + 1], *added, *kept, *lines[found.end :]], wanted)


def remove_neighbour(text: str, name: str) -> str:
    """Return the file without a neighbour and the comment right above it.

    Raises:
        ConfigError: temporary; the file cannot be edited so that it means just that.
    """
    wanted = tomllib.loads(text)
    del wanted["neigh"][name]
    lines = _lines(text)
    for section in reversed(_sections(lines)):
        if section.path[:2] == ("neigh", name):
            end = _last_value(lines, section)
            while end < len(lines) and not lines[end].strip():
                end += 1
            del lines[section.top : end]
    return _checked(lines, wanted)


def _lines(text: str) -> list[str]:
    """Return the lines as TOML counts them: only a line feed ends one."""
    return text.removesuffix("\n").split("\n")


def _sections(lines: list[str]) -> list[_Section]:
    headers = [(n, path) for n, one in enumerate(lines) if (path := _path(one))]
    tops = [_top(lines, number) for number, _ in headers]
    sections = []
    for (header, path), top, end in zip(headers, tops, [*tops, len(lines)][1:], strict=True):
        while end > header + 1 and not lines[end - 1].strip():
            end -= 1  # noqa: PLW2901 - the blank lines between two tables belong to neither
        sections.append(_Section(path, top, header, end))
    return sections


def _last_value(lines: list[str], section: _Section) -> int:
    """Return where a table ends without the comments that a blank line sets apart from it."""
    end = section.end
    for number in range(section.end - 1, section.header, -1):
        if not lines[number].strip():
            end = number
        elif not lines[number].lstrip().startswith("#"):
            break
    while end > section.header + 1 and not lines[end - 1].strip():
        end -= 1
    return end


def _path(one: str) -> tuple[str, ...]:
    """Return the dotted key of a header line; empty for any other line."""
    found = _HEADER.fullmatch(one)
    if found is None:
        return ()
    try:
        table: object = tomllib.loads(f"{found['key']} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    path = []
    while isinstance(table, dict):
        ((key, table),) = table.items()
        path.append(key)
    return tuple(path)


def _top(lines: list[str], header: int) -> int:
    while header > 0 and lines[header - 1].lstrip().startswith("#"):
        header -= 1
    return header


def _header(name: str) -> str:
    return f"[{dotted(('neigh', name))}]"


def _checked(lines: list[str], wanted: Tree) -> str:
    """Return the text if it means what was wanted, else give up: nothing was written yet."""
    text = "\n".join(lines) + "\n"
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        found = {}
    if {"neigh": {}, **found} != wanted:
        msg = "the file says this in a way that cannot be edited safely; please change it by hand"
        raise ConfigError(msg)
    return text
