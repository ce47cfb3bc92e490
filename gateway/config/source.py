"""Where the configuration is, and in which dialect it is written."""

from __future__ import annotations

import os

from gateway.config.file import read_text
from gateway.errors import ConfigError

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without
if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.config.model import Config

__all__ = ["load", "locate"]

# In the order they are asked; the first three speak of us, the others of NNCP.
OUR_VARIABLE = "GATEWAY_CONFIG"
OUR_PLACE = "/etc/gateway/gateway.toml"
NNCP_VARIABLE = "NNCPCFG"
NNCP_PLACE = "/etc/nncp.hjson"


def locate(explicit: str | None, environ: Mapping[str, str]) -> str:
    """Return the path of the configuration: the first that is given, or that exists.

    A path that is given wins even if nothing is there, so that a slip of the pen is
    reported and never answered with another node's configuration.

    Raises:
        ConfigError: temporary; names every place that was tried.
    """
    if explicit:
        return explicit
    if ours := environ.get(OUR_VARIABLE):
        return ours
    if os.path.exists(OUR_PLACE):
        return OUR_PLACE
    if theirs := environ.get(NNCP_VARIABLE):
        return theirs
    if os.path.exists(NNCP_PLACE):
        return NNCP_PLACE
    msg = (
        f"no configuration: no --config, ${OUR_VARIABLE} is not set, {OUR_PLACE} does not exist, "
        f"${NNCP_VARIABLE} is not set, {NNCP_PLACE} does not exist (`gateway init DIR` makes one)"
    )
    raise ConfigError(msg)


def load(
    path: str,
    *,
    environ: Mapping[str, str] = os.environ,
    spool: str | None = None,
    log: str | None = None,
) -> Config:
    """Read the configuration at `path`: `*.toml` is ours, a directory or anything else NNCP's.

    `spool` and `log` win over ``$NNCPSPOOL`` and ``$NNCPLOG`` (asked for NNCP's dialect only),
    which win over the file.

    Raises:
        ConfigError: temporary; lists every mistake of the file.
    """
    if path.endswith(".toml"):
        from gateway.config import toml  # noqa: PLC0415 - only the dialect that is needed

        return toml.read(read_text(path), path, spool=spool, log=log)
    from gateway.config import nncp  # noqa: PLC0415 - only the dialect that is needed

    spool = spool or environ.get("NNCPSPOOL") or None
    log = log or environ.get("NNCPLOG") or None
    deadline = environ.get("NNCPDEADLINE")
    if os.path.isdir(path):
        from gateway.config import cfgdir  # noqa: PLC0415 - rare

        return nncp.build(cfgdir.read(path), path, spool=spool, log=log, deadline=deadline)
    return nncp.read(read_text(path), path, spool=spool, log=log, deadline=deadline)
