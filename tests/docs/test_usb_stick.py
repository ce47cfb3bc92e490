"""docs/usb-stick.md, done from top to bottom by two nodes that are neighbours and never meet."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs.hosts import Host, hosts
from tests.docs.pages import ROOT, blocks
from tests.docs.walk import steps, walk

TEXT = (ROOT / "docs" / "usb-stick.md").read_text()
_PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
_LETTER = """\
gateway exec bob rsmtp <<'END'
MAIL FROM:<alice@alice.example>
RCPT TO:<bob@bob.example>
DATA
Subject: {}

Hello, Bob.
.
END
"""


def neighbours(there: dict[str, Host]) -> None:
    """Make a node at each host, all of them neighbours, who may put mail into each other's Maildir."""
    for host in there.values():
        host.run('export GATEWAY_CONFIG="$HOME/gateway/gateway.toml"')
        host.run(f"gateway init --name {host.name} ~/gateway > ~/block")
    for host in there.values():
        for other in there.values():
            if other is not host:
                host.run(f"gateway node add < {other.home}/block")
                maildir = f'{{ egress = "maildir", path = "{host.home}/Maildir" }}'
                host.run(f"echo '[neigh.{other.name}.exec]\nrsmtp = {maildir}' >> \"$GATEWAY_CONFIG\"")


def test_every_step_at_two_hosts(tmp_path: Path) -> None:
    with hosts(tmp_path, ["alice", "bob"], path=_PATH) as there:
        neighbours(there)
        alice, bob = there.values()
        alice.run(_LETTER.format("by stick"))
        alice.run("mkdir stick second")

        def change(block: str) -> str:
            return block.replace("/media/", "$HOME/")

        first, second = TEXT.split("## A stick that stays")
        walk(first, there, change)
        [mail] = (bob.home / "Maildir" / "new").iterdir()
        assert "\nSubject: by stick\n" in mail.read_text()
        alice.run(_LETTER.format("twice"))
        walk(second, there, change)
        assert "delivered 1" in bob.run("gateway toss")
        bob.run(f"gateway xfer {alice.home}/second")
        bob.run("gateway toss")
        assert 2 == len([*(bob.home / "Maildir" / "new").iterdir()]), "what comes twice is delivered once"


def test_every_block_is_a_step() -> None:
    assert [*blocks(TEXT, "sh"), *blocks(TEXT, "text")] == [
        step.body for what in ("run", "see") for step in steps(TEXT) if step.what == what
    ]
