"""A private Postfix: its own configuration, queue, log and mail in one directory.

Nothing is set-group-id. Run as an ordinary user it stands on fakeroot: its master believes
it is root, and everything runs as the caller. Run as root, services run as the accounts
that `_MAIN` names, and what they are to reach must be open to them; where this interpreter
is not, root maps itself to an ordinary account in a user namespace.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.real.exim import ACCOUNT as MAPPED
from tests.real.exim import Mail, namespace, reachable, read_mail
from tests.real.fetch import Unavailable
from tests.real.programs import ENVIRONMENT, Finished, run

OWNER, GROUP, ACCOUNT = "mail", "news", "nobody"
"""Accounts that every Debian has: of the queue, of the maildrop, and of what commands run as."""

_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/data
command_directory = {prefix}/bin
daemon_directory = {prefix}/root/usr/lib/postfix/sbin
shlib_directory = {prefix}/root/usr/lib/postfix
mail_owner = {owner}
setgid_group = {group}
default_privs = {account}
myhostname = {name}
mydomain = {name}
myorigin = {name}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
lmtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = {name}
virtual_mailbox_base = {directory}
virtual_mailbox_maps = static:mail/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
local_recipient_maps =
alias_maps =
alias_database =
biff = no
maillog_file = {directory}/log/mail.log
maillog_file_prefixes = {directory}
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C
    LD_LIBRARY_PATH LD_PRELOAD FAKEROOTKEY FAKED_MODE FAKEROOTDONTTRYCHOWN
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
{main}
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 1     1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
lmtp      unix  - - n -     - lmtp
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
local     unix  - n n -     - local
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
{services}
"""

_PRIVATE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
            "saved", "trace")  # fmt: skip
_SECONDS = 20.0
_HOT = 60.0


class Postfix:
    """One private instance; ``{directory}`` in the texts stands for its directory.

    `main` are further lines of ``main.cf``, `services` of ``master.cf``, such as a pipe with
    ``user={account}``. Mail for its own domain `name` goes into a Maildir, whatever the local
    part. Local submission (``sendmail``, ``sendmail -bs``) works without `start`, and waits.
    """

    def __init__(self, prefix: Path, fakeroot: Path, name: str, main: str = "", services: str = "") -> None:
        self.prefix = prefix
        self.name = name
        # Pipe services run this interpreter: where their account cannot reach it, root maps itself.
        hidden = os.getuid() == 0 and not reachable(Path(sys.executable))
        mapped = namespace() if hidden else ()
        if hidden and not mapped:
            raise Unavailable(f"{ACCOUNT} cannot reach {sys.executable}: run the tests as an ordinary user")
        self.root = os.getuid() == 0 and not mapped
        self.under = () if self.root else (*mapped, str(fakeroot / "bin/fakeroot"))
        self.account = pwd.getpwnam(ACCOUNT)
        self.owner = (
            (self.account if self.root else pwd.getpwnam(MAPPED))
            if os.getuid() == 0
            else pwd.getpwuid(os.getuid())
        )
        self.directory = Path(tempfile.mkdtemp(prefix="gateway-postfix-"))
        self.directory.chmod(0o755)
        self.port = _free_port()
        # Accounts that are not mapped are an error that fakeroot does not swallow.
        self.environ = ENVIRONMENT | {"MAIL_CONFIG": f"{self.directory}/etc", "FAKEROOTDONTTRYCHOWN": "1"}
        self._master: subprocess.Popen[bytes] | None = None
        self._configure(main, services)
        self._make_queue()

    def _configure(self, main: str, services: str) -> None:
        values = {
            "directory": self.directory,
            "prefix": self.prefix,
            "name": self.name,
            "port": self.port,
            "owner": OWNER,
            "group": GROUP,
            "account": ACCOUNT,
            "uid": self.owner.pw_uid,
            "gid": self.owner.pw_gid,
        }
        for folder in ("etc", "data", "log", "mail", "spool"):
            (self.directory / folder).mkdir()
            (self.directory / folder).chmod(0o755)  # whatever umask an earlier test left behind
        texts = {
            "main.cf": _MAIN.format(main=self._fill(main), **values),
            "master.cf": _MASTER.format(services=self._fill(services), **values),
        }
        for file, text in texts.items():
            path = self.directory / "etc" / file
            path.write_text(text)
            path.chmod(0o644)
        self.cool()
        self.own(self.directory / "mail")

    def cool(self) -> None:
        """Make the configuration look old: Postfix waits until a file it finds freshly written has cooled."""
        for path in (self.directory / "etc").iterdir():
            os.utime(path, (time.time() - _HOT,) * 2)

    def _fill(self, text: str) -> str:
        return text.replace("{directory}", str(self.directory)).replace("{account}", ACCOUNT)

    def _make_queue(self) -> None:
        owner, group = pwd.getpwnam(OWNER).pw_uid, grp.getgrnam(GROUP).gr_gid
        spool = self.directory / "spool"
        for folder in _PRIVATE:
            (spool / folder).mkdir(mode=0o700)
            self._chown(spool / folder, owner, -1)
        for folder, mode in (("maildrop", 0o1730), ("public", 0o2710)):
            (spool / folder).mkdir()
            self._chown(spool / folder, owner, group)
            (spool / folder).chmod(mode)
        (spool / "pid").mkdir()
        (spool / "pid").chmod(0o755)
        self._chown(self.directory / "data", owner, -1)

    def _chown(self, path: Path, user: int, group: int) -> None:
        if self.root:
            os.chown(path, user, group)

    def own(self, *paths: Path) -> None:
        """Give trees to the account that this Postfix's commands run as."""
        for path in paths:
            for one in (path, *path.rglob("*")):
                self._chown(one, self.account.pw_uid, self.account.pw_gid)

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return a command line for this instance that needs no environment of its own."""
        fake = self.under if name == "postsuper" else ()
        setting = f"MAIL_CONFIG={self.directory}/etc"
        return [*fake, "/usr/bin/env", setting, str(self.prefix / "bin" / name), *arguments]

    def sendmail(self, *arguments: str) -> Path:
        """Return an executable that runs this instance's sendmail with the arguments before its own."""
        script = self.directory / "sendmail"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.command("sendmail", *arguments))} "$@"\n')
        script.chmod(0o755)
        return script

    def run(self, name: str, *arguments: str, stdin: bytes = b"", limit: float = 60) -> Finished:
        """Run ``sendmail``, ``postqueue``, ``postsuper``, ``postconf`` or ``postmap``."""
        return run(self.command(name, *arguments), stdin=stdin, limit=limit, environ=self.environ)

    def inject(self, sender: str, recipients: list[str], message: bytes) -> None:
        """Give it a message as a local program would; it is delivered once it runs."""
        done = self.run("sendmail", "-i", "-f", sender or "<>", "--", *recipients, stdin=message)
        assert done.status == 0, f"{done}\n{self.records()}"

    def start(self) -> None:
        """Start the daemons, and wait until they listen."""
        master = [*self.under, str(self.prefix / "bin/master"), "-c", f"{self.directory}/etc", "-d"]
        self._master = subprocess.Popen(
            master, env=self.environ, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, umask=0o022,
        )  # fmt: skip
        up = self.wait(lambda: self._pid() is not None and _listening(self.port))
        assert up, self.records()[-3000:]

    def stop(self) -> None:
        """Stop the daemons; what is queued stays."""
        if self._master is None:
            return
        pid = self._pid()  # under fakeroot, what was started is only a wrapper
        with suppress(ProcessLookupError):
            os.kill(pid or self._master.pid, signal.SIGTERM)
        self._master.wait(_SECONDS)
        self._master = None

    def _pid(self) -> int | None:
        with suppress(OSError, ValueError):
            return int((self.directory / "spool/pid/master.pid").read_text())
        return None

    @staticmethod
    def wait(condition: object, seconds: float = _SECONDS) -> bool:
        """Wait until a condition, a function without arguments, holds; say whether it came to hold."""
        assert callable(condition)
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.03)
        return True

    def wait_for_mails(self, count: int) -> list[Mail]:
        """Wait until so many messages were delivered, and return them."""
        assert self.wait(lambda: len(self.mails()) >= count), self.records()[-3000:]
        return self.mails()

    def mails(self) -> list[Mail]:
        """Return what was delivered into this instance's Maildir."""
        return [_read(file.read_bytes()) for file in sorted((self.directory / "mail/new").glob("*"))]

    def queued(self) -> int:
        """Return how many messages wait, those in the maildrop included.

        Postfix makes a queue file executable when it is complete; what lacks the bit is no message, and
        stays behind for a day where its writer was killed.
        """
        folders = ("maildrop", "incoming", "active", "deferred", "hold")
        files = (path for folder in folders for path in (self.directory / "spool" / folder).rglob("*"))
        return sum(1 for path in files if _complete(path))

    def records(self) -> str:
        """Return its log."""
        log = self.directory / "log/mail.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def close(self) -> None:
        """Stop and remove the instance."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def _complete(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:  # it was moved on between the listing and now
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)


def _read(data: bytes) -> Mail:
    """Take a delivered file apart; virtual(8) writes X-Original-To and Delivered-To for Envelope-To."""
    data = re.sub(rb"(?m)\AReturn-Path: (.*)\nX-Original-To: (.*)\nDelivered-To: .*\n",
                  rb"Return-Path: \1\nEnvelope-To: \2\n", data)  # fmt: skip
    return read_mail(data)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _listening(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
