"""How long a pipe command takes at most, whoever does its work, and how its end is told."""

from __future__ import annotations

DEFAULT_DEADLINE = 540.0
"""[s] Ends before the 10 minutes that the generated Exim transport grants, and before Postfix's 1000 s."""
GRACE = 4.0
"""[s] From the first signal to the end of a process that does not come back to us."""


def ending(signal: str, seconds: float = DEFAULT_DEADLINE) -> str:
    """Return why a command ends that a signal of that name interrupts; its own deadline is an alarm."""
    if signal == "SIGALRM":
        return f"gave up after {seconds:.0f} s: nothing was accepted"
    return f"{signal} received: nothing was accepted"
