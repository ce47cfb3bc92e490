"""A private Exim: its own configuration, spool, log and mail in one directory.

It needs no root: nothing is set-user-id and deliveries run as the caller. Exim refuses to
deliver as root, so a test run as root maps itself to an ordinary account in a user
namespace; where the kernel forbids that, Exim runs deliveries as ``daemon``.
"""

from __future__ import annotations

import email.utils
import functools
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.real.fetch import Unavailable
from tests.real.programs import Finished, run

ACCOUNT = "daemon"
"""For tests that run as root: an account that every Debian has."""

_CONFIGURATION = """\
exim_path = {exim}
exim_user = {user}
exim_group = {group}
deliver_drop_privilege = true
keep_environment = LD_LIBRARY_PATH
primary_hostname = {name}
qualify_domain = {name}
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
pid_file_path = {directory}/spool/exim.pid
disable_ipv6 = true
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_hosts =
tls_advertise_hosts =
never_users =
message_size_limit = 100M
check_spool_space = 0
check_spool_inodes = 0
log_selector = +received_recipients
{main}
begin routers
{routers}
begin transports
{transports}
begin retry
* * F,2h,1m
"""

LOCAL_ROUTER = """\
local:
  driver = accept
  transport = maildir
"""
LOCAL_TRANSPORT = """\
maildir:
  driver = appendfile
  directory = {directory}/mail
  maildir_format
  return_path_add
  envelope_to_add
"""


def router(node: str) -> str:
    """Return a router that gives every foreign domain to the pipe for `node`."""
    return (
        "gateway:\n  driver = manualroute\n  domains = !$primary_hostname\n"
        f"  transport = gateway\n  route_list = * {node}\n" + LOCAL_ROUTER
    )


def transport(command: str, *options: str) -> str:
    """Return the BSMTP pipe of a site that feeds NNCP, with `command` and further options."""
    lines = ["gateway:", "  driver = pipe", "  use_bsmtp", "  batch_max = 100", f"  command = {command}"]
    return "\n".join([*lines, *(f"  {option}" for option in options), LOCAL_TRANSPORT])


@functools.cache
def namespace() -> tuple[str, ...]:
    """Return the words before a command that make root an ordinary account, if any."""
    if os.getuid() != 0:
        return ()
    account = pwd.getpwnam(ACCOUNT)
    words = ("unshare", "--user", f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}", "--")
    if not shutil.which("unshare"):
        return ()
    done = subprocess.run([*words, "true"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return words if done.returncode == 0 else ()


def reachable(path: Path) -> bool:
    """Whether every account may search the folders above a file."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


@dataclass(frozen=True, slots=True)
class Mail:
    """One delivered message: envelope, trace headers of this Exim, and the message itself."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes


class Exim:
    """One private instance; ``{directory}`` in the texts stands for its directory."""

    def __init__(self, prefix: Path, name: str, routers: str, transports: str, main: str = "") -> None:
        self.program = prefix / "bin" / "exim"
        self.namespace = namespace()
        other = os.getuid() == 0 and not self.namespace
        if other and not reachable(Path(sys.executable)):
            raise Unavailable(f"{ACCOUNT} cannot reach {sys.executable}: run the tests as an ordinary user")
        self.account = pwd.getpwnam(ACCOUNT) if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self.directory = Path(tempfile.mkdtemp(prefix="gateway-exim-"))
        self.directory.chmod(0o755)
        self.configuration = self.directory / "exim.conf"
        for folder in ("spool", "log", "mail"):
            (self.directory / folder).mkdir()
            if other:
                os.chown(self.directory / folder, self.account.pw_uid, self.account.pw_gid)
        self.configuration.write_text(
            _CONFIGURATION.format(
                exim=self.program,
                user=self.account.pw_name,
                group=self.account.pw_gid,
                name=name,
                directory=self.directory,
                main=self._fill(main),
                routers=self._fill(routers),
                transports=self._fill(transports),
            )
        )
        self.configuration.chmod(0o644)
        self._daemon: subprocess.Popen[bytes] | None = None

    def _fill(self, text: str) -> str:
        return text.replace("{directory}", str(self.directory))

    def own(self, *paths: Path) -> None:
        """Give trees to the account that this Exim's children run as, and let it in."""
        if os.getuid() != 0 or self.namespace:
            return
        for path in paths:
            for folder in path.parents:
                if folder.stat().st_uid == os.getuid() and folder.name:
                    folder.chmod(folder.stat().st_mode | 0o011)
            for one in (path, *path.rglob("*")):
                os.chown(one, self.account.pw_uid, self.account.pw_gid, follow_symlinks=False)

    def command(self, *arguments: str, inside: bool = False) -> list[str]:
        """Return a command line for this instance; `inside` when one of its children runs it."""
        words = [str(self.program), "-C", str(self.configuration), *arguments]
        return words if inside else [*self.namespace, *words]

    def sendmail(self, *arguments: str) -> Path:
        """Return an executable that runs this Exim with the arguments before its own."""
        script = self.directory / "sendmail"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.command(*arguments))} "$@"\n')
        script.chmod(0o755)
        return script

    def run(self, *arguments: str, stdin: bytes = b"", limit: float = 120) -> Finished:
        """Run this Exim with arguments."""
        return run(self.command(*arguments), stdin=stdin, limit=limit)

    def inject(self, sender: str, recipients: list[str], message: bytes, *, wait: bool = True) -> None:
        """Give it a message as a local program would; `wait` for the delivery."""
        done = self.run(
            "-odf" if wait else "-odq", "-i", "-f", sender or "<>", "--", *recipients, stdin=message
        )
        assert done.status == 0, f"{done}\n{self.records()}"

    def deliver(self) -> None:
        """Run the queue once, all of it."""
        done = self.run("-qff", limit=280)
        assert done.status == 0, done

    def start(self) -> str:
        """Start the SMTP daemon, and return its address once it listens."""
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        command = self.command("-bdf", "-q1s", "-oX", f"127.0.0.1.{port}")
        null = subprocess.DEVNULL
        self._daemon = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    return f"127.0.0.1:{port}"
            time.sleep(0.03)
        raise AssertionError(self.records())

    def stop(self) -> None:
        """Stop the daemon."""
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(20)
            self._daemon = None

    def queued(self) -> int:
        """Return how many messages wait."""
        return len(list((self.directory / "spool/input").rglob("*-H")))

    def mails(self) -> list[Mail]:
        """Return what was delivered into this instance's Maildir."""
        return [read_mail(file.read_bytes()) for file in sorted((self.directory / "mail/new").glob("*"))]

    def records(self) -> str:
        """Return its logs."""
        names = ("log/mainlog", "log/paniclog")
        files = (self.directory / name for name in names)
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def close(self) -> None:
        """Remove the instance."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


TRACE = (b"return-path:", b"envelope-to:", b"received:")


def read_mail(data: bytes) -> Mail:
    """Take a delivered file apart: the trace headers on top, and the message below them."""
    sender, recipients, lines, position = "", [""], data.splitlines(keepends=True), 0
    while position < len(lines) and lines[position].lower().startswith(TRACE):
        end = position + 1
        while end < len(lines) and lines[end][:1] in (b" ", b"\t"):
            end += 1
        field = b"".join(lines[position:end]).decode("utf-8", "surrogateescape")
        value = field.partition(":")[2].strip()
        if field.lower().startswith("return-path:"):
            sender = value.removeprefix("<").removesuffix(">")
        elif field.lower().startswith("envelope-to:"):
            recipients = [address for _, address in email.utils.getaddresses([value])]
        position = end
    return Mail(sender, tuple(sorted(recipients)), b"".join(lines[position:]))
