"""Running programs in the tests: always with a time limit, never in this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LIMIT_SECONDS = 60.0
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "HOME": ""}
"""What Exim gives a pipe command, addresses left out."""


def gateway_script() -> str:
    """Return the installed ``gateway`` command of the running interpreter."""
    return str(Path(sys.executable).parent / "gateway")


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended: `status` is negative for a signal."""

    command: tuple[str, ...]
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def messages(self) -> list[str]:
        """The lines on stderr."""
        return self.stderr.decode(errors="replace").splitlines()

    def __str__(self) -> str:
        said = f"stdout: {self.stdout!r}\nstderr: {self.stderr.decode(errors='replace')}"
        return f"{' '.join(self.command)}: {self.status}\n{said}"


def run(
    command: Sequence[str],
    *,
    stdin: bytes | IO[bytes] = b"",
    environ: Mapping[str, str] | None = None,
    limit: float = LIMIT_SECONDS,
    cwd: str | Path = "/",
    under: Sequence[str] = (),
) -> Finished:
    """Run a program with exactly `environ`, and fail the test if it hangs.

    Hanging is also to leave a child behind that keeps the output open. `under` are words
    before the command, such as ``("prlimit", "--fsize=4096")``.
    """
    data, source = (stdin, subprocess.PIPE) if isinstance(stdin, bytes) else (None, stdin)
    process = subprocess.Popen(
        [*under, *command], stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
        env=ENVIRONMENT if environ is None else environ, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(data, timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"{command} hung for {limit:g} s; it said {out!r} {err!r}") from None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Finished(tuple(command), process.returncode, out, err)


def run_gateway(
    *arguments: str,
    stdin: bytes | IO[bytes] = b"",
    environ: Mapping[str, str] | None = None,
    limit: float = LIMIT_SECONDS,
    under: Sequence[str] = (),
) -> Finished:
    """Run the installed ``gateway`` in a clean environment, `environ` added."""
    full = ENVIRONMENT | dict(environ or {})
    return run([gateway_script(), *arguments], stdin=stdin, environ=full, limit=limit, under=under)
