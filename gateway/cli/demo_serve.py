"""``gateway demo --serve``: two nodes on one host, each with its resident process, until told to end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, closing

import click

from gateway.cli.demo_nodes import LETTER, DemoNode, write_node
from gateway.cli.leaving import leaving
from gateway.errors import EX_FAILURE, EX_OK
from gateway.packet.identity import Identity

_LOOK = 0.2


def serve(root: str) -> int:
    """Make alice and bob in an empty directory and run ``gateway serve`` for both.

    alice calls bob every second if something waits for him. Status 0 when told to end.
    """
    address = f"127.0.0.1:{_free_port()}"
    alice, bob = (DemoNode(name, f"{root}/{name}", Identity.generate()) for name in ("alice", "bob"))
    inboxes = {
        node: f'exec.rsmtp = {{ egress = "maildir", path = "{node.directory}/Maildir" }}\nonlinedeadline = 1'
        for node in (alice, bob)
    }
    calls = f'addrs.here = "{address}"\ncalls = [{{ cron = "* * * * * * *", when-tx-exists = true }}]'
    write_node(alice, {bob: f"{inboxes[alice]}\n{calls}"})
    write_node(bob, {alice: inboxes[bob]}, f'[serve]\ndaemon = "{address}"')
    left = leaving()
    with ExitStack() as until_end:
        processes = [until_end.enter_context(_process(node.directory)) for node in (alice, bob)]
        for process in processes:
            until_end.callback(process.terminate)
        with open(f"{root}/letter.bsmtp", "wb") as file:
            file.write(b"MAIL FROM:<alice@alice.example>\nRCPT TO:<bob@bob.example>\nDATA\n")
            file.write(LETTER.replace(b"\n.", b"\n..") + b".\n")
        where = os.path.relpath(root)
        click.echo(f"alice and bob are in {where}. In another terminal:")
        click.echo(f"  gateway --config {where}/alice/gateway.toml exec bob rsmtp < {where}/letter.bsmtp")
        click.echo(f"  cat {where}/bob/Maildir/new/*")
        while not left.wait(_LOOK):
            if any(process.poll() is not None for process in processes):
                return EX_FAILURE  # it has said why
    return EX_OK


def _process(directory: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "gateway", "--config", f"{directory}/gateway.toml", "serve"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
