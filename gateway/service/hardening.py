"""What systemd keeps from our processes: all that they can do without, which an MTA's program may not.

A program that is set-user-id (Exim) or set-group-id (Postfix's postdrop) gains nothing under
NoNewPrivileges=, and without CAP_SYS_ADMIN systemd sets that for every filter of system calls and for
most of what it does to the kernel's own files. So where such programs are run, none of these may stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

__all__ = ["Mta", "hardening"]

Mta = Literal["none", "postfix", "exim"]
"""Whose programs are run: nobody's that gain rights by being run, Postfix's sendmail, or Exim's."""

_ALWAYS = (
    "PrivateTmp=yes",
    "ProtectControlGroups=yes",
    "ProtectProc=invisible",
    "DevicePolicy=closed",
    "KeyringMode=private",
    "RemoveIPC=yes",
    "UMask=0007",
)
_SEALED = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "PrivateDevices=yes",
    "PrivateUsers=yes",
    "ProcSubset=pid",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
)
_POSTFIX = (
    "# postdrop is set-group-id: any filter of system calls would imply NoNewPrivileges=yes,",
    "# and no mail be taken.",
    "NoNewPrivileges=no",
    "CapabilityBoundingSet=",
    "ProcSubset=pid",
)
_EXIM = (
    "# Exim is set-user-id: any filter of system calls would imply NoNewPrivileges=yes, and no mail",
    "# be taken. It also delivers from here, as whoever the mail is for, so that all that its",
    "# deliveries write must be writable.",
    "NoNewPrivileges=no",
    "CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE",
    "CapabilityBoundingSet=CAP_KILL CAP_SYS_RESOURCE",
)
_OF = {"none": _SEALED, "postfix": _POSTFIX, "exim": _EXIM}
_WRITTEN_BY = {"none": (), "postfix": ("-/var/spool/postfix",), "exim": ()}
_HOMES = ("/home", "/root", "/run/user")


def hardening(mta: Mta, *, writable: Sequence[str], read: Sequence[str]) -> list[str]:
    """Return the lines for ``[Service]``; `writable` and `read` are paths that must stay reachable."""
    lines = [*_ALWAYS, *_OF[mta]]
    if mta == "exim":
        lines += ["ProtectSystem=full", "ProtectHome=no"]
    else:
        at_home = any(_below(path, home) for path in (*writable, *read) for home in _HOMES)
        lines += ["ProtectSystem=strict", f"ProtectHome={'read-only' if at_home else 'yes'}"]
    paths = [*writable, *_WRITTEN_BY[mta]]
    return [*lines, *(f"ReadWritePaths={path}" for path in dict.fromkeys(paths))]


def _below(path: str, directory: str) -> bool:
    return path.removeprefix("-").startswith(f"{directory}/")
