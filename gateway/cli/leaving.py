"""Ending signals, for commands that end their work in good order."""

from __future__ import annotations

import signal
import threading


def leaving() -> threading.Event:
    """Return an event that SIGTERM, SIGINT and SIGHUP set from now on."""
    event = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: event.set())
    return event
