"""What a handle's value means in each dialect: a `Handle`, or what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from gateway.config import kinds
from gateway.config.mistakes import Mistakes
from gateway.config.model import DEFAULT_TIMEOUT, FORM_OF_HANDLE, Form, Handle

__all__ = ["default_arguments", "from_nncp", "from_toml"]


class _StandIn(NamedTuple):
    """An egress that may stand in for a bare command, and the commands it may do that for.

    `form` is the form the handle must have by its name; `needed` an argument that must be
    among the command's, `forbidden` ones that must not; with `only` it has no others. With
    `folders` the program must be in one of them.
    """

    egress: str
    programs: frozenset[str]
    form: Form
    needed: str | None = None
    forbidden: frozenset[str] = frozenset({"-t"})
    only: frozenset[str] | None = None
    folders: frozenset[str] | None = None


_MTAS = frozenset({"sendmail", "exim", "exim4"})
# Options that say nothing of the envelope and do not make another program of sendmail.
_HARMLESS = frozenset({"-i", "-oi", "-G", "-bm", "-om", "-odb", "-odi", "-odq", "-oem", "-oee", "-oep"})

_DISTRIBUTION = frozenset({"/usr/bin", "/usr/sbin", "/bin", "/sbin"})

# The one place that says when a command line of NNCP's kind is better served by an egress.
# A wrapper script is never among the programs: nobody knows what it expects.
_STAND_INS = (
    _StandIn("exim", _MTAS, "bsmtp", needed="-bS"),
    # Exim and Postfix understand the words of this egress alike, so it need not know which it is.
    _StandIn("postfix", _MTAS, "sendmail", only=_HARMLESS),
    # A distribution's rmail ends in 0 although its sendmail failed. One of the site's own may be a script.
    _StandIn("rmail", frozenset({"rmail"}), "rmail", only=frozenset(), folders=_DISTRIBUTION),
)

_FORMS = kinds.OneOf("bsmtp", "rmail", "sendmail", "raw")
_ARGUMENTS = kinds.OneOf("none", "recipients", "any")
_WITH_ARGUMENTS = ("rmail", "sendmail")
# Egresses of our own plugins: they deliver transactions, which a raw body has none of.
_MAIL_EGRESSES = ("exim", "smtp", "postfix", "rmail")


def from_nncp(name: str, command: tuple[str, ...]) -> Handle | None:
    """Return the handle NNCP would run: payload and arguments untouched, or a safe egress.

    An empty list is no handle to NNCP, so it is none here.
    """
    if not command:
        return None
    found = _stand_in(name, command)
    if found is not None:
        return Handle(name, found.egress, command, form=found.form, arguments="any")
    return Handle(name, "command", command, form="raw", arguments="any")


def from_toml(name: str, value: object, mistakes: Mistakes, key: str) -> Handle | None:
    """Return the handle that a list or table of our own dialect describes; None if it is wrong."""
    if isinstance(value, dict):
        return _from_table(name, value, mistakes, key)
    if not isinstance(value, list):
        mistakes.add(key, 'a command line ["/path", "-option"] or a table was expected')
        return None
    found = _stand_in(name, tuple(word for word in value if isinstance(word, str)))
    return _from_table(
        name, {"command": value, "egress": found.egress if found else "command"}, mistakes, key
    )


def default_arguments(form: Form) -> Literal["none", "recipients"]:
    """Return what of the peer's arguments reaches the program where our dialect does not say."""
    return "recipients" if form in _WITH_ARGUMENTS else "none"


def _from_table(name: str, table: Mapping[str, Any], mistakes: Mistakes, key: str) -> Handle | None:
    options = dict(table)
    read = _Reader(options, mistakes, key)
    command = read("command", _command, ())
    egress = read("egress", kinds.node_name, "command" if "command" in table else None)
    form = read("form", _FORMS, FORM_OF_HANDLE.get(name, "raw"))
    arguments = read("arguments", _ARGUMENTS, default_arguments(form))
    timeout = read("timeout", kinds.duration, DEFAULT_TIMEOUT)
    if "path" in options:
        options["path"] = read.keep("path", kinds.absolute_path)
    if mistakes.has(key):
        return None
    if egress is None:
        mistakes.add(key, "neither egress nor command is given")
    elif egress == "command" and not command:
        mistakes.add(f"{key}.command", "the egress command needs one")
    elif egress == "maildir" and "path" not in options:
        mistakes.add(f"{key}.path", "the egress maildir needs the path of the Maildir")
    elif egress == "smtp" and bool(command) == ("address" in options):
        mistakes.add(f"{key}.address", "the egress smtp needs either an address or a command")
    elif egress in _MAIL_EGRESSES and form == "raw":
        mistakes.add(
            f"{key}.form",
            f"the egress {egress} delivers mail, but the handle {name} has no form by its name: "
            'say "bsmtp", "rmail" or "sendmail"',
        )
    else:
        return Handle(name, egress, command, form, arguments, timeout, options)
    return None


class _Reader:
    """Takes known keys out of a table, noting what is wrong; what is left are the options."""

    def __init__(self, table: dict[str, Any], mistakes: Mistakes, key: str) -> None:
        self._table = table
        self._mistakes = mistakes
        self._key = key

    def __call__(self, name: str, kind: Callable[[object], Any], default: Any) -> Any:
        if name not in self._table:
            return default
        value = self.keep(name, kind)
        del self._table[name]
        return default if value is None else value

    def keep(self, name: str, kind: Callable[[object], Any]) -> Any:
        try:
            return kind(self._table[name])
        except ValueError as wrong:
            self._mistakes.add(f"{self._key}.{name}", str(wrong))
            return None


def _command(value: object) -> tuple[str, ...]:
    command = kinds.words(value)
    if not command or not command[0].startswith("/"):
        msg = "a program with its absolute path was expected first"
        raise ValueError(msg)
    return command


def _stand_in(name: str, command: tuple[str, ...]) -> _StandIn | None:
    form = FORM_OF_HANDLE.get(name, "raw")
    program, arguments = os.path.basename(command[0]) if command else "", command[1:]
    for candidate in _STAND_INS:
        if (
            program in candidate.programs
            and form == candidate.form
            and (candidate.needed is None or candidate.needed in arguments)
            and candidate.forbidden.isdisjoint(arguments)
            and (candidate.only is None or candidate.only.issuperset(arguments))
            and (candidate.folders is None or os.path.dirname(command[0]) in candidate.folders)
        ):
            return candidate
    return None
