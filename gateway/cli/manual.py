"""Manual pages of all commands, as roff: one for the program, one for each command with what is below it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from gateway.cli.examples import EXAMPLES
from gateway.config.source import NNCP_PLACE, NNCP_VARIABLE, OUR_PLACE, OUR_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROGRAM = "gateway"
_WHOLE = 1000
_FILES = (
    (OUR_PLACE, "the configuration, where nothing names another"),
    (NNCP_PLACE, "the same, where that is not there"),
)
_ENVIRONMENT = (
    (f"{OUR_VARIABLE}, {NNCP_VARIABLE}", "the configuration, where `--config` does not name it"),
    ("NNCPSPOOL, NNCPLOG", "spool and log, in place of the configuration's"),
    ("NO_COLOR", "if it is set, nothing has colours"),
)
_STATUSES = (
    ("0", "done"),
    ("1", "something failed, or needs a person; it is said on standard error"),
    ("2", "the words on the command line make no sense"),
    ("65, 77", "of exec and submit only: this mail can never be sent"),
    ("75", "temporary: try again"),
)


def pages(commands: Mapping[str, click.Command], short: Mapping[str, str], version: str) -> dict[str, str]:
    """Return the text of each page by the name of its file.

    `commands` are those of the first level, `short` what each is for.
    """
    found = {f"{_PROGRAM}.1": _main(commands, short, version)}
    for name, command in commands.items():
        found[f"{_PROGRAM}-{name}.1"] = "\n".join(_page(name, command, short[name], version)) + "\n"
    return found


def all_pages(version: str) -> dict[str, str]:
    """Return the pages of all commands, those of our own plugins among them.

    Raises:
        ImportError: something that the commands need is not there.
    """
    from importlib import import_module  # noqa: PLC0415 - while the pages are made

    from gateway.cli import COMMANDS, PIPE_HELP, group  # noqa: PLC0415 - it is above us
    from gateway.config.model import OWN_PLUGINS  # noqa: PLC0415 - while the pages are made

    plugins = click.Group()
    for name in OWN_PLUGINS:
        import_module(f"gateway_{name}").gateway_register_commands(plugins)
    short = {**COMMANDS, **PIPE_HELP}
    commands = {name: group.get_command(click.Context(group), name) for name in short}
    found = {name: command for name, command in commands.items() if command is not None}
    found.update(plugins.commands)
    short |= {
        name: command.get_short_help_str(_WHOLE).rstrip(".") for name, command in plugins.commands.items()
    }
    return pages(found, short, version)


def _main(commands: Mapping[str, click.Command], short: Mapping[str, str], version: str) -> str:
    from gateway.cli import group  # noqa: PLC0415 - it is above us

    lines = [
        *_head(_PROGRAM, "mail for links that are slow, offline, hostile or one-way", version),
        ".SH SYNOPSIS",
        f".B {_PROGRAM}",
        _text("[OPTIONS] COMMAND [ARG]..."),
        ".SH DESCRIPTION",
        *_paragraphs(
            "An MTA's pipe command hands mail in. It becomes an encrypted, signed packet, is queued, travels"
            " by whatever link there is, is verified at the other end, and handed to the program that its"
            " sender may use there. Packets, spool and links are those of NNCP 8."
        ),
        ".SH OPTIONS",
        *_options(group, click.Context(group, info_name=_PROGRAM)),
        ".SH COMMANDS",
    ]
    for name in sorted(commands):
        lines += [".TP", f".BR {_escape(f'{_PROGRAM}-{name}')} (1)", _text(short[name])]
    for title, rows in (("EXIT STATUS", _STATUSES), ("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        lines += [f'.SH "{title}"', *_rows(rows)]
    return "\n".join(lines) + "\n"


def _page(name: str, command: click.Command, short: str, version: str) -> Iterator[str]:
    yield from _head(f"{_PROGRAM}-{name}", short, version)
    leaves = list(_leaves(command, name))
    yield ".SH SYNOPSIS"
    for number, (path, leaf, context) in enumerate(leaves):
        if number:
            yield ".br"
        yield f".B {_escape(f'{_PROGRAM} {path}')}"
        yield _text(" ".join(leaf.collect_usage_pieces(context)))
    if isinstance(command, click.Group):
        yield ".SH DESCRIPTION"
        yield from _paragraphs(command.help or "")
    for path, leaf, context in leaves:
        below = isinstance(command, click.Group)
        yield f'.SH "{_PROGRAM} {path}"' if below else ".SH DESCRIPTION"
        yield from _paragraphs(leaf.help or short)
        options = list(_options(leaf, context))
        if options:
            yield '.SS "Options"' if below else ".SH OPTIONS"
            yield from options
        if examples := EXAMPLES.get(path):
            yield '.SS "Examples"' if below else ".SH EXAMPLES"
            yield from _literal(examples)
    yield '.SH "SEE ALSO"'
    yield f".BR {_PROGRAM} (1)"


def _head(title: str, short: str, version: str) -> Iterator[str]:
    yield f'.TH "{_escape(title.upper())}" "1" "" "{_PROGRAM} {version}" "{_PROGRAM}"'
    yield ".SH NAME"
    yield f"{_escape(title)} \\- {_escape(short)}"


def _leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command, click.Context]]:
    if isinstance(command, click.Group):
        for name, below in sorted(command.commands.items()):
            yield from _leaves(below, f"{path} {name}")
    else:
        yield path, command, click.Context(command, info_name=path)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for param in command.get_params(context):
        record = param.get_help_record(context) if isinstance(param, click.Option) else None
        if record is not None:
            names, words = record
            yield from _rows([(names, words)])


def _rows(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, words in rows:
        yield ".TP"
        yield f".B {_escape(name)}"
        if words:
            yield _text(words)


def _paragraphs(text: str) -> Iterator[str]:
    """Yield click's help text, those paragraphs as they stand that it is told to leave alone."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", _unindented(text).strip())):
        lines = paragraph.splitlines()
        if lines[:1] == ["\b"]:
            yield from _literal(lines[1:])
            continue
        if number:
            yield ".PP"
        yield _text(" ".join(line.strip() for line in lines))


def _unindented(text: str) -> str:
    from inspect import cleandoc  # noqa: PLC0415 - while a page is made

    return cleandoc(text)


def _literal(lines: Iterable[str]) -> Iterator[str]:
    yield ".PP"
    yield ".RS 4"
    yield ".nf"
    yield from map(_text, lines)
    yield ".fi"
    yield ".RE"


def _text(text: str) -> str:
    """Return a line of running text, what stands in backticks bold."""
    parts = text.split("`")
    marked = (
        f"\\fB{_escape(part)}\\fR" if number % 2 else _escape(part) for number, part in enumerate(parts)
    )
    line = "".join(marked) if len(parts) % 2 else _escape(text)
    return f"\\&{line}" if line[:1] in (".", "'") else line


def _escape(text: str) -> str:
    """Return a text in which roff finds nothing to obey, in ASCII."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    for plain, name in (("'", "\\(aq"), ("`", "\\(ga"), ("^", "\\(ha"), ("~", "\\(ti")):
        escaped = escaped.replace(plain, name)
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in escaped)
