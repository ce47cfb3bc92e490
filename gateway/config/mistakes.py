"""The mistakes of one configuration, collected so that all are reported at once."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.errors import ConfigError

__all__ = ["Mistakes", "did_you_mean", "shown"]


class Mistakes:
    """Collects ``file: key: what was expected``; every key is named once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[str, str] = {}
        self._elsewhere: dict[str, list[str]] = {}

    def add(self, key: str, text: str) -> None:
        """Note a mistake; the first one noted for a key is the one that counts."""
        self._found.setdefault(key, text)

    def add_elsewhere(self, key: str, lines: Iterable[str]) -> None:
        """Note mistakes of another file, which `key` of this one names."""
        self._elsewhere.setdefault(key, []).extend(lines)

    def has(self, key: str) -> bool:
        """Whether the key, or anything below it, is known to be wrong."""
        if not self._found and not self._elsewhere:
            return False
        known = (*self._found, *self._elsewhere)
        return any(one == key or one.startswith(key + ".") for one in known)

    def lines(self) -> list[str]:
        """Return the mistakes as they are shown."""
        here = [
            f"{self.file}: {key}: {text}" if key else f"{self.file}: {text}"
            for key, text in self._found.items()
        ]
        return here + [line for lines in self._elsewhere.values() for line in lines]

    def raise_if_any(self) -> None:
        """End the reading if anything was wrong.

        Raises:
            ConfigError: temporary; all of it.
        """
        if lines := self.lines():
            raise ConfigError(lines)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean "x"?`` for the nearest known word, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only once something is wrong

    near = get_close_matches(word, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def shown(name: str) -> str:
    """Return one part of a dotted key, in quotes where it needs them."""
    if name.isidentifier() or (name and all(char.isalnum() or char in "-_" for char in name)):
        return name
    from gateway.config.hjson import quote  # noqa: PLC0415 - few names need quotes

    return quote(name)
