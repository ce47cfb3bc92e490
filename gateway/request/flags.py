"""The flags of the pipe commands: NNCP's spelling and ours, options stop at the first other word.

``-x v``, ``-x=v``, ``--x v`` and ``--x=v`` are one; dashes inside a name do not count, so
``--no-compress`` and ``-nocompress`` are the same flag. Booleans take ``=false``. This is
the syntax of Go's flag package, which existing MTA configurations rely on: in
``exec NODE HANDLE -nice 5`` the last two words are the handle's arguments.
"""

from __future__ import annotations

from gateway.errors import UsageError

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRUE = frozenset({"1", "t", "true", "yes"})
_FALSE = frozenset({"0", "f", "false", "no"})


def parse(
    words: Sequence[str],
    values: Mapping[str, str],
    switches: Mapping[str, str],
    *,
    stop_at_unknown: bool = False,
) -> tuple[dict[str, str], list[str]]:
    """Split leading flags from the rest; return them under the names the tables give.

    `values` and `switches` map every accepted spelling (lower case, no dashes) to a name; a
    switch that is on has the value ``"yes"``, one that is off is not there. With
    `stop_at_unknown` the rest begins at the first unknown flag or at ``--``.

    Raises:
        UsageError: temporary on the pipe path; names the flag.
    """
    given: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        flag, has_value, value = rest[0].partition("=")
        key = flag.lstrip("-").replace("-", "").lower()
        if stop_at_unknown and key not in switches and key not in values:
            break
        if rest.pop(0) == "--":
            break
        if key in switches:
            _switch(given, switches[key], value if has_value else "true", flag)
        elif key in values:
            if not has_value and not rest:
                msg = f"flag {flag} needs a value"
                raise UsageError(msg)
            given[values[key]] = value if has_value else rest.pop(0)
        else:
            known = ", ".join(f"-{name}" for name in sorted({*values, *switches}))
            msg = f"unknown flag {flag}: known are {known}"
            raise UsageError(msg)
    return given, rest


def _switch(given: dict[str, str], name: str, value: str, flag: str) -> None:
    if value.lower() in _TRUE:
        given[name] = "yes"
    elif value.lower() in _FALSE:
        given.pop(name, None)
    else:
        msg = f"flag {flag} is on or off, not {value!r}"
        raise UsageError(msg)
