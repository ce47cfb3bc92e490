"""NNCP's dialect: a Hjson file or a directory, exactly as strict as NNCP itself (NNCP SPEC 9).

What NNCP accepts is accepted, odd as it may be; `gateway.config.advice` has the warnings.
"""

from __future__ import annotations

from gateway.config import handles as handle_values
from gateway.config.build import build as build_config
from gateway.config.hjson import HjsonError, parse
from gateway.config.mistakes import Mistakes
from gateway.config.model import Config, Handle
from gateway.config.schema import NNCP, Tree, match
from gateway.errors import ConfigError

__all__ = ["build", "read"]


def read(
    text: str, path: str, *, spool: str | None = None, log: str | None = None, deadline: str | None = None
) -> Config:
    """Return the configuration that the Hjson `text` of the file `path` holds.

    `spool` and `log` stand for those of the file; `deadline` is ``$NNCPDEADLINE`` [s].

    Raises:
        ConfigError: temporary; every mistake, or the line where the text is no Hjson.
    """
    try:
        tree = parse(text)
    except HjsonError as failure:
        msg = f"{path}: {failure}"
        raise ConfigError(msg) from failure
    return build(tree, path, spool=spool, log=log, deadline=deadline)


def build(
    tree: Tree, path: str, *, spool: str | None = None, log: str | None = None, deadline: str | None = None
) -> Config:
    """Return the configuration that a tree of NNCP's keys holds; the rest is as with `read`."""
    mistakes = Mistakes(path)
    matched = match(tree, NNCP, mistakes, foreign=True)
    if "log" not in matched and log is None and not mistakes.has("log"):
        mistakes.add("log", "missing; the absolute path of the log was expected")
    for neighbour in matched.get("neigh", {}).values():
        neighbour["bounce"] = False
        if deadline and deadline.isdigit() and int(deadline) > 0:
            neighbour.setdefault("onlinedeadline", int(deadline))
    return build_config(
        matched,
        mistakes,
        path=path,
        dialect="nncp",
        spool=spool,
        log=log,
        handles=_handles,
        key_files=(path,) if "self" in matched else (),
    )


def _handles(_key: str, commands: Tree) -> dict[str, Handle]:
    found = {name: handle_values.from_nncp(name, command) for name, command in commands.items()}
    return {name: handle for name, handle in found.items() if handle is not None}
