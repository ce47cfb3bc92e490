"""How long a pipe command takes at most, whoever does its work."""

from __future__ import annotations

DEFAULT_DEADLINE = 540.0
"""[s] Ends before the 10 minutes that the generated Exim transport grants, and before Postfix's 1000 s."""
GRACE = 4.0
"""[s] From the first signal to the end of a process that does not come back to us."""
