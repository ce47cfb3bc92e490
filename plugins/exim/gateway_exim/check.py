"""Asks the running Exim whether it would do what the gateway relies on."""

from __future__ import annotations

import grp
import os
import pwd
import re
from typing import TYPE_CHECKING

from gateway import Finding, Finished, ProgramError, check_lmtp, run_program
from gateway_exim.lmtp_transport import LMTP_RULES
from gateway_exim.report import read_report
from gateway_exim.transport import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway_exim.transport import Rule

PLACES = (
    "/usr/sbin/exim4",
    "/usr/sbin/exim",
    "/usr/exim/bin/exim",
    "/usr/local/sbin/exim",
    "/usr/sbin/sendmail",
)
TIMEOUT = 30.0

_TAINTED = re.compile(r"\$\{?(?:local_part|domain|sender_address|recipients|original_|h_|header_)")
_PROBE = b"NOOP\nXGATEWAY\n"
"""A command that Exim does not know: refused, reported, and nothing accepted."""


def find_exim() -> str:
    """Return the first Exim of the usual places.

    Raises:
        ProgramError: temporary; there is none.
    """
    for path in PLACES:
        if os.access(path, os.X_OK):
            return path
    msg = f"no Exim at {', '.join(PLACES)}: name it with --exim"
    raise ProgramError(msg)


def findings(exim: Sequence[str], address: str, user: str) -> Iterator[Finding]:
    """Yield what is found, in the order of a message's way out and back in.

    `exim` is the program and its options (``-C FILE``), `user` the one who delivers.

    Raises:
        ProgramError: temporary; the program cannot be started.
    """
    asked = _Exim(exim)
    version = asked.run("-bV")
    if version.status != 0:
        yield Finding(False, "version", version.says(), "mend Exim's configuration: it names file and line")
        return
    yield Finding(True, "version", version.stdout.decode("utf-8", "replace").splitlines()[0])
    yield from _way_out(asked, address)
    yield _retry_rule(asked, address)
    yield _trust(asked, user)
    yield _batch_input(asked)


def receiving(exim: Sequence[str], user: str) -> Iterator[Finding]:
    """Yield what is to say of Exim as the taker of mail from `user`; raises as `findings` does."""
    asked = _Exim(exim)
    version = asked.run("-bV")
    if version.status != 0:
        yield Finding(False, "version", version.says(), "mend Exim's configuration: it names file and line")
        return
    yield _trust(asked, user)
    yield _batch_input(asked)


class _Exim:
    def __init__(self, argv: Sequence[str]) -> None:
        self.argv = tuple(argv)

    def run(self, *arguments: str, stdin: bytes | None = None) -> Finished:
        return run_program(
            (*self.argv, *arguments),
            stdin=None if stdin is None else [stdin],
            environ=dict(os.environ),
            timeout=TIMEOUT,
        )

    def options(self, *what: str) -> dict[str, str]:
        """Return options as ``-bP`` prints them; a switch is "yes" or "no"."""
        found = {}
        for line in self.run("-bP", *what).stdout.decode("utf-8", "replace").splitlines():
            name, equals, value = line.lstrip("*").partition("=")
            name = name.strip()
            if equals:
                found[name] = value.strip()
            elif name.startswith("no_"):
                found[name[3:]] = "no"
            elif name:
                found[name] = "yes"
        return found


def _way_out(exim: _Exim, address: str) -> Iterator[Finding]:
    routed = exim.run("-bt", address)
    text = routed.stdout.decode("utf-8", "replace")
    match = re.search(r"router = (\S+), transport = (\S+)", text)
    setup = "gateway exim setup"
    if routed.status != 0 or match is None:
        yield Finding(False, "route", f"{address}: {routed.says()}", setup)
        return
    router, transport = match.groups()
    seen = f"{address}: router {router}, transport {transport}"
    options = exim.options("transport", transport)
    driver = options.get("driver", "")
    if driver == "lmtp":
        yield Finding(True, "route", seen)
        path = options.get("socket", "")
        if path:
            found = check_lmtp(path)
            yield found._replace(text=f"transport {transport}: {found.text}")
        else:
            yield _command(transport, options.get("command", ""))
        yield from _compare(transport, options, LMTP_RULES)
        return
    if driver != "pipe":
        other = f"{seen} (driver {driver}), which does not call the gateway's pipe command"
        yield Finding(False, "route", other, f"{setup}: its router must stand before {router}")
        return
    yield Finding(True, "route", seen)
    yield _command(transport, options.get("command", ""))
    yield from _compare(transport, options, RULES)


def _command(transport: str, command: str) -> Finding:
    subject = "command"
    program = command.split(maxsplit=1)[0] if command else ""
    tainted = _TAINTED.search(command)
    if tainted:
        why = f'transport {transport}: {tainted.group()} comes from the mail, so Exim bounces with "Tainted"'
        return Finding(False, subject, why, "use $host, the node that the router names")
    if not program.startswith("/"):
        return Finding(
            False, subject, f"transport {transport}: {command!r} has no absolute path", "command = /..."
        )
    if not os.access(program, os.X_OK):
        return Finding(
            False, subject, f"transport {transport}: {program} cannot be run", "correct the path in command ="
        )
    return Finding(True, subject, f"transport {transport}: {command}")


def _compare(transport: str, options: dict[str, str], rules: Sequence[Rule]) -> Iterator[Finding]:
    wrong = set()
    for rule in rules:
        value = options.get(rule.option, "")
        if rule.option not in wrong and not rule.safe(value):
            wrong.add(rule.option)
            seen = f"transport {transport}: {rule.option} is {value or 'not set'}: {rule.why}"
            yield Finding(False, rule.option, seen, rule.line)
    if not wrong:
        yield Finding(True, "options", f"transport {transport}: what a failure of ours does is safe")


def _retry_rule(exim: _Exim, address: str) -> Finding:
    rule = exim.run("-brt", address).stdout.decode("utf-8", "replace").strip()
    if rule.startswith("Retry rule:"):
        return Finding(True, "retry", " ".join(rule.split()))
    why = f"no retry rule for {address}: the first deferral becomes a bounce"
    return Finding(False, "retry", why, "begin retry\n* * F,2h,15m; G,16h,1h,1.5; F,4d,6h")


def _trust(exim: _Exim, user: str) -> Finding:
    subject = "trust"
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return Finding(
            False, subject, f"there is no user {user}", "name the user that runs `gateway toss` with --user"
        )
    exim_user = exim.options("exim_user").get("exim_user", "")
    users = _words(exim.options("trusted_users").get("trusted_users", ""))
    groups = _words(exim.options("trusted_groups").get("trusted_groups", ""))
    memberships = {str(gid) for gid in os.getgrouplist(user, entry.pw_gid)}
    memberships |= {group.gr_name for group in grp.getgrall() if str(group.gr_gid) in memberships}
    if {user, str(entry.pw_uid)} & {"root", "0", exim_user, *users} or memberships & set(groups):
        return Finding(True, subject, f"{user} may set the sender of what it hands in")
    why = f"{user} is not trusted: Exim takes the mail but silently makes {user} its sender, for bounces too"
    return Finding(False, subject, why, f"trusted_users = {' : '.join([*users, user])}")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(":") if word.strip()]


def _batch_input(exim: _Exim) -> Finding:
    subject = "batch input"
    tried = exim.run("-bS", stdin=_PROBE)
    report = read_report(tried.stdout, tried.stderr)
    if tried.status == 2 and report is not None and report.taken == 0:  # noqa: PLR2004 - -bS: nothing accepted
        return Finding(True, subject, "-bS reads batch SMTP and reports what it refuses")
    mend = f"printf 'NOOP\\nXGATEWAY\\n' | {' '.join(exim.argv)} -bS   # must print a 500 and exit with 2"
    return Finding(False, subject, f"-bS does not answer as Exim does: {tried.says()}", mend)
