"""``GATEWAY_TRACE=hooks``: each call of a hook on stderr, for whoever writes a plugin.

One line when the call is over: the plugin, the hook, its arguments in short, what it answered or
raised, the milliseconds. An MTA takes what a pipe command writes to stderr for the reason of a
failure, so there nothing is written where stderr is a pipe or a socket; to a terminal or a file it is.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from typing import TYPE_CHECKING

from gateway.stderr import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pluggy
    from pluggy import HookImpl, Result

__all__ = ["VARIABLE", "watch"]

VARIABLE = "GATEWAY_TRACE"
WORD = "hooks"
LONGEST = 60


def watch(manager: pluggy.PluginManager, *, for_mta: bool) -> None:
    """Have every hook call of a manager told, if the environment says so and nobody is disturbed."""
    if WORD not in os.environ.get(VARIABLE, "").split(",") or (for_mta and _is_pipe(2)):
        return
    begun = threading.local()

    def before(_name: str, _methods: Sequence[HookImpl], _arguments: Mapping[str, object]) -> None:
        begun.times = [*getattr(begun, "times", ()), time.perf_counter()]

    def after(
        result: Result[object], name: str, methods: Sequence[HookImpl], arguments: Mapping[str, object]
    ) -> None:
        *begun.times, begin = begun.times
        milliseconds = (time.perf_counter() - begin) * 1000
        given = ", ".join(f"{word}={short(value)}" for word, value in arguments.items())
        crash = result.exception
        if crash is None:
            answer = result.get_result()
            ended = f"-> {short(answer[0] if isinstance(answer, list) and len(answer) == 1 else answer)}"
        else:
            ended = f"raised {type(crash).__name__}: {crash}"
        plugins = ", ".join(method.plugin_name for method in methods)
        say(f"hook {plugins}: {name}({given}) {ended} [{milliseconds:.1f} ms]")

    manager.add_hookcall_monitoring(before, after)


def short(value: object) -> str:
    """Return a value in a few words: an envelope by its addresses, a thing by its type and name."""
    if value is None or isinstance(value, str | bytes | int | float):
        text = repr(value)
    elif isinstance(value, list):
        text = f"[{', '.join(map(short, value))}]"
    elif hasattr(value, "recipients") and hasattr(value, "sender"):
        text = f"<{value.sender}> to {', '.join(map(str, value.recipients))}"
    elif hasattr(value, "packet"):
        kind = f"{value.kind.name} " if hasattr(value, "kind") else ""
        text = f"{type(value).__name__} {kind}{value.packet}"
    else:
        name = getattr(value, "name", None)
        text = type(value).__name__ + (f" {name}" if isinstance(name, str) else "")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _is_pipe(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return True
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
