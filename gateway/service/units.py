"""Units for systemd that run the gateway, as text, with the user and the directories they need."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import UsageError
from gateway.service.hardening import Mta, hardening

if TYPE_CHECKING:
    from gateway.config.model import Config

__all__ = ["Site", "Unit", "resident_units", "single_units"]

_PATH = re.compile(r"/[A-Za-z0-9._+/@,=:~-]*")
_NAME = re.compile(r"[a-z_][a-z0-9_-]*")
_RUN = "/run/gateway"
_SPOOL, _LOG = "/var/spool/gateway", "/var/log/gateway/gateway.log"
_DAEMON = "[::]:5400"
_STOP = 45
"""[s] More than `gateway serve` gives its deliveries to end, and then itself."""


class Unit(NamedTuple):
    """A file: its name below ``/etc`` or ``/usr/lib``, and its text."""

    name: str
    text: str


class Site(NamedTuple):
    """What the units stand on: absolute paths, and the addresses that systemd is to listen on.

    `writable` are files and directories that are written beside the spool and the log.
    """

    command: str
    user: str
    mta: Mta
    config: str | None = None
    spool: str = _SPOOL
    log: str | None = _LOG
    daemon: str | None = _DAEMON
    lmtp: str | None = f"{_RUN}/lmtp.sock"
    submit: str | None = None
    writable: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Config, *, command: str, user: str, mta: Mta) -> Site:
        """Return the site of a configuration; NNCP's says nowhere where to listen, so that is NNCP's port."""
        serve = config.serve
        maildirs = (
            handle.options.get("path")
            for neighbour in config.neighbours.values()
            for handle in neighbour.handles.values()
            if handle.egress == "maildir"
        )
        files = [serve.metrics] if serve.metrics and serve.metrics.startswith("/") else []
        return cls(
            command,
            user,
            mta,
            os.path.abspath(config.path),
            config.spool,
            config.log,
            serve.daemon or (_DAEMON if config.dialect == "nncp" else None),
            serve.lmtp,
            serve.submit,
            (*(os.path.dirname(file) for file in files), *(str(path) for path in maildirs)),
        )

    def check(self) -> None:
        """Refuse what systemd would read as something else.

        Raises:
            UsageError: temporary.
        """
        paths = (self.command, self.config, self.spool, self.log, *self.writable)
        for path in paths:
            if path is not None and not _PATH.fullmatch(path):
                raise UsageError(f"path {path!r}: cannot stand in a unit")
        if not _NAME.fullmatch(self.user):
            raise UsageError(f"user {self.user!r}: not a name for a user of its own")

    @property
    def program(self) -> str:
        """The command line up to the command."""
        return f"{self.command} --config {self.config}" if self.config else self.command

    @property
    def run_directories(self) -> list[str]:
        """Directories of our Unix sockets."""
        sockets = (path for path in (self.lmtp, self.submit) if path and path.startswith("/"))
        return list(dict.fromkeys(os.path.dirname(path) for path in sockets))

    @property
    def socket_group(self) -> str:
        """Who may connect to our Unix sockets, beside our own user: Postfix's client is in no other group."""
        return "postfix" if self.mta == "postfix" else self.user


def resident_units(site: Site) -> list[Unit]:
    """Return the units of `gateway serve`: the process, and the sockets that outlive it.

    Raises:
        UsageError: temporary; a path or a name that cannot stand in a unit.
    """
    site.check()
    sockets: list[Unit] = []
    if site.daemon and (listen := _tcp(site.daemon)):
        lines = [*listen, "FileDescriptorName=daemon", "Backlog=128", "NoDelay=yes"]
        sockets.append(
            _socket("gateway.socket", ["Description=Calls of the mail gateway's neighbours"], lines)
        )
    if site.lmtp and (listen := _local(site)):
        lines = [*listen, "FileDescriptorName=lmtp", "Backlog=128", "Service=gateway.service"]
        sockets.append(
            _socket("gateway-lmtp.socket", ["Description=Mail from the MTA to the gateway"], lines)
        )
    names = " ".join(os.path.basename(unit.name) for unit in sockets)
    service = _service(
        site,
        "gateway.service",
        "serve",
        mta=site.mta,
        unit=["Description=Mail gateway"],
        lines=[
            "Type=notify",
            "ExecReload=kill -HUP $MAINPID",
            "WatchdogSec=120",
            *_again(site.mta),
            "LimitNOFILE=32768",
            *([f"Sockets={names}"] if names else []),
        ],
        install=["WantedBy=multi-user.target", *([f"Also={names}"] if names else [])],
    )
    return [service, *sockets, *_ground(site)]


def single_units(site: Site) -> list[Unit]:
    """Return units for a site without the resident process: a process for each session and each pass.

    Raises:
        UsageError: temporary; a path or a name that cannot stand in a unit, or no address.
    """
    site.check()
    listen = _tcp(site.daemon or _DAEMON)
    if not listen:
        raise UsageError(f"serve.daemon {site.daemon!r}: systemd needs an address, not a name")
    session = _service(
        site,
        "gateway-stdio@.service",
        "daemon --stdio",
        mta="none",  # it hands nothing over to anybody
        unit=["Description=Session with a neighbour", "CollectMode=inactive-or-failed"],
        lines=[
            "Type=exec",
            "StandardInput=socket",
            "StandardOutput=socket",
            "StandardError=journal",
            "# The peer went away: the next session goes on from there.",
            "SuccessExitStatus=75",
        ],
    )
    toss = _service(
        site,
        "gateway-toss.service",
        "toss",
        mta=site.mta,
        unit=["Description=Delivery of what arrived"],
        lines=["Type=oneshot", "# Somebody else is at work.", "SuccessExitStatus=75", *_ending(site.mta)],
    )
    every = ["OnBootSec=1min", "OnUnitInactiveSec=1min", "AccuracySec=5s"]
    timer = _text({"Unit": ["Description=Delivery of what arrived, every minute"], "Timer": every}, "timers")
    caller = _service(
        site,
        "gateway-caller.service",
        "caller",
        mta=site.mta,
        unit=["Description=Calls to neighbours, by the clock"],
        lines=["Type=exec", *_again(site.mta)],
        install=["WantedBy=multi-user.target"],
    )
    lines = [*listen, "Accept=yes", "MaxConnections=128", "MaxConnectionsPerSource=16", "NoDelay=yes"]
    calls = ["Description=Calls of the mail gateway's neighbours, a process for each"]
    door = _socket("gateway-stdio.socket", [*calls, "Conflicts=gateway.socket gateway.service"], lines)
    return [door, session, toss, Unit("systemd/system/gateway-toss.timer", timer), caller, *_ground(site)]


def _again(mta: Mta) -> list[str]:
    return ["Restart=on-failure", "RestartSec=10", "RestartPreventExitStatus=2", *_ending(mta)]


def _ending(mta: Mta) -> list[str]:
    # Exim goes on delivering when its caller has gone; these are not ours to kill.
    return [f"KillMode={'process' if mta == 'exim' else 'mixed'}", f"TimeoutStopSec={_STOP}"]


def _service(
    site: Site,
    name: str,
    words: str,
    *,
    mta: Mta,
    lines: list[str],
    unit: Sequence[str],
    install: Sequence[str] = (),
) -> Unit:
    logs = [os.path.dirname(site.log)] if site.log else []
    keep = [site.spool, *logs, *(f"-{path}" for path in site.run_directories), *site.writable]
    writable = [path for path in keep if path == site.spool or not path.startswith(f"{site.spool}/")]
    read = [site.command, *([site.config] if site.config else [])]
    sections = {
        "Unit": [
            *unit,
            "After=network.target",
            f"RequiresMountsFor={site.spool}",
        ],
        "Service": [
            f"ExecStart={site.program} {words}",
            f"User={site.user}",
            f"Group={site.user}",
            *lines,
            "",
            *hardening(mta, writable=[path for path in writable if path != "/"], read=read),
        ],
    }
    if install:
        sections["Install"] = [*install]
    return Unit(f"systemd/system/{name}", _text(sections))


def _socket(name: str, unit: list[str], lines: list[str]) -> Unit:
    return Unit(f"systemd/system/{name}", _text({"Unit": unit, "Socket": lines}, "sockets"))


def _text(sections: dict[str, list[str]], wanted_by: str = "") -> str:
    if wanted_by:
        sections["Install"] = [f"WantedBy={wanted_by}.target"]
    return "\n".join(
        f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items()
    )


def _tcp(address: str) -> list[str]:
    """Return where to listen; nothing for a host's name, which systemd does not look up."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host:
        return [f"ListenStream={port}"]
    try:
        place = ip_address(host)
    except ValueError:
        return []
    bracketed = f"[{place}]" if place.version == 6 else str(place)  # noqa: PLR2004 - IPv6
    special = ["BindIPv6Only=both"] if place.version == 6 else []  # noqa: PLR2004 - IPv6
    return [
        f"ListenStream={bracketed}:{port}",
        *special,
        *([] if place.is_unspecified or place.is_loopback else ["FreeBind=yes"]),
    ]


def _local(site: Site) -> list[str]:
    address = site.lmtp or ""
    if not address.startswith("/"):
        return _tcp(address)
    return [
        f"ListenStream={address}",
        f"SocketUser={site.user}",
        f"SocketGroup={site.socket_group}",
        "SocketMode=0660",
    ]


def _ground(site: Site) -> Iterator[Unit]:
    """Yield who we are, and the directories that must be there."""
    user, group = site.user, site.socket_group
    yield Unit("sysusers.d/gateway.conf", f'u {user} - "Mail gateway" {site.spool} /usr/sbin/nologin\n')
    lines = [f"d {site.spool} 2770 {user} {user} -"]
    if site.log and not site.log.startswith(f"{site.spool}/"):
        lines.append(f"d {os.path.dirname(site.log)} 2770 {user} {user} -")
    lines += [f"d {path} 2750 {user} {group} -" for path in site.run_directories if path.startswith("/run/")]
    yield Unit("tmpfiles.d/gateway.conf", "\n".join(lines) + "\n")
