"""A `Config` as text of our own dialect: what differs from the defaults, section by section."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from gateway.config.handles import default_arguments, from_toml
from gateway.config.hjson import quote
from gateway.config.mistakes import Mistakes
from gateway.config.model import (
    DEFAULT_TIMEOUT,
    DEFAULT_TRASH_AGE,
    FORM_OF_HANDLE,
    Accept,
    Config,
    Handle,
    Limits,
    MailForm,
    Neighbour,
    Retry,
    Serve,
)
from gateway.config.schema import IDENTITY
from gateway.config.units import duration_text, size_text
from gateway.packet.identity import Identity, encode

__all__ = ["dotted", "line", "render", "render_keys", "render_neighbour"]

_Section: TypeAlias = Accept | Limits | Retry | Serve

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DURATIONS = ("schedule", "give_up", "warn_after", "seen_age")
_SIZES = ("max_size", "stored", "lmtp_max_size")
_LINKS = {"incoming": None, "rxrate": 0, "txrate": 0, "onlinedeadline": 10, "maxonlinetime": 0}
_ONLY_PUBLIC = ("id", "exchpub", "signpub", "noisepub")


def render(config: Config, *, keys: str | None = None, private: bool = True) -> str:
    """Return TOML that reads as `config` reads.

    `keys` names the file that our keys are in, to stand for them; without it they are written
    into the text, and with `private` off only their public halves are, for showing.
    """
    parts = ["\n".join(_root(config, keys))]
    if config.identity is not None and keys is None:
        note = "" if private else "# private keys are not shown\n"
        parts.append(f"[self]\n{note}{render_keys(config.identity, private=private)}")
    parts += [render_neighbour(n, identity=config.identity) for n in config.neighbours.values()]
    if config.routes:
        parts.append(_section("routes", config.routes))
    for name, value, default in (("retry", config.retry, Retry()), ("serve", config.serve, Serve())):
        if value != default:
            parts.append(_section(name, dict(_changed(value, default))))
    parts += [_section(f"plugin.{_key(name)}", table) for name, table in config.plugin.items()]
    if config.extra:
        parts.append(
            "# Kept for `gateway config export`; the gateway itself does not use it.\n" + _extra(config)
        )
    return "\n\n".join(part for part in parts if part) + "\n"


def _root(config: Config, keys: str | None) -> Iterator[str]:
    if config.name is not None:
        yield line("name", config.name)
    yield line("spool", config.spool)
    if config.log is not None:
        yield line("log", config.log)
    if config.log_format != "nncp":
        yield line("log-format", config.log_format)
    if config.umask not in (None, 0o007):
        yield line("umask", f"{config.umask:03o}")
    for key in ("nohdr", "noprogress"):
        if getattr(config, key):
            yield line(key, value=True)
    if config.trash_age != DEFAULT_TRASH_AGE:
        yield line("trash-age", duration_text(config.trash_age))
    if config.plugins is not None:
        yield line("plugins", config.plugins)
    if keys is not None:
        yield line("self", keys)


def render_keys(identity: Identity, *, private: bool = True) -> str:
    """Return our keys as lines, for a file of their own or a [self] table."""
    return "\n".join(
        line(key, encode(getattr(identity, key))) for key in IDENTITY if private or key in _ONLY_PUBLIC
    )


def render_neighbour(neighbour: Neighbour, *, identity: Identity | None = None) -> str:
    """Return the [neigh] table of one neighbour; for ``self`` only what `identity` does not say."""
    ours = neighbour.name == "self" and identity is not None
    lines = [
        line(key, encode(value))
        for key in _ONLY_PUBLIC
        if (value := getattr(neighbour, key)) is not None and not (ours and value == getattr(identity, key))
    ]
    lines += [line(("addrs", name), address) for name, address in neighbour.addrs.items()]
    if neighbour.via:
        lines.append(line("via", neighbour.via))
    if neighbour.mail != MailForm():
        lines.append(line("mail", neighbour.mail._asdict()))
    lines += [line(("exec", name), _handle(handle)) for name, handle in neighbour.handles.items()]
    for name, value, default in (
        ("accept", neighbour.accept, Accept()),
        ("limits", neighbour.limits, Limits()),
    ):
        lines += [line(f"{name}.{key}", item) for key, item in _changed(value, default)]
    if neighbour.ack:
        lines.append(line("ack", value=True))
    if not neighbour.bounce:
        lines.append(line("bounce", value=False))
    if neighbour.warn_after is not None:
        lines.append(line("warn-after", duration_text(neighbour.warn_after)))
    lines += [
        line(key, getattr(neighbour, key))
        for key, default in _LINKS.items()
        if getattr(neighbour, key) != default
    ]
    if neighbour.freq:
        lines.append(line("freq", neighbour.freq))
    if neighbour.calls:
        lines.append("calls = [\n" + "".join(f"  {_value(call)},\n" for call in neighbour.calls) + "]")
    return "\n".join([f"[neigh.{_key(neighbour.name)}]", *lines]) if lines else ""


def _handle(handle: Handle) -> object:
    """Return the list alone if it means the same, else a table of what does not go without saying."""
    if handle == from_toml(handle.name, list(handle.command), Mistakes(""), "exec"):
        return handle.command
    table: dict[str, object] = {"egress": handle.egress}
    if handle.command:
        table["command"] = handle.command
    if handle.form != FORM_OF_HANDLE.get(handle.name, "raw"):
        table["form"] = handle.form
    if handle.arguments != default_arguments(handle.form):
        table["arguments"] = handle.arguments
    if handle.timeout != DEFAULT_TIMEOUT:
        table["timeout"] = duration_text(handle.timeout)
    return table | dict(handle.options)


def _changed(value: _Section, default: _Section) -> Iterator[tuple[str, object]]:
    """Yield the keys of a section whose values are not the default, as they are written."""
    for name, item in value._asdict().items():
        if item == getattr(default, name):
            continue
        yield name.replace("_", "-"), _written(name, item)


def _written(name: str, value: Any) -> object:
    if name in _DURATIONS:
        return [duration_text(one) for one in value] if isinstance(value, tuple) else duration_text(value)
    return size_text(value) if name in _SIZES else value


def _extra(config: Config) -> str:
    from gateway.config.schema import NNCP_ONLY  # noqa: PLC0415 - few have any

    return _section("nncp", {key: value for key, value in config.extra.items() if key in NNCP_ONLY})


def _section(name: str, table: Mapping[str, object]) -> str:
    return "\n".join([f"[{name}]", *(line((key,), value) for key, value in table.items())])


def line(key: str | tuple[str, ...], value: object) -> str:
    """Return ``key = value``; the parts of a tuple are quoted where they need it, a text is not."""
    return f"{key if isinstance(key, str) else dotted(key)} = {_value(value)}"


def dotted(path: tuple[str, ...]) -> str:
    """Return a dotted key, its parts in quotes where they need it."""
    return ".".join(_key(part) for part in path)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return quote(value)
        case Mapping():
            return (
                "{ " + ", ".join(line((key,), item) for key, item in value.items()) + " }" if value else "{}"
            )
        case Iterable():
            return "[" + ", ".join(_value(item) for item in value) + "]"
        case _:
            # Dates and times, in a plugin's table: TOML writes them as ISO 8601 does.
            return str(value)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else quote(name)
