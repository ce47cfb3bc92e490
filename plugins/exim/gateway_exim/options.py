"""What may be configured: ``[plugin.exim]``, and beside ``egress = "exim"`` in a handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SESSION_MAX = 10_000
PROCESSES_MAX = 64


class Options(NamedTuple):
    """The plugin's settings, checked.

    `handles` are the exec handles whose input is batch SMTP. `session` is how many
    transactions one Exim process is fed, `processes` how many such processes are fed at once.
    """

    handles: tuple[str, ...] = ("rsmtp",)
    session: int = 1
    processes: int = 4


def plugin_options(table: Mapping[str, object]) -> Options:
    """Return the settings of ``[plugin.exim]``.

    Raises:
        ConfigError: temporary; lists every mistake as ``plugin.exim: key: text``.
    """
    return _read(table, Options(), "plugin.exim", {"handles", "session", "processes"})


def handle_options(table: Mapping[str, object], base: Options, handle: str) -> Options:
    """Return `base` with what the handle's own configuration says otherwise.

    Raises:
        ConfigError: temporary; lists every mistake as ``exec.HANDLE: key: text``.
    """
    return _read(table, base, f"exec.{handle}", {"session", "processes"})


def _read(table: Mapping[str, object], base: Options, where: str, known: set[str]) -> Options:
    mistakes: list[str] = []
    for key, value in table.items():
        if key not in known:
            mistakes.append(f"{where}: {key}: unknown key, expected one of {', '.join(sorted(known))}")
        elif key == "handles":
            words = _words(value)
            if words is None:
                mistakes.append(f'{where}: {key}: expected a list of words such as ["rsmtp"]')
            else:
                base = base._replace(handles=words)
        else:
            most = SESSION_MAX if key == "session" else PROCESSES_MAX
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                mistakes.append(f"{where}: {key}: expected a whole number from 1 to {most}")
            elif key == "session":
                base = base._replace(session=value)
            else:
                base = base._replace(processes=value)
    if mistakes:
        raise ConfigError(mistakes)
    return base


def _words(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    words = tuple(
        word for word in value if isinstance(word, str) and word and not set(word) & set(" \t\r\n\0/")
    )
    return words if len(words) == len(value) else None
