"""The configuration: where it is, its two dialects, one frozen value in the end.

`locate` finds the path and `load` reads it; the readers are imported when a file needs them.
"""

from __future__ import annotations

from gateway.config.source import load, locate

__all__ = ["load", "locate"]
