"""What may be configured: ``[plugin.rmail]``, and beside ``egress = "rmail"`` in a handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway import ConfigError
from gateway_rmail.ingress import HANDLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ADDRESSES = ("domain", "bang")


class Options(NamedTuple):
    """The plugin's settings, checked.

    `handles` are the exec handles whose input is rmail's. `sendmail` is the program called in
    rmail's place, with its first words; `real` has the handle's command run as the rmail that
    it is. `addresses` is the form that addresses are handed on in.
    """

    handles: tuple[str, ...] = HANDLES
    sendmail: tuple[str, ...] = ("/usr/sbin/sendmail",)
    real: bool = False
    addresses: str = "domain"


def plugin_options(table: Mapping[str, object]) -> Options:
    """Return the settings of ``[plugin.rmail]``.

    Raises:
        ConfigError: temporary; lists every mistake as ``plugin.rmail: key: text``.
    """
    return _read(table, Options(), "plugin.rmail", _KEYS)


def handle_options(table: Mapping[str, object], base: Options, handle: str) -> Options:
    """Return `base` with what the handle's own configuration says otherwise.

    Raises:
        ConfigError: temporary; lists every mistake as ``exec.HANDLE: key: text``.
    """
    return _read(table, base, f"exec.{handle}", {k: v for k, v in _KEYS.items() if k != "handles"})


def _read(
    table: Mapping[str, object],
    base: Options,
    where: str,
    known: Mapping[str, Callable[[object], object]],
) -> Options:
    found: dict[str, object] = {}
    mistakes: list[str] = []
    for key, value in table.items():
        if key not in known:
            mistakes.append(f"{where}: {key}: unknown key, expected one of {', '.join(sorted(known))}")
            continue
        try:
            found[key] = known[key](value)
        except ValueError as wrong:
            mistakes.append(f"{where}: {key}: expected {wrong}")
    if mistakes:
        raise ConfigError(mistakes)
    return base._replace(**found)  # type: ignore[arg-type]  # each reader returns its field's type


def _handles(value: object) -> tuple[str, ...]:
    words = value if isinstance(value, list | tuple) else ()
    good = tuple(w for w in words if isinstance(w, str) and w and not set(w) & set(" \t\r\n\0/"))
    if not good or len(good) != len(words):
        msg = 'a list of words such as ["rmail"]'
        raise ValueError(msg)
    return good


def _program(value: object) -> tuple[str, ...]:
    words = value if isinstance(value, list | tuple) else ()
    good = tuple(w for w in words if isinstance(w, str) and "\0" not in w)
    if not good or len(good) != len(words) or not good[0].startswith("/"):
        msg = 'a program with its absolute path, such as ["/usr/sbin/sendmail"]'
        raise ValueError(msg)
    return good


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        msg = "true or false"
        raise ValueError(msg)
    return value


def _form(value: object) -> str:
    if not isinstance(value, str) or value not in ADDRESSES:
        msg = " or ".join(f'"{form}"' for form in ADDRESSES)
        raise ValueError(msg)
    return value


_KEYS: dict[str, Callable[[object], object]] = {
    "handles": _handles,
    "sendmail": _program,
    "real": _switch,
    "addresses": _form,
}
