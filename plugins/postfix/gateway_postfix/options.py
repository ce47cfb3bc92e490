"""What may be configured: ``[plugin.postfix]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Options(NamedTuple):
    """The plugin's settings, checked; `handles` are the exec handles that its ingress claims."""

    handles: tuple[str, ...] = ("sendmail",)


def plugin_options(table: Mapping[str, object]) -> Options:
    """Return the settings of ``[plugin.postfix]``.

    Raises:
        ConfigError: temporary; lists every mistake as ``plugin.postfix: key: text``.
    """
    mistakes = [f"plugin.postfix: {key}: unknown key, expected handles" for key in table if key != "handles"]
    options = Options()
    if "handles" in table:
        words = _words(table["handles"])
        if words is None:
            mistakes.append('plugin.postfix: handles: expected a list of words such as ["sendmail"]')
        else:
            options = Options(words)
    if mistakes:
        raise ConfigError(mistakes)
    return options


def no_handle_options(table: Mapping[str, object], handle: str) -> None:
    """Check that nothing of ours stands beside ``egress = "postfix"``: there is nothing to say.

    Raises:
        ConfigError: temporary; names every key.
    """
    if table:
        raise ConfigError([f"exec.{handle}: {key}: unknown key of the egress postfix" for key in table])


def _words(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list | tuple) or not value:
        return None
    words = tuple(
        word for word in value if isinstance(word, str) and word and not set(word) & set(" \t\r\n\0/")
    )
    return words if len(words) == len(value) else None
