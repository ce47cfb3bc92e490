"""Hosts as a page's reader has them: a home directory and a shell each, and a wire between them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

LIMIT_SECONDS = 240.0
_PLACE = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_DONE = "-- the block is done --"


class Host:
    """One host: its home directory and one shell, which keeps what a block has set for those that follow."""

    def __init__(self, name: str, home: Path, enter: Sequence[str] = (), path: str = _PLACE) -> None:
        home.mkdir(parents=True)
        self.name = name
        self.home = home
        self._blocks = 0
        self._screen = home.parent / f"{name}.screen"
        with self._screen.open("wb") as screen:
            self._shell = subprocess.Popen(
                [*enter, "bash", "--noprofile", "--norc", "-euo", "pipefail"],
                stdin=subprocess.PIPE,
                stdout=screen,
                stderr=subprocess.STDOUT,
                cwd=home,
                env={"PATH": path, "HOME": str(home), "USER": name},
                start_new_session=True,
            )

    def screen(self) -> str:
        """Return all that was written here so far."""
        return self._screen.read_text(errors="replace")

    def run(self, block: str) -> str:
        """Run a block to its end and return what was written meanwhile; fail if it fails or hangs."""
        before, self._blocks = len(self.screen()), self._blocks + 1
        file = self.home.parent / f"{self.name}.{self._blocks}.sh"
        file.write_text(block)
        stdin = self._shell.stdin
        assert stdin is not None
        stdin.write(f". {file} < /dev/null; echo '{_DONE}'\n".encode())
        stdin.flush()
        end = time.monotonic() + LIMIT_SECONDS
        while _DONE not in self.screen()[before:]:
            over = self._shell.poll() is not None or time.monotonic() > end
            assert not over, f"at {self.name}:\n{block}\nended in:\n{self.screen()[before:]}"
            time.sleep(0.02)
        return self.screen()[before:].replace(f"{_DONE}\n", "")

    def close(self) -> None:
        """End the shell and all that was started in it."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()  # what is the first process of its namespace heeds no SIGTERM
        for word in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._shell.pid, word)
                self._shell.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


@contextmanager
def hosts(directory: Path, names: Sequence[str], enter: Mapping[str, Sequence[str]] | None = None,
          path: str = _PLACE) -> Iterator[dict[str, Host]]:  # fmt: skip
    """Make a host for each name; `enter` has the words that lead into its network."""
    with ExitStack() as open_:
        made: dict[str, Host] = {}
        for name in names:
            made[name] = Host(name, directory / name, (enter or {}).get(name, ()), path)
            open_.callback(made[name].close)
        yield made


@contextmanager
def network(addresses: Mapping[str, str]) -> Iterator[dict[str, Sequence[str]] | None]:
    """Give each host a network namespace of its own on one wire: the words before a command there.

    None where the kernel, or a missing program, does not let us.
    """
    with ExitStack() as open_:
        yield _wired(addresses, open_) if shutil.which("unshare") and shutil.which("ip") else None


def _wired(addresses: Mapping[str, str], open_: ExitStack) -> dict[str, Sequence[str]] | None:
    mapped = () if os.getuid() == 0 else ("--user", "--map-root-user")
    enter: dict[str, Sequence[str]] = {}
    first = 0
    for name in addresses:
        before = (
            ("nsenter", f"--target={first}", "--user", "--preserve-credentials") if first and mapped else ()
        )
        words = [*before, "unshare", *(mapped if not before else ()), "--net"]
        holder = subprocess.Popen(
            [*words, "sh", "-c", "echo; exec sleep 1000"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        open_.callback(holder.wait)
        open_.callback(holder.kill)
        assert holder.stdout is not None
        open_.callback(holder.stdout.close)
        if holder.stdout.read(1) != b"\n":
            return None
        user = ("--user", "--preserve-credentials") if mapped else ()
        enter[name] = ("nsenter", f"--target={holder.pid}", *user, "--net")
        lines = [["ip", "link", "set", "lo", "up"]]
        if first:
            lines.append(
                ["ip", "link", "add", "lan", "type", "veth", "peer", "name", "lan", "netns", str(first)]
            )
        for line in lines:
            if subprocess.run([*enter[name], *line], capture_output=True, check=False).returncode:
                return None
        first = first or holder.pid
    for name, address in addresses.items():
        for line in (["addr", "add", f"{address}/24", "dev", "lan"], ["link", "set", "lan", "up"]):
            if subprocess.run([*enter[name], "ip", *line], capture_output=True, check=False).returncode:
                return None
    return enter


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
