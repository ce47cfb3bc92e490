"""The units of `gateway setup systemd`, by systemd's own judgement and by the processes that they start."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from gateway.cli import run_command
from gateway.errors import EX_OK
from gateway.service.hardening import Mta
from gateway.service.units import Site, resident_units
from tests.docs.pages import ROOT, sections
from tests.real.fetch import Unavailable, fetch
from tests.real.programs import gateway_script, run
from tests.service.conftest import Pair, inbox
from tests.service.resident import Resident, serving, subjects, submit, until

MTAS = get_args(Mta)
MOST_EXPOSED = {"none": 15, "postfix": 57, "exim": 67}
"""Tenths of systemd's scale of ten, 0 being the best."""
NO_NEW_PRIVILEGES = (
    "NoNewPrivileges=yes", "SystemCall", "Restrict", "PrivateDevices", "PrivateUsers", "ProtectKernel",
    "ProtectClock", "ProtectHostname", "MemoryDeny", "LockPersonality", "DynamicUser",
)  # fmt: skip
"""What is, or implies, that a program gains no rights (systemd.exec(5))."""


@pytest.fixture(scope="session")
def analyze() -> list[str]:
    if found := shutil.which("systemd-analyze"):
        return [found]
    try:
        prefix = fetch("systemd")
    except Unavailable as why:
        pytest.skip(str(why))
    units = prefix / "root/usr/lib/systemd/system"
    return ["env", f"SYSTEMD_UNIT_PATH={units}:", str(prefix / "bin/systemd-analyze")]


def write(directory: Path, *words: str) -> Path:
    """Write units and return their directory."""
    command = ["setup", "systemd", *words, "--command", gateway_script(), "--write", str(directory)]
    assert EX_OK == run_command(command, {})
    return directory / "systemd/system"


@pytest.mark.parametrize("way", ["--resident", "--no-resident"])
@pytest.mark.parametrize("mta", MTAS)
def test_systemd_finds_nothing_to_say_about_them(
    mta: str, way: str, tmp_path: Path, analyze: list[str]
) -> None:
    units = sorted(write(tmp_path, "--mta", mta, way).iterdir())
    done = subprocess.run(
        [*analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("mta", MTAS)
def test_they_are_as_hardened_as_the_page_says(mta: str, tmp_path: Path, analyze: list[str]) -> None:
    units = write(tmp_path, "--mta", mta)
    limit = f"--threshold={MOST_EXPOSED[mta]}"
    command = [*analyze, "security", "--offline=true", "--no-pager", limit, units / "gateway.service"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("mta", ["postfix", "exim"])
def test_a_program_of_the_mta_may_still_gain_its_rights(mta: str, tmp_path: Path) -> None:
    for way in ("--resident", "--no-resident"):
        for unit in write(tmp_path / way, "--mta", mta, way).glob("gateway*.service"):
            implied = [line for line in unit.read_text().splitlines() if line.startswith(NO_NEW_PRIVILEGES)]
            # A session runs nobody's programs.
            assert ("stdio" in unit.name) == bool(implied), (unit.name, implied)


def test_what_systemd_makes_of_the_fragments(tmp_path: Path) -> None:
    if os.geteuid() or not all(map(shutil.which, ("systemd-sysusers", "systemd-tmpfiles"))):
        pytest.skip("needs root, systemd-sysusers and systemd-tmpfiles")
    write(tmp_path / "etc", "--mta", "none")
    for words in (["systemd-sysusers"], ["systemd-tmpfiles", "--create", "gateway.conf"]):
        subprocess.run([words[0], f"--root={tmp_path}", *words[1:]], check=True, capture_output=True)
    name, _, uid, gid, *_ = (tmp_path / "etc/passwd").read_text().splitlines()[-1].split(":")
    assert "gateway" == name
    for path, mode in {"var/spool/gateway": 0o2770, "var/log/gateway": 0o2770, "run/gateway": 0o2750}.items():
        found = (tmp_path / path).stat()
        assert (mode, uid, gid) == (found.st_mode & 0o7777, str(found.st_uid), str(found.st_gid)), path


def test_a_configuration_says_what_is_listened_on_and_written(pair: Pair, tmp_path: Path) -> None:
    bob = pair.bob
    words = ["--config", str(bob.toml), "setup", "systemd"]
    done = bob.gateway(*words[2:], "--write", str(tmp_path / "etc"))
    assert 0 == done.status, done
    units = tmp_path / "etc/systemd/system"
    assert ["gateway.service", "gateway.socket"] == sorted(path.name for path in units.iterdir())
    assert f"ListenStream=127.0.0.1:{pair.port}\n" in (units / "gateway.socket").read_text()
    service = (units / "gateway.service").read_text()
    assert f"ExecStart={gateway_script()} --config {bob.toml} serve\n" in service
    wanted = {str(bob.spool), str(bob.directory), f"{bob.directory}/Maildir"}
    assert wanted == set(re.findall(r"ReadWritePaths=(.*)", service))


def test_with_nncps_configuration_it_answers_on_nncps_port(pair: Pair) -> None:
    words = ["--config", str(pair.bob.hjson), "setup", "systemd", "--mta", "none"]
    done = run([gateway_script(), *words])
    assert 0 == done.status, done
    assert b"\nListenStream=[::]:5400\n" in done.stdout


def test_nobodys_own_unit_is_replaced_unasked(pair: Pair, tmp_path: Path) -> None:
    words = ["setup", "systemd", "--write", str(tmp_path)]
    assert 0 == pair.bob.gateway(*words).status
    own = tmp_path / "systemd/system/gateway.service"
    own.write_text("[Service]\n")
    assert 75 == pair.bob.gateway(*words).status
    assert "[Service]\n" == own.read_text()
    assert 0 == pair.bob.gateway(*words, "--force").status
    assert "Type=notify" in own.read_text()


@pytest.mark.parametrize("path", ["/opt/a b/gateway", "/opt/%h/gateway", "/opt/x\nUser=root"])
def test_what_systemd_would_read_as_something_else_is_refused(path: str) -> None:
    assert 2 == run_command(["setup", "systemd", "--mta", "none", "--command", path], {})


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        ("[::]:5400", ["ListenStream=[::]:5400", "BindIPv6Only=both"]),
        (":5400", ["ListenStream=5400"]),
        ("127.0.0.1:5400", ["ListenStream=127.0.0.1:5400"]),
        ("192.0.2.1:540", ["ListenStream=192.0.2.1:540", "FreeBind=yes"]),
        ("localhost:5400", None),
    ],
)
def test_addresses_as_systemd_writes_them(address: str, lines: list[str] | None) -> None:
    units = resident_units(Site("/usr/bin/gateway", "gateway", "none", daemon=address, lmtp=None))
    found = [unit.text for unit in units if unit.name.endswith(".socket")]
    assert (lines is not None) == bool(found)
    for line in lines or []:
        assert line in found[0].splitlines()


def confined(service: Path) -> list[str]:
    """Return a command that confines what comes behind it, as far as this machine can without systemd.

    Everything is read-only but `ReadWritePaths`; no rights are gained, none are left, and no
    memory becomes executable.
    """
    text = service.read_text()
    script = ["set -e", "mount --make-rprivate /", "mount -t tmpfs tmpfs /var/tmp"]
    paths = re.findall(r"ReadWritePaths=-?(.*)", text)
    script += [f'mkdir -p "{path}"; mount --bind "{path}" "{path}"' for path in paths]
    script += ["mount -o remount,bind,ro /"]
    deny = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(65, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
    )
    script += [f"exec setpriv --no-new-privs --bounding-set=-all {sys.executable} -c '{deny}' \"$@\""]
    return ["unshare", "--mount", "sh", "-c", "\n".join(script), "sh"]


def test_it_serves_with_no_more_than_its_unit_lets_it_write(pair: Pair, tmp_path: Path) -> None:
    probe = subprocess.run(
        ["unshare", "--mount", "sh", "-c", "mount --make-rprivate / && mount -o remount,bind,ro /"],
        capture_output=True, check=False,
    )  # fmt: skip
    if probe.returncode or not shutil.which("setpriv"):
        pytest.skip("this machine lets nobody confine a process")
    assert 0 == pair.bob.gateway("setup", "systemd", "--write", str(tmp_path / "etc")).status
    under = confined(tmp_path / "etc/systemd/system/gateway.service")
    command = [*under, gateway_script(), "--config", str(pair.bob.toml), "serve"]
    bob = Resident(command, tmp_path / "bob.out")
    try:
        bob.says("serves by")
        with serving(pair.alice):
            submit(pair.alice, pair.bob, "confined")
            until(lambda: ["confined"] == subjects(pair.at_bob))
        done = subprocess.run(
            [*under, "/usr/bin/touch", str(tmp_path / "elsewhere")], capture_output=True, check=False
        )
        assert b"Read-only file system" in done.stderr
        assert 0 == bob.end()
    finally:
        bob.close()
    assert "Read-only" not in bob.said()


def test_a_session_on_the_socket_that_systemd_accepted(pair: Pair, tmp_path: Path) -> None:
    assert 0 == pair.bob.gateway("setup", "systemd", "--no-resident", "--write", str(tmp_path)).status
    text = (tmp_path / "systemd/system/gateway-stdio@.service").read_text()
    [command] = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    pair.bob.know(pair.alice, toml=inbox(pair.bob))
    submit(pair.alice, pair.bob, "by a process of its own")
    with socket.create_server(("127.0.0.1", pair.port)) as listener:
        caller = Resident(
            [gateway_script(), "--config", str(pair.alice.toml), "call", "bob"], tmp_path / "call.out"
        )
        connection, _ = listener.accept()
        with connection:
            session = subprocess.Popen(
                command.split(), stdin=connection, stdout=connection, stderr=subprocess.DEVNULL
            )
    assert (0, 0) == (caller.process.wait(60), session.wait(60))
    assert 1 == len(pair.bob.packets("rx"))


@pytest.mark.parametrize("way", ["--resident", "--no-resident"])
def test_the_page_names_every_unit(way: str, tmp_path: Path) -> None:
    page = sections(ROOT / "docs/serve.md")["systemd"]
    for unit in write(tmp_path, "--mta", "none", way).iterdir():
        assert f"`{unit.name}`" in page


def test_the_page_gives_the_scores(tmp_path: Path, analyze: list[str]) -> None:
    page = sections(ROOT / "docs/serve.md")["systemd"]
    for mta in MTAS:
        unit = write(tmp_path / mta, "--mta", mta) / "gateway.service"
        command = [*analyze, "security", "--offline=true", "--no-pager", unit]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        [score] = re.findall(r"level for gateway.service: ([0-9.]+)", done.stdout)
        [said] = re.findall(rf"^\| `{mta}` .*\| ([0-9.]+) \|$", page, re.MULTILINE)
        assert abs(float(said) - float(score)) < 0.4, mta  # its versions differ a little
