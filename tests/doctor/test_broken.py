"""Ten broken installations: the doctor names each one, and its line mends it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from gateway_exim.setup import routers

from tests.links.test_online_real import QUICK, daemon, free_port
from tests.plugins.exim.test_real_check import PLAN
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim
from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, Finished, gateway_script, run, run_gateway

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@dataclass
class Patient:
    """A node that was well when it was made, and what the doctor says of it."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "gateway.toml"

    @property
    def spool(self) -> Path:
        return self.directory / "spool"

    def doctor(self, *words: str, under: tuple[str, ...] = ()) -> Finished:
        command = ["--config", str(self.config), "doctor", "--json", *words]
        return run_gateway(*command, under=under, limit=60)

    def findings(self, *words: str, under: tuple[str, ...] = ()) -> list[dict[str, str]]:
        done = self.doctor(*words, under=under)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert (1 if any(not one["fixed"] for one in found) else 0) == done.status, done
        return found

    def only(self, *words: str, under: tuple[str, ...] = ()) -> dict[str, str]:
        [found] = self.findings(*words, under=under)
        assert all(found[key] for key in ("subject", "what", "why", "mend")), found
        return found

    def write(self, text: str) -> None:
        with self.config.open("a") as file:
            file.write(text)

    def mend(self, line: str) -> None:
        """Do what a finding's line says, if it is a command."""
        environ = ENVIRONMENT | {"PATH": f"{Path(gateway_script()).parent}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-ec", line], check=True, env=environ, cwd=self.directory, timeout=60)


@pytest.fixture
def patient() -> Iterator[Patient]:
    with tempfile.TemporaryDirectory(prefix="gateway-doctor-") as top:
        Path(top).chmod(0o755)  # so that another user can be the owner
        yield _patient(Path(top))


def _patient(tmp_path: Path) -> Patient:
    directory = tmp_path / "alice"
    assert 0 == run_gateway("init", "--name", "alice", str(directory)).status
    patient = Patient(directory)
    bob = tmp_path / "bob"
    block = run_gateway("init", "--name", "bob", str(bob)).stdout
    assert 0 == run_gateway("--config", str(patient.config), "node", "add", stdin=block).status
    assert [] == patient.findings()
    return patient


def test_a_key_that_others_can_read(patient: Patient) -> None:
    keys = patient.directory / "keys.toml"
    keys.chmod(0o644)
    found = patient.only()
    assert (str(keys), "private keys open to others (mode 0644)") == (found["subject"], found["what"])
    patient.mend(found["mend"])
    assert [] == patient.findings()
    keys.chmod(0o646)
    assert [True] == [one["fixed"] for one in patient.findings("--fix")]
    assert 0o640 == keys.stat().st_mode & 0o777
    assert [] == patient.findings()


def test_a_program_that_is_not_there(patient: Patient) -> None:
    program = patient.directory / "x"
    patient.write(f'exec.x = ["{program}"]\n')
    found = patient.only()
    assert "neigh.bob.exec.x" == found["subject"]
    assert str(program) in found["what"]
    program.write_text("#!/bin/sh\n")
    unusable = patient.only()
    assert "cannot be run by" in unusable["what"]
    patient.mend(unusable["mend"])
    assert [] == patient.findings()


def test_delays_that_no_sender_can_hear_of(patient: Patient) -> None:
    patient.write("\n[retry]\nwarn-sender = true\n")
    found = patient.only("--only", "handles")
    assert "retry.warn-sender" == found["subject"]
    line = re.search(r"exec\.rsmtp = \[[^]]*\]", found["mend"])
    assert line is not None
    patient.write(f"\n[neigh.self]\n{line[0]}\n".replace("/usr/sbin/sendmail", "/bin/true"))
    assert [] == patient.findings("--only", "handles")


@only_root
def test_a_file_that_another_user_left_behind(patient: Patient) -> None:
    os.chown(patient.spool, 8, 8)
    patient.directory.chmod(0o755)
    done = run_gateway("--config", str(patient.config), "exec", "bob", "x", stdin=b"x")
    assert 0 == done.status, done
    [packet] = {path.resolve() for path in patient.spool.glob("*/tx/*") if path.is_file()}
    os.chown(packet, 0, 0)
    found = next(one for one in patient.findings() if "belongs to root" in one["what"])
    assert str(packet) == found["subject"]
    patient.mend(found["mend"])
    assert 8 == packet.stat().st_uid
    assert [] == [one for one in patient.findings() if "belongs to" in one["what"]]
    os.chown(packet, 0, 0)
    assert any(one["fixed"] for one in patient.findings("--fix"))
    assert 8 == packet.stat().st_uid


def test_a_route_to_nowhere(patient: Patient) -> None:
    patient.write('\n[routes]\n"*" = "bbo"\n')
    [found] = [one for one in patient.findings() if "bbo" in one["what"] + one["subject"]]
    assert "routes" in found["subject"] + found["what"]
    patient.config.write_text(patient.config.read_text().replace('"bbo"', '"bob"'))
    assert [] == patient.findings()


def test_mail_that_nothing_will_ever_fetch(patient: Patient) -> None:
    run_gateway("--config", str(patient.config), "exec", "bob", "x", stdin=b"x")
    found = patient.only("--offline")
    assert "neigh.bob" == found["subject"]
    assert "no address and no relay, and 1 packet waits for it" in found["what"]
    patient.mend(f"mkdir stick; gateway --config {patient.config} xfer --node bob --mkdir stick")
    assert [] == patient.findings("--offline")


def test_a_link_that_is_dead(patient: Patient) -> None:
    port = free_port()
    patient.write(f'addrs.lan = "127.0.0.1:{port}"\n')
    found = patient.only()
    assert "neigh.bob.addrs" == found["subject"]
    assert f"127.0.0.1:{port}" in found["what"]
    assert "refused" in found["what"]
    assert [] == patient.findings("--offline")
    bob = patient.directory.parent / "bob"
    block = run_gateway("--config", str(patient.config), "node", "self").stdout
    assert 0 == run_gateway("--config", str(bob / "gateway.toml"), "node", "add", stdin=block).status
    answering = subprocess.Popen(
        [gateway_script(), "--config", str(bob / "gateway.toml"), "daemon", "--bind", f"127.0.0.1:{port}"],
        stderr=subprocess.PIPE,
    )
    try:
        assert answering.stderr is not None
        assert b"listening" in answering.stderr.readline()
        patient.mend(f"GATEWAY_CONFIG={patient.config} {found['mend']}")
        assert [] == patient.findings()
    finally:
        answering.terminate()
        answering.communicate(timeout=20)


def test_our_own_daemon_that_nobody_started(patient: Patient) -> None:
    port = free_port()
    patient.write(f'\n[serve]\ndaemon = "0.0.0.0:{port}"\n')
    found = patient.only()
    assert ("serve.daemon", True) == (found["subject"], "refused" in found["what"])
    words = ("--config", str(patient.config), "serve")
    serving = subprocess.Popen([gateway_script(), *words], stderr=subprocess.PIPE, env=ENVIRONMENT)
    try:
        assert serving.stderr is not None
        assert b"daemon" in serving.stderr.readline()
        assert [] == patient.findings()
    finally:
        serving.terminate()
        said = serving.communicate(timeout=20)[1]
    assert b"no neighbour's" not in said


def test_a_key_that_is_not_the_neighbours(tmp_path: Path, nncp_bin: Path) -> None:
    """Somebody pasted the wrong block: with NNCP at the other end all one sees is that it hangs up."""
    alice, bob, eve = (Node(tmp_path / name, name, nncp_bin) for name in ("alice", "bob", "eve"))
    alice.know(bob, toml=QUICK)
    eve.know(alice, toml=QUICK)
    with daemon(eve, "nncp") as address:
        alice.know(bob, toml=f'addrs.lan = "{address}"')
        done = run_gateway("--config", str(alice.toml), "doctor", "--json", "--only", "links", limit=60)
    found = json.loads(done.stdout)
    assert 1 == done.status
    assert "are not bob's (compare the words)" in found["what"]


def test_a_clock_that_went_backwards(patient: Patient) -> None:
    ahead = time.time() + 86400
    os.utime(patient.spool, (ahead, ahead))
    found = patient.only()
    assert "clock" == found["subject"]
    assert "it went backwards" in found["what"]
    os.utime(patient.spool)
    assert [] == patient.findings()


@pytest.fixture
def stopped(patient: Patient) -> Iterator[Path]:
    """A lock whose holder is stopped, as by a ^Z that somebody forgot."""
    run_gateway("--config", str(patient.config), "exec", "bob", "x", stdin=b"x")
    [node] = [path for path in patient.spool.iterdir() if (path / "tx").is_dir() and not path.is_symlink()]
    lock = node / "toss.lock"
    lock.touch()
    script = (
        "import fcntl, sys, time; file = open(sys.argv[1]); fcntl.flock(file, 2);"
        " print(flush=True); time.sleep(99)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.send_signal(signal.SIGSTOP)
    yield lock
    holder.kill()
    holder.communicate()


def test_a_lock_whose_holder_does_not_run(patient: Patient, stopped: Path) -> None:
    [found] = [one for one in patient.findings("--offline") if "held by" in one["what"]]
    assert str(stopped) == found["subject"]
    assert "which is stopped" in found["what"]
    patient.mend(found["mend"].partition(", or ")[2])
    assert [] == [one for one in patient.findings("--offline") if "held by" in one["what"]]


def test_a_lock_of_somebody_at_work_is_no_finding(patient: Patient, stopped: Path) -> None:
    other = stopped.with_name("rx.lock")
    with other.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert str(other) not in {one["subject"] for one in patient.findings("--offline")}


def test_a_disk_that_is_full(patient: Patient) -> None:
    namespace = (
        ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    )
    if shutil.which("unshare") is None or run([*namespace, "true"]).status:
        pytest.skip("no mount namespaces here")
    script = f'mount -t tmpfs -o size=1m none {patient.spool} && "$@"'
    found = patient.findings(under=(*namespace, "sh", "-c", script, "sh"))
    full, volatile = sorted(found, key=lambda one: "tmpfs" in one["what"])
    assert re.fullmatch(r"[01] MiB of 1 MiB are free", full["what"])
    assert str(patient.spool) == full["subject"]
    assert "lies on tmpfs" in volatile["what"]


def test_a_spool_that_is_not_there(patient: Patient) -> None:
    patient.spool.rmdir()
    found = patient.only()
    assert (str(patient.spool), "is not there") == (found["subject"], found["what"])
    patient.mend(found["mend"])
    assert [] == patient.findings()


@pytest.mark.exim
def test_an_exim_that_does_not_trust_us(patient: Patient, make_exim: Callable[..., Exim]) -> None:
    exim = make_exim("a.example", routers(PLAN) + LOCAL_ROUTER, LOCAL_TRANSPORT)
    words = ", ".join(json.dumps(word) for word in ("/usr/bin/env", *exim.command(), "-bS"))
    patient.write(f'exec.rsmtp = {{ egress = "exim", command = [{words}] }}\n')
    if os.geteuid() == 0:
        os.chown(patient.spool, 65534, 65534)
    found = [one for one in patient.findings("--only", "plugins") if one["subject"] == "exim: trust"]
    if os.geteuid() != 0:
        assert [] == found  # Exim runs as the caller, whom it trusts
        return
    assert "nobody is not trusted" in found[0]["what"]
    assert "trusted_users = nobody" == found[0]["mend"]
    trusting = exim.directory / "exim.conf"
    trusting.write_text(f"{found[0]['mend']}\n{trusting.read_text()}")
    assert [] == [one for one in patient.findings("--only", "plugins") if one["subject"] == "exim: trust"]


def test_a_configuration_that_cannot_be_read(patient: Patient) -> None:
    patient.write("via = 5\nexec.x = 7\n")
    found = patient.findings()
    assert {"neigh.bob.via", "neigh.bob.exec.x"} <= {one["what"].partition(":")[0] for one in found}
    assert {f"edit {patient.config}, then gateway config check"} == {one["mend"] for one in found}
