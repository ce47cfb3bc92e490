"""What the check commands of plugins share: the showing of findings, and a look at our own socket."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from gateway.mta import Finding

__all__ = ["check_lmtp", "show_findings"]

_PATIENCE = 30.0
"""[s] How long an answer may take."""


def show_findings(findings: Iterable[Finding], *, as_json: bool) -> int:
    """Print findings as they come, with their mending lines, or as one JSON object a line.

    Returns:
        The exit status: 1 if anything is wrong, else 0.
    """
    import json  # noqa: PLC0415 - for commands only, as is the next

    import click  # noqa: PLC0415 - see above

    wrong = False
    for finding in findings:
        wrong = wrong or not finding.ok
        if as_json:
            click.echo(json.dumps(finding._asdict()))
            continue
        click.echo(f"{'ok     ' if finding.ok else 'PROBLEM'} {finding.subject}: {finding.text}")
        for line in finding.mend.splitlines():
            click.echo(f"        -> {line}")
    return 1 if wrong else 0


def check_lmtp(path: str) -> Finding:
    """Say whether the resident process answers at a socket, as its greeting shows."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
            greeting = probe.recv(512).decode("ascii", "replace").strip()
        except OSError as error:
            mend = f'gateway serve, with [serve] lmtp = "{path}"'
            return Finding(False, "socket", f"{path}: {error.strerror or error}", mend)
    if not greeting.startswith("220 "):
        return Finding(False, "socket", f"{path} says {greeting!r}", "look into what `gateway serve` says")
    return Finding(True, "socket", f"{path}: {greeting}")
