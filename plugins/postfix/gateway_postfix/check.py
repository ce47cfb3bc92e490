"""Asks the Postfix of this machine whether it would do what the gateway relies on."""

from __future__ import annotations

import os
import pwd
import re
import stat
from typing import TYPE_CHECKING

from gateway import Finding, GatewayError, ProgramError, check_lmtp
from gateway_postfix.postfix import Postfix, find_postconf, words_of
from gateway_postfix.service import (
    OUR_DEADLINE,
    RECIPIENT_LIMIT,
    TIME_LIMIT,
    faults,
    lmtp_entry,
    read_service,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway_postfix.service import Service

_SETUP = "gateway postfix setup"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_NOT_ROUTED = "Postfix delivers that domain itself"


def findings(postfix: Postfix, address: str, user: str, sendmail: str) -> Iterator[Finding]:
    """Yield what is found, in the order of a message's way out and back in.

    `user` is the one who delivers what arrives, by `sendmail`.

    Raises:
        ProgramError: temporary; Postfix's tools cannot be started.
    """
    try:
        yield Finding(True, "version", f"Postfix {postfix.value('mail_version')}")
        yield from _way_out(postfix, address)
        yield from _way_in(postfix, user, sendmail)
    except ProgramError:
        raise
    except GatewayError as failure:
        yield Finding(False, "configuration", str(failure), "postfix check")


def receiving(sendmail: str, user: str) -> Iterator[Finding]:
    """Yield what is to say of Postfix as the taker of mail from `user`; raises as `findings` does."""
    yield from _way_in(Postfix(find_postconf(), None), user, sendmail)


def _way_out(postfix: Postfix, address: str) -> Iterator[Finding]:
    way, where = route(postfix, address)
    name, _, nexthop = way.partition(":")
    seen = f"{address}: {way} ({where})"
    entry = postfix.service(name) if name else None
    service = read_service(entry) if entry else None
    if service is None:
        yield Finding(False, "route", f"{seen}: no such service in master.cf", _SETUP)
        return
    if service.program == "lmtp" and nexthop.startswith("unix:"):
        yield Finding(True, "route", seen)
        yield from _socket(postfix, name, service, nexthop.removeprefix("unix:"))
        yield _recipient_limit(postfix, name)
        return
    if service.program != "pipe" or not _calls_gateway(service):
        yield Finding(False, "route", f"{seen}: {service.program}, which does not call the gateway", _SETUP)
        return
    if not nexthop:
        yield Finding(False, "route", f"{seen}: names no node", f"{name}:NODE")
        return
    yield Finding(True, "route", seen)
    yield _command(name, service)
    yield _account(name, service)
    found = faults(service)
    for fault in found:
        yield Finding(False, fault.subject, f"service {name}: {fault.why}", fault.mend)
    if not found:
        yield Finding(True, "service", f"service {name}: {entry}")
    yield _time_limit(postfix, name)
    yield _recipient_limit(postfix, name)


def route(postfix: Postfix, address: str) -> tuple[str, str]:
    """Return transport and nexthop of an address, and what says so, as trivial-rewrite(8) decides.

    Raises:
        GatewayError: temporary; a table cannot be read.
    """
    domain = address.rpartition("@")[2].lower()
    keys = [address.lower(), domain]
    keys += [f".{domain.split('.', n)[n]}" for n in range(1, domain.count(".") + 1)]
    for table in words_of(postfix.value("transport_maps")):
        for key in [*keys, "*"]:
            found = postfix.look_up(key, table)
            if found:
                transport, colon, nexthop = found.partition(":")
                return f"{transport}:{nexthop or domain}" if colon else found, f"{key} in {table}"
    for parameter, transport in _DOMAINS:
        if domain in words_of(postfix.value(parameter).lower()):
            return postfix.value(transport), f"{parameter}: {_NOT_ROUTED}"
    return postfix.value("default_transport"), "default_transport"


_DOMAINS = (
    ("mydestination", "local_transport"),
    ("virtual_alias_domains", "local_transport"),
    ("virtual_mailbox_domains", "virtual_transport"),
    ("relay_domains", "relay_transport"),
)


def _calls_gateway(service: Service) -> bool:
    return bool({"submit", "exec"} & set(service.argv))


def _command(name: str, service: Service) -> Finding:
    program = service.argv[0] if service.argv else ""
    if not program.startswith("/") or not os.access(program, os.X_OK):
        why = f"service {name}: {program or 'nothing'} cannot be run"
        return Finding(False, "command", why, "argv= with the gateway's absolute path")
    return Finding(True, "command", f"service {name}: {' '.join(service.argv)}")


def _account(name: str, service: Service) -> Finding:
    user = service.attributes.get("user", "").partition(":")[0]
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return Finding(False, "user", f"service {name}: there is no user {user!r}", "user=gateway")
    if entry.pw_uid == 0:
        return Finding(
            False, "user", f"service {name}: Postfix does not run commands as root", "user=gateway"
        )
    return Finding(True, "user", f"service {name}: runs as {user}")


def seconds(text: str) -> int | None:
    """Return a time as Postfix writes it, in seconds; None if it is none."""
    match = re.fullmatch(r"(\d+)([smhdw]?)", text.strip())
    return int(match[1]) * _SECONDS[match[2] or "s"] if match else None


def _socket(postfix: Postfix, name: str, service: Service, path: str) -> Iterator[Finding]:
    if service.chroot not in ("n", "N"):
        why = f"service {name}: chroot is {service.chroot}: {path} lies outside"
        yield Finding(False, "chroot", why, lmtp_entry())
    yield _reaches(postfix, path)
    yield check_lmtp(path)


def _reaches(postfix: Postfix, path: str) -> Finding:
    """Say whether Postfix's own user, without any groups beside his own, may write to the socket."""
    user = pwd.getpwnam(postfix.value("mail_owner"))
    folder = os.path.dirname(path)
    for place, needed in ((folder, 1), (path, 2)):
        try:
            found = os.stat(place)
        except OSError as error:
            return Finding(False, "permission", f"{place}: {error.strerror}", f"install -d -m 2750 {folder}")
        shift = 6 if found.st_uid == user.pw_uid else 3 if found.st_gid == user.pw_gid else 0
        if not found.st_mode >> shift & needed and user.pw_uid != 0:
            why = f"{place}: {user.pw_name}, as whom Postfix's client runs, may not use it"
            mend = (
                f"install -d -o gateway -g {user.pw_name} -m 2750 {folder}   # and start `gateway serve` anew"
            )
            return Finding(False, "permission", why, mend)
    return Finding(True, "permission", f"{user.pw_name} may write to {path}")


def _time_limit(postfix: Postfix, name: str) -> Finding:
    text = postfix.value(f"{name}_time_limit") or postfix.value("command_time_limit")
    limit = seconds(text)
    if limit is None or limit <= OUR_DEADLINE:
        why = f"{text}: Postfix kills the command and bounces the mail; our own end comes at {OUR_DEADLINE} s"
        return Finding(False, "time limit", why, f"{name}_time_limit = {TIME_LIMIT}s")
    return Finding(True, "time limit", f"{text}, after our own deadline of {OUR_DEADLINE} s")


def _recipient_limit(postfix: Postfix, name: str) -> Finding:
    parameter = f"{name}_destination_recipient_limit"
    text = postfix.value(parameter) or postfix.value("default_destination_recipient_limit")
    if text == "1":
        why = f"{parameter} is 1: a message to many recipients becomes as many packets"
        return Finding(False, "recipient limit", why, f"{parameter} = {RECIPIENT_LIMIT}")
    return Finding(True, "recipient limit", f"at most {text} recipients in a call")


def _way_in(postfix: Postfix, user: str, sendmail: str) -> Iterator[Finding]:
    if not os.access(sendmail, os.X_OK):
        yield Finding(False, "sendmail", f"{sendmail} cannot be run", "name it with --sendmail")
        return
    yield Finding(True, "sendmail", sendmail)
    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        yield Finding(
            False, "user", f"there is no user {user}", "name the user that runs `gateway toss` with --user"
        )
        return
    yield _maildrop(postfix, user, uid)
    yield _may_submit(postfix, user)
    limit = postfix.value("message_size_limit")
    yield Finding(True, "size", f"message_size_limit = {limit}: what is larger, in or out, is not taken")


def _maildrop(postfix: Postfix, user: str, uid: int) -> Finding:
    postdrop = os.path.join(postfix.value("command_directory"), "postdrop")
    owner = postfix.value("mail_owner")
    try:
        mode = os.stat(postdrop).st_mode
    except OSError as error:
        return Finding(False, "postdrop", f"{postdrop}: {error.strerror}", "postfix set-permissions")
    if mode & stat.S_ISGID or uid == 0 or user == owner:
        return Finding(True, "postdrop", f"{user} may put mail into the queue")
    why = f"{postdrop} is not set-group-id: sendmail called by {user} would wait for ever"
    return Finding(False, "postdrop", why, "postfix set-permissions")


def _may_submit(postfix: Postfix, user: str) -> Finding:
    subject, parameter = "submission", "authorized_submit_users"
    for word in words_of(postfix.value(parameter)):
        denied = word.startswith("!")
        name = word.removeprefix("!")
        if name == user or (":" in name and postfix.look_up(user, name) is not None):
            if denied:
                break
            return Finding(True, subject, f"{user} may hand mail to sendmail")
    why = f"{parameter} does not let {user} hand mail to sendmail"
    return Finding(False, subject, why, f"{parameter} = {user}, {postfix.written(parameter)}")
