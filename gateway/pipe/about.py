"""What the pipe commands say of themselves when they are asked."""

from __future__ import annotations

from importlib.metadata import version

QUEUES = """\
Queues what comes on standard input. Status 0: it is on the disk. 65 and 77: it can never be
sent. 75: try again."""
ANSWERS = """\
Speaks LMTP on standard input and output. The answer 250 behind the dot: it is on the disk, for
that recipient. 4xx: try again. 5xx: it can never be sent."""

_FLAGS = """\
Flags are written with one dash or two, as -x v or -x=v:

  -nice N          how urgent the packet is: 1..255, FLASH, PRIORITY, NORMAL, BULK  [PRIORITY]
  -reply-nice N    the same for what the far side may answer  [BULK]
  -min-size KiB    pad the packet to that size
  -max-size KiB    no larger packet (65)
  -via A,B         by these relays, first hop first; "-": directly  [`via` of the neighbour]
  -no-compress     do not compress the body
  -config FILE, -spool DIR, -log FILE      as before the command; -cfg FILE is -config
  -quiet, -noprogress, -debug              taken, and without effect: success is silent
"""


def about(usage: str) -> str:
    """Return the page for a command."""
    what = ANSWERS if usage.startswith("gateway lmtp") else QUEUES
    return f"gateway {version('mailgateway')}\nUsage: {usage}\n\n{what} {_FLAGS}"
