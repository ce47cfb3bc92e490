"""docs/first-mail.md, done from top to bottom at two hosts by nothing but what the page says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.docs.hosts import free_port, hosts, network
from tests.docs.machine import machine
from tests.docs.pages import ROOT, blocks
from tests.docs.walk import steps, walk
from tests.real.fetch import Unavailable

TEXT = (ROOT / "docs" / "first-mail.md").read_text()
HANDS, _EXIM = TEXT.split("## 7.")
EXIM = _EXIM.replace("<!-- run: as root at", "<!-- run: at")
ADDRESSES = {"alice": "192.0.2.1", "bob": "192.0.2.2"}


def test_every_step_at_two_hosts(tmp_path: Path) -> None:
    with network(ADDRESSES) as wire, hosts(tmp_path, list(ADDRESSES), wire) as there:
        here = f"127.0.0.1:{free_port()}"

        def change(block: str) -> str:
            block = installed(block) if "pip install" in block else block
            return block if wire else re.sub(r"192\.0\.2\.\d:5400|0\.0\.0\.0:5400", here, block)

        walk(HANDS, there, change)
        for host, subject in (("alice", "Re: first mail"), ("bob", "first mail")):
            [file] = (there[host].home / "Maildir" / "new").iterdir()
            assert f"\nSubject: {subject}\n" in file.read_text()


def installed(block: str) -> str:
    """Return the block with what is installed here in place of an installation.

    Packages cannot be fetched from a host without a network; README's test does what these two lines do.
    """
    lines = block.splitlines()
    assert ["python3 -m venv ~/gateway-venv", "~/gateway-venv/bin/pip install -q ~/mailgateway"] == lines[:2]
    return f"mkdir ~/gateway-venv; ln -s {Path(sys.executable).parent} ~/gateway-venv/bin\n{lines[2]}\n"


def test_every_block_is_a_step() -> None:
    """What is shown as a command is done, its answer held against what is shown."""
    shown = [*blocks(TEXT, "sh"), *blocks(TEXT, "text")]
    done = [step.body for what in ("run", "see") for step in steps(HANDS + EXIM) if step.what == what]
    assert sorted(shown) == sorted(done)


@pytest.mark.exim
def test_exims_part_as_root_of_two_machines(tmp_path: Path) -> None:
    """Nothing is changed but the installation."""
    with network(ADDRESSES) as wire:
        if wire is None:
            pytest.skip("no network of our own")
        try:
            root = {name: (*wire[name], *machine(tmp_path, name)) for name in ADDRESSES}
        except Unavailable as why:
            pytest.skip(str(why))
        with hosts(tmp_path, list(ADDRESSES), root) as there:
            walk(EXIM, there, lambda block: linked(block) if "pip install" in block else block)


def linked(block: str) -> str:
    """Return the block with what is installed here in place of an installation; see `installed`."""
    lines = block.splitlines()
    assert ["python3 -m venv /opt/gateway", "/opt/gateway/bin/pip install -q ~/mailgateway"] == lines[:2]
    lines[:2] = ["mkdir /opt/gateway", f"ln -s {Path(sys.executable).parent} /opt/gateway/bin"]
    return "\n".join(lines) + "\n"
