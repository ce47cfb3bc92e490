"""The Hjson of NNCP's configuration files: text to plain values and back (NNCP SPEC 9.1).

Hjson has no test suite that implementations agree on, and hjson-py differs from what NNCP
links in places that change meaning: which strings need no quotes, what ends them, what a
carriage return does. A file must mean here exactly what it means to NNCP, so this is a
reader of that dialect and of nothing else.

Values are dict, list, str, int, float, bool and None.
"""

from __future__ import annotations

import re
from typing import NoReturn

from gateway.errors import ConfigError

__all__ = ["HjsonError", "dump", "parse"]

# Deeper than any real file by far, shallower than the interpreter's own limit.
_MAX_DEPTH = 100

# No possessive group here: up to Python 3.11.2 one that fails inside keeps what it had eaten.
_SPACE = re.compile(r"(?:[\x00-\x20]++|#[^\n]*+|//[^\n]*+|/\*(?s:.*?)\*/)*")
_KEY = re.compile(r"[^\x00-\x20{}\[\],:\"'][^\x00-\x20{}\[\],:]*+")
_BEFORE_COLON = re.compile(r"[\x00-\x20]*+")
_QUOTED = {quote: re.compile(rf"{quote}([^{quote}\\\r\n]*+){quote}") for quote in "\"'"}
_SCALAR = re.compile(
    r"(?:(?P<word>true|false|null)|(?P<number>-?(?:0|[1-9][0-9]*+)(?P<real>(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]++)?)))"
    r"[\x00-\x09\x0b\x0c\x0e-\x20]*+(?=[,}\]#\r\n]|/[/*]|\Z)"
)
_LINE = re.compile(r"[^\r\n]*+")
_INDENT = re.compile(r"[\x00-\x09\x0b-\x20]*+")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.*][A-Za-z0-9_.*-]*")
_MAX_EXACT = 15


class HjsonError(ConfigError):
    """The text is not Hjson; `number` is the line, counted from 1."""

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text
        super().__init__(f"line {number}: {text}")


def parse(text: str) -> dict[str, object]:
    """Return the root object of a file, with or without its braces; of equal keys the last wins.

    Raises:
        HjsonError: temporary; what was expected, and on which line.
    """
    return _Reader(text).root()


class _Reader:
    """One pass over the text; every method takes a position and returns a value and the next."""

    def __init__(self, text: str) -> None:
        self.text = text

    def fail(self, position: int, what: str) -> NoReturn:
        raise HjsonError(self.text.count("\n", 0, position) + 1, what)

    def space(self, position: int) -> int:
        found = _SPACE.match(self.text, position)
        end = found.end() if found else position
        if self.text.startswith("/*", end):
            self.fail(end, "this comment is never closed")
        return end

    def at(self, position: int) -> str:
        return self.text[position : position + 1]

    def root(self) -> dict[str, object]:
        if self.text.startswith("\ufeff"):
            self.fail(0, "the file begins with a byte order mark, which NNCP does not read")
        position = self.space(0)
        if self.at(position) == "{":
            value, position = self.members(position + 1, "}", 1)
            position = self.space(position)
            if position < len(self.text):
                self.fail(position, "nothing may follow the closing brace of the file")
            return value
        return self.members(position, "", 1)[0]

    def members(self, position: int, closing: str, depth: int) -> tuple[dict[str, object], int]:
        """Read members up to `closing`; the empty `closing` means the end of the text."""
        start = position
        members: dict[str, object] = {}
        position = self.space(position)
        while self.at(position) != closing:
            if not self.at(position):
                self.fail(
                    start, "this { is never closed (a string without quotes swallows the rest of its line)"
                )
            key, position = self.key(position)
            members[key], position = self.value(self.space(position), depth)
            position = self.separator(position)
        return members, position + 1

    def separator(self, position: int) -> int:
        position = self.space(position)
        return self.space(position + 1) if self.at(position) == "," else position

    def key(self, position: int) -> tuple[str, int]:
        if self.at(position) in ('"', "'"):
            key, position = self.quoted(position)
            position = self.space(position)
        else:
            found = _KEY.match(self.text, position)
            if found is None:
                self.fail(position, f"a key was expected, not {self.at(position)!r}")
            key = found.group()
            after = _BEFORE_COLON.match(self.text, found.end())
            position = after.end() if after else found.end()
        if self.at(position) != ":":
            self.fail(
                position, f"a colon was expected after the key {key!r} (quote a key that holds white space)"
            )
        return key, position + 1

    def value(self, position: int, depth: int) -> tuple[object, int]:
        if depth > _MAX_DEPTH:
            self.fail(position, "nested too deeply")
        first = self.at(position)
        if not first or first in "}],:":
            self.fail(position, f"a value was expected, not {first!r}" if first else "a value was expected")
        match first:
            case "{":
                return self.members(position + 1, "}", depth + 1)
            case "[":
                return self.array(position + 1, depth + 1)
            case "'" if self.text.startswith("'''", position):
                return self.multiline(position)
            case '"' | "'":
                return self.quoted(position)
            case _:
                return self.quoteless(position)

    def array(self, position: int, depth: int) -> tuple[list[object], int]:
        start = position
        items: list[object] = []
        position = self.space(position)
        while self.at(position) != "]":
            if not self.at(position):
                self.fail(
                    start, "this [ is never closed (a string without quotes swallows the rest of its line)"
                )
            item, position = self.value(position, depth)
            items.append(item)
            position = self.separator(position)
        return items, position + 1

    def quoteless(self, position: int) -> tuple[object, int]:
        """Read a word or number that ends where one may end, else a string to the end of the line."""
        found = _SCALAR.match(self.text, position)
        if found is not None:
            word = found["word"]
            if word is not None:
                return _WORDS[word], found.end()
            number = _number(found["number"], real=bool(found["real"]))
            if number is not None:
                return number, found.end()
        line = _LINE.match(self.text, position)
        end = line.end() if line else position
        return self.text[position:end].rstrip(), end

    def quoted(self, position: int) -> tuple[str, int]:
        quote = self.text[position]
        found = _QUOTED[quote].match(self.text, position)
        if found is not None:
            return found[1], found.end()
        return self.escaped(position, quote)

    def escaped(self, position: int, quote: str) -> tuple[str, int]:
        """Read a quoted string the long way, as one with escapes or a mistake in it needs."""
        start = position
        parts: list[str] = []
        position += 1
        while (char := self.at(position)) != quote:
            position += 1
            if char in ("", "\r", "\n"):
                self.fail(start, "this string is not closed on its line")
            if char != "\\":
                parts.append(char)
                continue
            escape = self.at(position)
            position += 1
            if escape == "u":
                digits = _HEX.match(self.text, position)
                if digits is None:
                    self.fail(position, r"four hexadecimal digits were expected after \u")
                parts.append(chr(int(digits.group(), 16)))
                position = digits.end()
            elif escape in _ESCAPES:
                parts.append(_ESCAPES[escape])
            else:
                self.fail(position, f"there is no escape \\{escape}")
        # A lone surrogate is no character; NNCP reads U+FFFD there.
        return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace"), position + 1

    def multiline(self, position: int) -> tuple[str, int]:
        """Read a ''' text: indented by the column of its opening quotes, less its last line break."""
        close = self.text.find("'''", position + 3)
        if close < 0:
            self.fail(position, "these ''' are never closed")
        column = position - (self.text.rfind("\n", 0, position) + 1)
        first, *rest = self.text[position + 3 : close].replace("\r", "").split("\n")
        if rest and not first.strip():
            first, *rest = [_outdented(rest[0], column), *rest[1:]]
        else:
            first = first.lstrip("\t\v\f ")
        return "\n".join([first, *(_outdented(line, column) for line in rest)]).removesuffix("\n"), close + 3


def _outdented(line: str, column: int) -> str:
    indent = _INDENT.match(line, 0, column)
    return line[indent.end() :] if indent else line


def _number(text: str, *, real: bool) -> int | float | None:
    """Return the number, or None for one too great to be a number to NNCP."""
    if not real and len(text) <= _MAX_EXACT:
        return int(text)
    value = float(text)
    return None if value in (float("inf"), float("-inf")) else value


def dump(value: object, *, indent: str = "") -> str:
    """Return Hjson text that NNCP and `parse` read as `value`: strings are always quoted.

    Raises:
        TypeError: for what Hjson cannot hold; our own mistake.
    """
    inner = indent + "  "
    if isinstance(value, dict):
        if not value:
            return "{}"
        members = [f"{inner}{_key(key)}: {dump(item, indent=inner)}\n" for key, item in value.items()]
        return "{\n" + "".join(members) + indent + "}"
    if isinstance(value, list | tuple):
        if any(isinstance(item, dict | list | tuple) for item in value):
            return "[\n" + "".join(f"{inner}{dump(item, indent=inner)}\n" for item in value) + indent + "]"
        return "[" + ", ".join(dump(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return quote(value)
        case _:
            msg = f"Hjson cannot hold {value!r}"
            raise TypeError(msg)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else quote(key)


def quote(text: str) -> str:
    """Return `text` in double quotes with JSON escapes, which TOML's basic strings share."""
    return '"' + "".join(_ESCAPED.get(char) or _escape(char) for char in text) + '"'


_ESCAPED = {'"': r"\"", "\\": r"\\", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_LAST_CONTROL = 0x1F
_DELETE = 0x7F


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) <= _LAST_CONTROL or ord(char) == _DELETE else char
