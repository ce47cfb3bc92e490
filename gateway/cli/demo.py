"""``gateway demo``: three nodes in a temporary directory, and a message that crosses them.

Every step is the command that a person would type, run by the same interpreter. What the
relay could learn is read from the very bytes that it holds, and it is made to try.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

import click

from gateway.cli import Setting
from gateway.cli.demo_nodes import LETTER, RECIPIENT, SENDER, SUBJECT, DemoNode, Failed, write_node
from gateway.errors import EX_FAILURE, EX_OK, BadPacket, GatewayError
from gateway.packet import niceness
from gateway.packet.header import Header
from gateway.packet.identity import Identity, encode
from gateway.packet.opening import open_packet

SHOWN = 5
"""How many lines of the delivered mail are shown: what the mailbox put first, and some of the letter."""
LIMIT = 60
"""[s] For one step; each takes a fraction of a second."""


@click.command("demo")
@click.option("--keep", metavar="DIR", help="make the nodes in DIR, new or empty, and leave them there")
@click.option("--serve", metavar="DIR", help="make two nodes in DIR that serve until told to end")
@click.pass_obj
def command(setting: Setting, *, keep: str | None, serve: str | None) -> int:
    """Send one message from alice over relay to bob, by USB stick, and show every step.

    Needs no mail server, no network, no root. Status 0 only if what arrived is byte for
    byte what was sent.

    With --serve there are alice and bob, each with a resident process, and you send.
    """
    keep = serve or keep
    root = os.path.abspath(keep) if keep else tempfile.mkdtemp(prefix="gateway-demo-")
    try:
        os.makedirs(root, exist_ok=True)
        if os.listdir(root):
            setting.say(f"{root} is not empty")
            return EX_FAILURE
        if serve:
            from gateway.cli import demo_serve  # noqa: PLC0415 - only where it is asked for

            return demo_serve.serve(root)
        return _Demo(root).play()
    except (Failed, OSError, GatewayError) as failure:
        setting.say(f"the demo failed: {failure}")
        return EX_FAILURE
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


class _Demo:
    """The play: its stage is one directory, its commands are real."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._alice, self._relay, self._bob = (
            DemoNode(name, f"{root}/{name}", Identity.generate()) for name in ("alice", "relay", "bob")
        )

    def play(self) -> int:
        """Run all steps, telling each; return the exit status."""
        alice, relay, bob = self._alice, self._relay, self._bob
        self._set_the_stage()
        _tell(
            f"Three nodes in {self._root}: alice, relay, bob.",
            "alice knows bob only by way of relay, and all that moves is a USB stick.",
            "",
            f"1. alice's mail server hands over {SUBJECT!r}, for {RECIPIENT}:",
        )
        self._run("exec bob rsmtp < letter.bsmtp", at=alice)
        job = alice.only_packet("tx", relay)
        _tell(
            "   Sealed for bob, and that once more for relay. It is on the disk, hence status 0.",
            f"   Waiting for relay: {_short(job.name)}, {job.size} bytes",
            "",
            "2. The stick goes from alice to relay:",
        )
        self._carry(alice, relay)
        _tell("", "3. relay opens what is sealed for it. Inside is another packet, for bob:")
        self._run("toss", at=relay)
        self._look_over_the_relays_shoulder()
        _tell("", "4. The stick goes from relay to bob:")
        self._carry(relay, bob)
        _tell("", "5. bob checks the packet to its last byte, and only then delivers:")
        self._run("toss", at=bob)
        return self._compare()

    def _set_the_stage(self) -> None:
        alice, relay, bob = self._alice, self._relay, self._bob
        inbox = f'exec.rsmtp = {{ egress = "maildir", path = "{bob.directory}/Maildir" }}'
        write_node(alice, {relay: "", bob: 'via = ["relay"]'})
        write_node(relay, {alice: "", bob: ""})
        write_node(bob, {alice: inbox, relay: ""})
        os.mkdir(f"{self._root}/stick")
        stuffed = LETTER.replace(b"\n.", b"\n..")
        with open(f"{self._root}/letter.bsmtp", "wb") as file:
            file.write(
                b"MAIL FROM:<alice@alice.example>\nRCPT TO:<bob@bob.example>\nDATA\n" + stuffed + b".\n"
            )

    def _carry(self, sender: DemoNode, receiver: DemoNode) -> None:
        self._run("xfer --tx --mkdir stick", at=sender)
        self._run("xfer --rx stick", at=receiver)

    def _look_over_the_relays_shoulder(self) -> None:
        """Show what relay can read of the packet for bob, and that it cannot open it."""
        alice, relay, bob = self._alice, self._relay, self._bob
        job = relay.only_packet("tx", bob)
        with relay.spool.open(job) as file:
            data = file.read()
        # With bob's id relay gets past the address on the packet; what is left is its keys.
        impostor = relay.identity._replace(id=bob.identity.id)
        try:
            with relay.spool.open(job) as file:
                opened = open_packet(
                    file, identity=impostor, signpub_of={alice.identity.id: alice.identity.signpub}.get
                )
                b"".join(opened.payload())
        except BadPacket as refusal:
            refused = str(refusal)
        else:
            msg = "relay could open the packet for bob"
            raise Failed(msg)
        told = [text for text in (SUBJECT, SENDER, RECIPIENT) if text.encode() in data]
        if told:
            msg = f"{told[0]!r} can be read in the packet for bob"
            raise Failed(msg)
        urgency = niceness.format(Header.decode(data).niceness)
        _tell(
            "   All that relay can read of it stands in clear in its first 172 bytes:",
            f"     from {_named(alice)} to {_named(bob)}",
            f"     niceness {urgency}: how urgent it is; {len(data)} bytes in all",
            "   Are subject, sender or recipient to be found in these bytes?  no",
            f"   Do relay's keys open it?  no: {refused}",
        )

    def _compare(self) -> int:
        """Show the delivered mail; the exit status says whether it is what alice sent."""
        inbox = f"{self._bob.directory}/Maildir/new"
        mails = os.listdir(inbox) if os.path.isdir(inbox) else []
        if len(mails) != 1:
            msg = f"{len(mails)} mails in {inbox} where one was expected"
            raise Failed(msg)
        with open(f"{inbox}/{mails[0]}", "rb") as file:
            mail = file.read()
        added, same, _ = mail.partition(LETTER)
        _tell(f"   bob/Maildir/new/{mails[0]}:")
        _tell(*(f"     {line}" for line in mail.decode().splitlines()[:SHOWN]))
        if not same or not mail.endswith(LETTER):
            msg = "what arrived is not what was sent"
            raise Failed(msg)
        count = len(added.splitlines())
        behind = f"Behind the {count} lines that a mailbox puts first it is" if count else "It is"
        _tell("", f"{behind} byte for byte what alice sent ({len(LETTER)} bytes).")
        return EX_OK

    def _run(self, words: str, *, at: DemoNode) -> None:
        """Run one command of a node, shown as it would be typed."""
        line, _, source = words.partition(" < ")
        given = ["--config", f"{at.name}/gateway.toml", *line.split()]
        _tell(f"   $ gateway {' '.join(given)}{' < ' + source if source else ''}")
        with open(f"{self._root}/{source}" if source else os.devnull, "rb") as stdin:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "gateway", *given],
                stdin=stdin,
                capture_output=True,
                cwd=self._root,
                timeout=LIMIT,
                check=False,
            )
        said = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode != EX_OK:
            msg = f"{line.split()[0]} at {at.name} ended with status {done.returncode}: {said.strip()}"
            raise Failed(msg)
        _tell(*(f"   {text}" for text in said.splitlines()))


def _named(node: DemoNode) -> str:
    return f"{node.name} ({_short(encode(node.identity.id))})"


def _short(name: str) -> str:
    return f"{name[:8]}…"


def _tell(*lines: str) -> None:
    for line in lines:
        click.echo(line)
