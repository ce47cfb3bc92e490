"""The one place where programs are started, and the rules under which they run.

A program is run by argument list, never by a shell, with exactly the environment it was
given, in its own session, in ``/``, with umask 022, every descriptor but 0 to 2 closed, no
signal ignored or blocked, and a time limit. What it prints is read to the end and kept up
to a bound, so a talkative program is never stopped by a full pipe.
"""

from __future__ import annotations

from gateway.program.child import GRACE, kill_running
from gateway.program.converse import Conversation, converse
from gateway.program.environment import SAFE_PATH, clean_environ, find_program
from gateway.program.line import Line, Unasked
from gateway.program.meanwhile import meanwhile, work_meanwhile
from gateway.program.output import Finished
from gateway.program.run import KEEP_OUTPUT, run_program
from gateway.program.signals import heed_signals

__all__ = [
    "GRACE",
    "KEEP_OUTPUT",
    "SAFE_PATH",
    "Conversation",
    "Finished",
    "Line",
    "Unasked",
    "clean_environ",
    "converse",
    "find_program",
    "heed_signals",
    "kill_running",
    "meanwhile",
    "run_program",
    "work_meanwhile",
]
