"""What a pass over the spool can do with a job."""

from __future__ import annotations

from enum import Enum


class Fate(Enum):
    """What a pass did with a job; exactly one for every job it looked at."""

    DELIVERED = "delivered"
    RELAYED = "relayed"
    ACKNOWLEDGED = "acknowledged"
    REPEATED = "repeated"
    """Delivered before: the copy is dropped."""
    DEFERRED = "deferred"
    HELD = "held"
    LEFT = "left"
    """Not ours (file, freq, area), or the same packet is in work or held elsewhere."""
    FAILED = "failed"
    """Temporary trouble before the delivery began: the job lies where it lay."""
