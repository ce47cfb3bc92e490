"""A configuration file as text, or why it cannot be one."""

from __future__ import annotations

from gateway.errors import ConfigError

_EBLOB_MAGIC = b"NNCPB\x00\x00\x03"
_ANY_EBLOB = b"NNCPB\x00\x00"
_MAX_FILE = 16 * 1024 * 1024


def read_text(path: str) -> str:
    """Return the text of a configuration file.

    Raises:
        ConfigError: temporary; unreadable, encrypted, too large or not UTF-8.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as failure:
        msg = f"{path}: cannot be read: {failure.strerror or failure}"
        raise ConfigError(msg) from failure
    if data.startswith(_ANY_EBLOB):
        from shlex import quote  # noqa: PLC0415 - rare

        version = "" if data.startswith(_EBLOB_MAGIC) else " (of another version)"
        msg = (
            f"{path}: encrypted configuration{version}; decrypt it first: "
            f"umask 077; nncp-cfgenc -d {quote(path)} > {quote(path + '.hjson')}"
        )
        raise ConfigError(msg)
    if len(data) > _MAX_FILE:
        msg = f"{path}: larger than {_MAX_FILE // 2**20} MiB: hardly a configuration"
        raise ConfigError(msg)
    try:
        return data.decode()
    except UnicodeDecodeError as failure:
        number = data.count(b"\n", 0, failure.start) + 1
        msg = f"{path}: line {number}: not UTF-8"
        raise ConfigError(msg) from failure
