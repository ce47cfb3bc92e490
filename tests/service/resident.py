"""Resident processes for tests: started, waited for, told to stop, and never left behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, gateway_script

LIMIT = 60.0
"""[s] Guards against hanging; nothing here is meant to take as long."""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], object], what: str = "") -> None:
    """Wait until something is so."""
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end, f"not within {LIMIT:g} s: {what or true}"
        time.sleep(0.02)


class Resident:
    """A process of a node that stays until it is told to end."""

    def __init__(self, command: list[str], output: Path, environ: dict[str, str] | None = None) -> None:
        self.output = output
        with output.open("ab") as file:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env={**ENVIRONMENT, **(environ or {})}, start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        return self.output.read_text()

    def says(self, words: str, times: int = 1) -> None:
        """Wait for words in what it says."""
        until(lambda: self.said().count(words) >= times or self.process.poll() is not None, words)
        assert self.said().count(words) >= times, self.said()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the status it ends with."""
        self.send(number)
        return self.process.wait(LIMIT)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT)


@contextmanager
def resident(
    node: Node, *words: str, ready: str = "", environ: dict[str, str] | None = None
) -> Iterator[Resident]:
    """Run ``gateway WORDS`` of a node; wait until it says `ready`."""
    one = Resident(
        [gateway_script(), "--config", str(node.toml), *words], node.directory / f"{words[0]}.out", environ
    )
    try:
        if ready:
            one.says(ready)
        yield one
    finally:
        one.close()


@contextmanager
def serving(node: Node, environ: dict[str, str] | None = None) -> Iterator[Resident]:
    with resident(node, "serve", ready="serves by", environ=environ) as one:
        yield one


@contextmanager
def nncp(node: Node, command: str, *arguments: str) -> Iterator[Resident]:
    """Run a real NNCP program that stays."""
    one = Resident(node.nncp_command(command, *arguments), node.directory / f"nncp-{command}.out")
    try:
        yield one
    finally:
        one.close()


def mail(subject: str, size: int = 0) -> bytes:
    """Return one transaction of batch SMTP."""
    filler = ("x" * 70 + "\n") * (size // 71)
    return (
        f"MAIL FROM:<a@alice.example>\nRCPT TO:<b@bob.example>\nDATA\nSubject: {subject}\n\n{filler}\n.\n"
    ).encode()


def submit(node: Node, other: Node, subject: str, size: int = 0, *, handle: str = "rsmtp") -> None:
    done = node.gateway("exec", "--no-compress", other.name, handle, stdin=mail(subject, size))
    assert done.status == 0, done


def subjects(maildir: Path) -> list[str]:
    """Return the subjects of what was delivered, sorted, each as often as it lies there."""
    found = []
    for file in (maildir / "new").glob("*"):
        line = next(line for line in file.read_bytes().splitlines() if line.startswith(b"Subject: "))
        found.append(line.decode().removeprefix("Subject: "))
    return sorted(found)
