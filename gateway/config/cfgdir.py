"""NNCP's directory layout, the same tree as files (NNCP SPEC 9.3): read and write.

Texts and numbers are files of one line, lists are files of lines, flags are files that
exist, tables are directories. Which of these a file is, the schema knows.
"""

from __future__ import annotations

import os
import re

from gateway.config.mistakes import shown
from gateway.config.schema import NNCP, Kind, Schema, Tree
from gateway.errors import ConfigError

__all__ = ["read", "write"]

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def read(path: str) -> Tree:
    """Return the tree that the directory `path` holds, as the Hjson reader would.

    Raises:
        ConfigError: temporary; unreadable, or not UTF-8.
    """
    try:
        return _read_table(path, NNCP)
    except OSError as failure:
        msg = f"{failure.filename or path}: cannot be read: {failure.strerror or failure}"
        raise ConfigError(msg) from failure


def _read_table(path: str, schema: Schema) -> Tree:
    table: Tree = {}
    for name in sorted(os.listdir(path)):
        kind = schema.get(name, schema.get("*"))
        if name.startswith(".") or kind is None:
            continue
        here = os.path.join(path, name)
        if isinstance(kind, Kind):
            if os.path.isfile(here):
                table[name] = _read_file(here, kind)
        elif os.path.isdir(here):
            if isinstance(kind, list):
                numbered = sorted((n for n in os.listdir(here) if n.isascii() and n.isdigit()), key=int)
                table[name] = [_read_table(os.path.join(here, number), kind[0]) for number in numbered]
            else:
                table[name] = _read_table(here, kind)
    return table


def _read_file(path: str, kind: Kind) -> object:
    if kind.shape == "flag":
        return True
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read().removesuffix("\n")
    except UnicodeDecodeError as failure:
        msg = f"{path}: not UTF-8"
        raise ConfigError(msg) from failure
    if kind.shape == "words":
        return text.split("\n")
    if kind.shape == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    return text


def write(path: str, tree: Tree) -> tuple[str, ...]:
    """Write a tree into the directory `path`, which must not exist or be empty.

    Files whose name ends in ``prv`` get mode 0600. Returns a line ``key: text`` for everything
    that cannot be a file of this layout and was left out.

    Raises:
        ConfigError: temporary; the place is taken or cannot be written.
    """
    losses: list[str] = []
    try:
        os.makedirs(path, exist_ok=True)
        if os.listdir(path):
            msg = f"{path}: not empty; nothing was written"
            raise ConfigError(msg)
        _write_table(path, tree, NNCP, "", losses)
    except OSError as failure:
        msg = f"{failure.filename or path}: cannot be written: {failure.strerror or failure}"
        raise ConfigError(msg) from failure
    return tuple(losses)


def _write_table(path: str, table: Tree, schema: Schema, key: str, losses: list[str]) -> None:
    for name, value in table.items():
        kind = schema.get(name, schema.get("*"))
        here, named = os.path.join(path, name), f"{key}{shown(name)}"
        if kind is None:
            losses.append(f"{named}: unknown, and so without a place in the directory layout; left out")
        elif not name or name.startswith(".") or "/" in name:
            losses.append(f"{named}: the directory layout has no such name; left out")
        elif isinstance(kind, Kind):
            if (text := _file_text(value, kind)) is None:
                losses.append(f"{named}: a text of several lines would be read as a list; left out")
            elif value is not False:
                _write_file(here, text)
        else:
            os.mkdir(here)
            if isinstance(kind, list):
                for number, item in enumerate(value):
                    os.mkdir(f"{here}/{number}")
                    _write_table(f"{here}/{number}", item, kind[0], f"{named}[{number}].", losses)
            else:
                _write_table(here, value, kind, f"{named}.", losses)


def _file_text(value: object, kind: Kind) -> str | None:
    if kind.shape == "flag":
        return ""
    lines = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    return None if any("\n" in line for line in lines) else "\n".join(lines) + "\n"


def _write_file(path: str, text: str) -> None:
    mode = 0o600 if path.endswith("prv") else 0o666
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "w", encoding="utf-8", newline="") as file:
        file.write(text)
