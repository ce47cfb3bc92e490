"""A configuration as JSON: text for keys and ids, private keys never; keys are only ever added."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config.model import Accept, Config, Handle, Limits, MailForm, Neighbour, Retry, Serve
from gateway.packet.identity import encode

__all__ = ["facts", "neighbour_facts"]


def facts(config: Config) -> dict[str, object]:
    """Return the whole configuration."""
    known = {key: value for key, value in config._asdict().items() if key not in ("identity", "extra")}
    known["umask"] = None if config.umask is None else f"{config.umask:03o}"
    known["id"] = None if config.identity is None else config.identity.id
    known["neighbours"] = {name: neighbour_facts(n) for name, n in config.neighbours.items()}
    return {key: _plain(value) for key, value in known.items()}


def neighbour_facts(neighbour: Neighbour) -> dict[str, object]:
    """Return what is known of one neighbour."""
    return {key: _plain(value) for key, value in neighbour._asdict().items()}


def _plain(value: object) -> object:
    match value:
        case bytes():
            return encode(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case MailForm() | Handle() | Accept() | Limits() | Retry() | Serve():
            return {key: _plain(item) for key, item in value._asdict().items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case None | str() | int() | float():
            return value
        case _:
            return str(value)
