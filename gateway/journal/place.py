"""Where the journal lies and how much of it is kept: ``[plugin.journal]`` of the configuration."""

# No annotations as strings (PEP 563) here: a NamedTuple compiles every string again.

from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.config.model import Config

_MIB = 1024 * 1024
_KEYS = ("enabled", "max-age", "max-size", "path")


class Place(NamedTuple):
    """A directory, and what it may hold: bytes, and seconds since an event."""

    path: str
    max_size: int = 256 * _MIB
    max_age: float = 30 * 86400.0
    enabled: bool = True


def place_of(config: "Config") -> Place:
    """Return where the configuration wants its journal: by default ``journal`` in the spool.

    Raises:
        ConfigError: temporary; every mistake in ``[plugin.journal]``.
    """
    options = config.plugin.get("journal")
    place = Place(f"{config.spool}/journal")
    return _read(options, place, config.path) if options else place


def _read(options: object, place: Place, file: str) -> Place:
    from gateway.config.units import duration, size  # noqa: PLC0415 - only where it is configured

    mistakes: list[str] = []
    assert isinstance(options, dict) or hasattr(options, "items")
    for key, value in options.items():
        try:
            if key == "enabled":
                if not isinstance(value, bool):
                    raise ValueError("true or false was expected")
                place = place._replace(enabled=value)
            elif key == "path":
                if not isinstance(value, str) or not value.startswith("/"):
                    raise ValueError("an absolute path was expected")
                place = place._replace(path=value)
            elif key == "max-size":
                place = place._replace(max_size=size(value))
            elif key == "max-age":
                place = place._replace(max_age=duration(value))
            else:
                raise ValueError(f"unknown key; known are {', '.join(_KEYS)}")
        except ValueError as wrong:
            mistakes.append(f"{file}: plugin.journal.{key}: {wrong}")
    if mistakes:
        raise ConfigError(mistakes)
    return place
