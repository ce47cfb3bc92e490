"""Unpack real mail programs from Debian packages into a private directory.

Nothing is installed: no service, no user, no setuid file, nothing outside the directory,
which is ``.real`` beside the tests unless ``$GATEWAY_REAL`` names another. Works as root
and as an ordinary user; shared libraries that the machine lacks are unpacked too.
``python -m tests.real.fetch [PROGRAM...]`` does it from the command line.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

APT_SECONDS = 240
LIST_SECONDS = 3600
RECIPE = "3"
"""Raise it when the steps below change: what older recipes unpacked is then replaced."""


class Unavailable(Exception):
    """A real program cannot be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to unpack and how to make it work away from its place.

    `commands` maps a name in ``bin`` to its path below ``root``; `check` is a command line
    of those names that succeeds when the program runs here.
    """

    packages: tuple[str, ...]
    commands: dict[str, str]
    check: tuple[str, ...]
    patch: Callable[[Path], None] = lambda _root: None


def _replace(file: Path, old: bytes, new: bytes) -> None:
    """Overwrite a C string inside a binary by one that is not longer."""
    text = file.read_bytes()
    file.write_bytes(text.replace(b"\0" + old + b"\0", b"\0" + new.ljust(len(old), b"\0") + b"\0"))


def _patch_exim(root: Path) -> None:
    # Debian's Exim dies where this account does not exist. It is only the default of
    # exim_user and exim_group, which every configuration here sets.
    _replace(root / "usr/sbin/exim4", b"Debian-exim", b"daemon")


def _patch_exim_config(root: Path) -> None:
    # update-exim4.conf gives its result to an account's group, and reads two files of the system.
    program = root / "usr/sbin/update-exim4.conf"
    (root / "etc/mailname").write_text("a.example\n")
    text = program.read_text().replace("/etc/mailname", str(root / "etc/mailname"))
    text = text.replace('"/etc/exim4/exim4.conf.localmacros"', '"$UPEX4C_confdir/exim4.conf.localmacros"')
    program.write_text(text.replace("chown root:Debian-exim", "true"))


def _patch_postfix(root: Path) -> None:
    # The library path compiled in is 16 bytes; a link named L makes a relative one fit.
    for link, target in (
        ("usr/L", "lib/postfix"),
        ("usr/lib/L", "postfix"),
        ("usr/lib/postfix/L", "."),
    ):
        (root / link).symlink_to(target)
    for folder in ("usr/sbin", "usr/lib/postfix/sbin", "usr/lib/postfix"):
        for file in (root / folder).iterdir():
            if file.is_file() and not file.is_symlink() and file.read_bytes()[:4] == b"\x7fELF":
                _replace(file, b"/usr/lib/postfix", b"$ORIGIN/../L")


def _patch_chromium(root: Path) -> None:
    # Fonts are looked for in the directories that this file names, and nowhere else.
    (root / "fonts.conf").write_text(
        f"<fontconfig><dir>{root}/usr/share/fonts</dir><cachedir>{root}/fonts</cachedir></fontconfig>\n"
    )


def _patch_fakeroot(root: Path) -> None:
    # The Debian wrapper looks for its two halves at absolute paths.
    library = next(root.rglob("libfakeroot-sysv.so"))
    wrapper = root / "usr/bin/fakeroot-here"
    programs = root / "usr/bin"
    wrapper.write_text(
        f'#!/bin/sh\nexec {programs}/fakeroot-sysv --lib {library} --faked {programs}/faked-sysv "$@"\n'
    )
    wrapper.chmod(0o755)


def _patch_systemd(root: Path) -> None:
    # Its own library lies where only its own path leads.
    for library in root.rglob("libsystemd-*.so"):
        shutil.copy2(library, root.parent / "lib" / library.name)


NNCP_COMMANDS = (
    "ack", "bundle", "call", "caller", "cfgdir", "cfgmin", "cfgnew", "check", "cronexpr", "daemon", "exec",
    "file", "hash", "log", "pkt", "rm", "stat", "toss", "trns", "xfer",
)  # fmt: skip
POSTFIX_COMMANDS = ("postcat", "postconf", "postdrop", "postmap", "postqueue", "postsuper", "sendmail")

PROGRAMS: dict[str, Program] = {
    "nncp": Program(
        packages=("nncp",),
        commands={f"nncp-{name}": f"usr/bin/nncp-{name}" for name in NNCP_COMMANDS},
        check=("nncp-exec", "-version"),
    ),
    "exim": Program(
        packages=("exim4-daemon-light", "exim4-base"),
        commands={"exim": "usr/sbin/exim4"},
        check=("exim", "-C", "/dev/null", "-bV"),
        patch=_patch_exim,
    ),
    "exim4-config": Program(
        packages=("exim4-config",),
        commands={"update-exim4.conf": "usr/sbin/update-exim4.conf"},
        check=("update-exim4.conf", "--help"),
        patch=_patch_exim_config,
    ),
    "postfix": Program(
        packages=("postfix",),
        commands={name: f"usr/sbin/{name}" for name in POSTFIX_COMMANDS}
        | {"master": "usr/lib/postfix/sbin/master", "rmail": "usr/sbin/rmail"},
        check=("postconf", "-d", "mail_version"),
        patch=_patch_postfix,
    ),
    "rmail": Program(packages=("rmail",), commands={"rmail": "usr/sbin/rmail"}, check=()),
    "chromium": Program(
        packages=("chromium", "chromium-common", "fonts-dejavu-core", "fontconfig-config"),
        commands={"chromium": "usr/lib/chromium/chromium"},
        check=("chromium", "--version"),
        patch=_patch_chromium,
    ),
    "systemd": Program(
        packages=("systemd",),
        commands={"systemd-analyze": "usr/bin/systemd-analyze"},
        check=("systemd-analyze", "--version"),
        patch=_patch_systemd,
    ),
    "zsh": Program(
        packages=("zsh",),
        commands={"zsh": "bin/zsh"},
        check=("zsh", "-f", "-c", "true"),
    ),
    "fish": Program(
        packages=("fish", "fish-common"),
        commands={"fish": "usr/bin/fish"},
        check=("fish", "--no-config", "-c", "true"),
    ),
    "fakeroot": Program(
        packages=("fakeroot", "libfakeroot"),
        commands={"fakeroot": "usr/bin/fakeroot-here"},
        check=("fakeroot", "true"),
        patch=_patch_fakeroot,
    ),
}


def home() -> Path:
    """Return the private directory, links resolved; it need not exist."""
    default = Path(__file__).resolve().parents[2] / ".real"
    return Path(os.environ.get("GATEWAY_REAL") or default).resolve()


def fetch(name: str) -> Path:
    """Unpack a program unless that was done, and return its directory, with ``bin`` and ``root``.

    Several processes may ask at once: one works, the others wait.

    Raises:
        Unavailable: the program cannot be had on this machine.
    """
    program = PROGRAMS[name]
    prefix = home() / name
    if re.search(r"[\s:]", str(prefix)):
        raise Unavailable(f"blanks and colons in {prefix} confuse the programs: set GATEWAY_REAL")
    stamp = prefix / "stamp"
    wanted = f"{RECIPE} {prefix} {' '.join(program.packages)}\n"

    def ready() -> bool:
        return stamp.is_file() and stamp.read_text() == wanted and not _trouble(prefix, program)

    try:
        home().mkdir(parents=True, exist_ok=True)
        if ready():
            return prefix
        with _locked(home() / "lock"):
            if not ready():
                _build(prefix, program)
                stamp.write_text(wanted)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{name}: {error}") from error
    return prefix


def without_shell(name: str) -> list[str]:
    """Return the words that start a program of `PROGRAMS` as where it is installed: without a wrapper.

    For measurements: the shell that sets a library path costs each process a millisecond.
    """
    prefix = fetch(name)
    command = prefix / "bin" / name
    if command.is_symlink():
        return [str(command)]
    target = prefix / "root" / PROGRAMS[name].commands[name]
    loader = re.search(rb"/[\w/.-]+/ld-[\w.-]+", target.read_bytes())
    if loader is None:
        raise Unavailable(f"{target} names no program that loads it")
    return [loader[0].decode(), "--library-path", str(prefix / "lib"), str(target)]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _trouble(prefix: Path, program: Program) -> str:
    """Return what the program says when it does not run, else an empty string."""
    if not program.check:
        return ""
    command = [str(prefix / "bin" / program.check[0]), *program.check[1:]]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return f"{command[0]}: {done.stderr.decode(errors='replace').strip()[-500:]}"


def _build(prefix: Path, program: Program) -> None:
    shutil.rmtree(prefix, ignore_errors=True)
    root, libraries, debs = prefix / "root", prefix / "lib", prefix / "debs"
    for folder in (root, libraries, debs, prefix / "bin"):
        folder.mkdir(parents=True)
    own = _download(debs, program.packages)
    for deb in sorted(debs.iterdir()):
        _run("dpkg-deb", "-x", str(deb), str(root if deb.name.split("_")[0] in own else prefix / "unpacked"))
    for library in (prefix / "unpacked").rglob("*.so*"):
        if library.is_file():
            shutil.copy2(library, libraries / library.name, follow_symlinks=False)
    shutil.rmtree(prefix / "unpacked", ignore_errors=True)
    shutil.rmtree(debs)
    _drop_privileges(root)
    program.patch(root)
    for name, path in program.commands.items():
        _command(prefix / "bin" / name, root / path, libraries)
    if trouble := _trouble(prefix, program):
        raise Unavailable(f"unpacked, but does not run: {trouble}")


def _drop_privileges(root: Path) -> None:
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            path.chmod(mode & 0o777)


def _command(link: Path, target: Path, libraries: Path) -> None:
    """Make a command of `target`, with a library path only where libraries were missing."""
    if not target.exists():
        raise Unavailable(f"the package has no {target.name}")
    if not any(libraries.iterdir()):
        link.symlink_to(target)
        return
    link.write_text(
        f"#!/bin/sh\nLD_LIBRARY_PATH={libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\n"
        f'export LD_LIBRARY_PATH\nexec {target} "$@"\n'
    )
    link.chmod(0o755)


# --- packages -----------------------------------------------------------------


def _run(*command: str, cwd: Path | None = None) -> str:
    """Run a command and return its output; its last words are in the exception."""
    environ = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, cwd=cwd, env=environ,
        timeout=APT_SECONDS, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:2])}: {done.stderr.strip()[-500:]}")
    return done.stdout


class _Apt:
    """apt's package lists: the system's, or ones of our own."""

    def __init__(self, private: Path | None = None) -> None:
        self.options = ["-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"]
        if private is not None:
            for folder in ("state/lists/partial", "cache/archives/partial"):
                (private / folder).mkdir(parents=True, exist_ok=True)
            self.options += [
                "-o", f"Dir::State={private}/state", "-o", "Dir::State::status=/var/lib/dpkg/status",
                "-o", f"Dir::Cache={private}/cache", "-o", "Acquire::Languages=none",
            ]  # fmt: skip
            lists = private / "fetched"
            if not lists.exists() or time.time() - lists.stat().st_mtime > LIST_SECONDS:
                _run("apt-get", *self.options, "update")
                lists.touch()

    def depends(self, packages: Iterable[str]) -> dict[str, set[str]]:
        """Return the libraries that each known package depends on, first alternatives only."""
        command = ("apt-cache", *self.options, "show", "--no-all-versions", *packages)
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=APT_SECONDS,
            stdin=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
        found: dict[str, set[str]] = {}
        name = ""
        for line in done.stdout.splitlines():
            key, _, value = line.partition(": ")
            if key == "Package":
                name = value
                found.setdefault(name, set())
            elif key in ("Depends", "Pre-Depends"):
                words = (re.split(r"[\s(|:]", part.strip(), maxsplit=1)[0] for part in value.split(","))
                found[name] |= {word for word in words if word.startswith("lib")}
        return found

    def closure(self, packages: tuple[str, ...]) -> list[str]:
        """Return the packages and the libraries they need that are not installed."""
        wanted, todo = list(packages), list(packages)
        while todo:
            known = self.depends(todo)
            if missing := [package for package in todo if package not in known]:
                raise Unavailable(f"no package {' '.join(missing)}")
            needed = set[str]().union(*known.values()) - set(wanted)
            todo = sorted(package for package in needed if not _installed(package))
            wanted += todo
        return wanted


def _installed(package: str) -> bool:
    query = ("dpkg-query", "-W", "-f", "${db:Status-Status} ", package)
    done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode == 0 and "installed" in done.stdout.split()


def _download(target: Path, packages: tuple[str, ...]) -> tuple[str, ...]:
    """Download packages with what they need; return those whose programs are wanted."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable("needs apt-get and dpkg-deb")
    try:
        _get(_Apt(), target, packages)
    except Unavailable as why:
        print(f"fetching package lists privately ({why})", file=sys.stderr)  # none here, or out of date
        _get(_Apt(private=home() / "apt"), target, packages)
    return packages


def _get(apt: _Apt, target: Path, packages: tuple[str, ...]) -> None:
    _run("apt-get", *apt.options, "download", *apt.closure(packages), cwd=target)


if __name__ == "__main__":
    for program_name in sys.argv[1:] or PROGRAMS:
        try:
            print(fetch(program_name))
        except Unavailable as unavailable:
            sys.exit(str(unavailable))
