"""Looks for what would lose mail behind rmail: real rmails, no sendmail, a user that is not trusted."""

from __future__ import annotations

import grp
import os
import pwd
from typing import TYPE_CHECKING, NamedTuple

from gateway import Finding, GatewayError, run_program
from gateway_rmail.egress import is_rmail
from gateway_rmail.options import Options, handle_options, plugin_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway import Config

TIMEOUT = 30.0
_CONFESSION = b"(non-zero) status"
"""What the rmails that hide failures say on stderr, and so have in their binaries."""


class _Use(NamedTuple):
    """A handle behind which rmail's work is done."""

    key: str
    egress: str
    command: tuple[str, ...]
    options: Mapping[str, object]


def findings(config: Config, user: str | None) -> Iterator[Finding]:
    """Yield what is found, handle by handle, then about each program that takes mail.

    `user` is the one who delivers; None means the spool's owner.
    """
    try:
        base = plugin_options(config.plugin.get("rmail", {}))
    except GatewayError as error:
        yield Finding(False, "options", str(error), "correct [plugin.rmail]")
        return
    uses = [
        _Use(f"neigh.{name}.exec.{word}", handle.egress, handle.command, handle.options)
        for name, neighbour in config.neighbours.items()
        for word, handle in neighbour.handles.items()
        if handle.egress == "rmail" or (handle.command and is_rmail(handle.command))
    ]
    if not uses:
        yield Finding(True, "handles", "no neighbour may hand anything to rmail here: nothing to receive")
    programs: dict[tuple[str, ...], None] = {}
    for use in uses:
        finding, program = _handle(use, base)
        yield finding
        if program:
            programs[program] = None
    for program in programs:
        yield from _sendmail(program, user or owner_of(config.spool))


def owner_of(spool: str) -> str:
    """Return who owns the spool, and so delivers; without a spool, the user we run as."""
    try:
        return pwd.getpwuid(os.stat(spool).st_uid).pw_name
    except (OSError, KeyError):
        return pwd.getpwuid(os.geteuid()).pw_name


def _handle(use: _Use, base: Options) -> tuple[Finding, tuple[str, ...]]:
    """Return what is to say of a handle, and the sendmail that it calls, if any."""
    word = use.key.rpartition(".")[2]
    named = f'exec.{word} = {{ egress = "rmail", command = ["/usr/sbin/sendmail"] }}'
    if use.egress != "rmail":
        return Finding(False, "handle", f"{use.key}: {what_it_does(use.command[0])}", named), ()
    try:
        options = handle_options(use.options, base, word)
    except GatewayError as error:
        return Finding(False, "handle", f"{use.key}: {error}", named), ()
    if options.real:
        program = use.command[0] if use.command else "nothing"
        text = f"{use.key}: real = true runs {program}: {what_it_does(program)}"
        return Finding(False, "handle", text, named), ()
    if use.command and not is_rmail(use.command):
        return Finding(True, "handle", f"{use.key}: calls {' '.join(use.command)}"), use.command
    instead = f", in the place of {use.command[0]}" if use.command else ""
    return Finding(
        True, "handle", f"{use.key}: calls {' '.join(options.sendmail)}{instead}"
    ), options.sendmail


def what_it_does(program: str) -> str:
    """Return what becomes of a failure behind a program called rmail."""
    path = os.path.realpath(program)
    if not os.access(path, os.X_OK):
        return f"{program} cannot be run"
    if os.path.basename(path).startswith("exim"):
        return f"{program} is Exim, which mails a bounce for each attempt that fails"
    try:
        with open(path, "rb") as file:
            confesses = _CONFESSION in file.read(1 << 20)
    except OSError:
        confesses = False
    if confesses:
        return f"{program} is a real rmail: it ends in 0 although its sendmail failed, and the mail is lost"
    return f"{program} may end in 0 although its sendmail failed, as rmails do"


def _sendmail(program: Sequence[str], user: str) -> Iterator[Finding]:
    path = program[0]
    if not os.access(path, os.X_OK):
        mend = 'sendmail = ["/usr/sbin/sendmail"]   # in [plugin.rmail], or command = [...] of the handle'
        yield Finding(False, "sendmail", f"{path} is not there or cannot be run", mend)
        return
    exim = _exim_version(program)
    yield Finding(True, "sendmail", f"{path}: {exim or 'not Exim'}")
    if exim:
        yield _trust(program, user)


def _exim_version(program: Sequence[str]) -> str:
    said = _ask(program, "-bV")
    first = said.splitlines()[0] if said.strip() else ""
    return first if first.startswith("Exim version") else ""


def _trust(program: Sequence[str], user: str) -> Finding:
    subject = "trust"
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return Finding(False, subject, f"there is no user {user}", "name the user that delivers with --user")
    users = _list(program, "trusted_users")
    memberships = {str(gid) for gid in os.getgrouplist(user, entry.pw_gid)}
    memberships |= {group.gr_name for group in grp.getgrall() if str(group.gr_gid) in memberships}
    known = {"root", "0", *_list(program, "exim_user"), *users}
    if {user, str(entry.pw_uid)} & known or memberships & set(_list(program, "trusted_groups")):
        return Finding(True, subject, f"{user} may set the sender of what it hands in")
    why = f"Exim does not trust {user}, and so refuses whatever it hands in with -G"
    return Finding(False, subject, why, f"trusted_users = {' : '.join([*users, user])}")


def _list(program: Sequence[str], option: str) -> list[str]:
    value = _ask(program, "-bP", option).partition("=")[2]
    return [word.strip() for word in value.split(":") if word.strip()]


def _ask(program: Sequence[str], *words: str) -> str:
    try:
        finished = run_program((*program, *words), stdin=None, environ=dict(os.environ), timeout=TIMEOUT)
    except GatewayError:
        return ""
    return finished.stdout.decode("utf-8", "replace")
