"""``gateway top``: neighbours, queue by age, sessions, what is held and what happened, kept up to date."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from gateway.errors import EX_OK, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from gateway.cli import Setting
    from gateway.cli.top_facts import Facts

_EVERY = 2.0


@click.command("top")
@click.option("--once", is_flag=True, help="print it once, and leave")
@click.option("--json", "as_json", is_flag=True, help="one JSON object each time")
@click.option(
    "--every",
    type=click.FloatRange(0.1),
    default=_EVERY,
    show_default=True,
    metavar="SECONDS",
    help="how often it is looked at",
)
@click.pass_obj
def command(setting: Setting, *, once: bool, as_json: bool, every: float) -> int:
    """Show neighbours, the queue by age, sessions, held packets and the last events, kept up to date.

    q or Ctrl-C leaves. Where the output is no terminal it is printed once, as plain text.
    The spool is only read.
    """
    from gateway.cli.table import is_terminal  # noqa: PLC0415 - not for the help page
    from gateway.cli.top_facts import gatherer  # noqa: PLC0415 - as above
    from gateway.cli.top_plain import describe, show  # noqa: PLC0415 - as above

    config = setting.config()
    gather = gatherer(config, setting.open_spool(config))
    if as_json:
        with suppress(KeyboardInterrupt):
            while True:
                click.echo(json.dumps(describe(gather())))
                sys.stdout.flush()
                if once:
                    break
                time.sleep(every)
    elif once or not is_terminal():
        show(gather())
    else:
        _live(gather, every)
    return EX_OK


def _live(gather: Callable[[], Facts], every: float) -> None:
    from gateway.cli.table import has_colour  # noqa: PLC0415 - as above

    try:
        from rich.console import Console  # noqa: PLC0415 - optional, and only for a terminal
        from rich.live import Live  # noqa: PLC0415 - as above
    except ImportError:
        msg = "the live view needs rich: pip install 'mailgateway[tools]'; or `gateway top --once`"
        raise UsageError(msg) from None
    from gateway.cli.top_screen import screen  # noqa: PLC0415 - needs rich

    console: Console = Console(no_color=not has_colour(), highlight=False)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # the terminal is to be put right

    def frame() -> object:
        return screen(gather(), *console.size)

    with (
        suppress(KeyboardInterrupt),
        Live(console=console, screen=True, auto_refresh=False) as live,
        _keys() as key,
    ):
        while True:
            live.update(frame(), refresh=True)  # type: ignore[arg-type]
            if key(every) in ("q", "Q", "\x03", "\x1b"):
                break


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Give a function that waits for a key [s] and returns it, or nothing; no key needs Enter meanwhile."""
    import termios  # noqa: PLC0415 - only for a terminal
    import tty  # noqa: PLC0415 - as above

    try:
        fd = sys.stdin.fileno()
        before = termios.tcgetattr(fd)
    except (OSError, ValueError, termios.error):
        yield _no_key
        return

    def key(seconds: float) -> str:
        ready, _, _ = select.select([fd], [], [], seconds)
        pressed = os.read(fd, 1).decode("latin-1") if ready else ""
        if ready and not pressed:  # the terminal is gone
            raise KeyboardInterrupt
        return pressed

    try:
        tty.setcbreak(fd)
        yield key
    finally:
        with suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _no_key(seconds: float) -> str:
    time.sleep(seconds)
    return ""
