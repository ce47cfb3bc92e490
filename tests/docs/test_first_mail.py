"""docs/first-mail.md, done from top to bottom at two hosts by nothing but what the page says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.docs.hosts import free_port, hosts, network
from tests.docs.pages import ROOT, blocks
from tests.docs.walk import steps, walk

TEXT = (ROOT / "docs" / "first-mail.md").read_text()
ADDRESSES = {"alice": "192.0.2.1", "bob": "192.0.2.2"}


def test_every_step_at_two_hosts(tmp_path: Path) -> None:
    with network(ADDRESSES) as wire, hosts(tmp_path, list(ADDRESSES), wire) as there:
        here = f"127.0.0.1:{free_port()}"

        def change(block: str) -> str:
            block = installed(block) if "pip install" in block else block
            return block if wire else re.sub(r"192\.0\.2\.\d:5400|0\.0\.0\.0:5400", here, block)

        walk(TEXT, there, change)
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
    """What is shown as a command is done, its answer held against what is shown; Exim's part aside."""
    text = TEXT.partition("## 7.")[0]
    assert [*blocks(text, "sh"), *blocks(text, "text")] == [
        step.body for what in ("run", "see") for step in steps(text) if step.what == what
    ]


def test_what_exims_part_says_of_the_node_it_makes(tmp_path: Path) -> None:
    """The line that makes the node, in a directory of the test's in place of the root."""
    [line] = [line for line in TEXT.partition("## 7.")[2].splitlines() if line.startswith("gateway --spool")]
    with hosts(tmp_path, ["alice"], path=f"{Path(sys.executable).parent}:/usr/bin:/bin") as there:
        alice = there["alice"]
        alice.run(re.sub(r" (/var|/etc)", rf" {alice.home}\1", line))
        alice.run(f"gateway --config {alice.home}/etc/gateway/gateway.toml config check")
        assert (alice.home / "var" / "spool" / "gateway").is_dir()
        assert (
            f'spool = "{alice.home}/var/spool/gateway"'
            in (alice.home / "etc/gateway/gateway.toml").read_text()
        )
