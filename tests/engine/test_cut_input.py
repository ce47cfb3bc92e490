"""No program takes a part of a message for the whole one, even if we are killed while it reads."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.real.cap import write_recorder
from tests.real.nodes import Node, carry
from tests.real.programs import ENVIRONMENT, gateway_script, run
from tests.service.resident import until

READER = """\
#!/bin/sh
# Takes what it reads up to the end of its input, as sendmail does.
cd {folder} || exit 75
: > begun
while [ ! -e go ]; do sleep 0.02; done
cat > taken.new && mv taken.new taken
"""
SIZE = 1_000_000
"""More than a pipe holds, so that we are in the middle of it."""
MESSAGE = b"Subject: long\n\n" + b"0123456789\n" * (SIZE // 11)
BATCH = b"MAIL FROM:<a@alice.example>\nRCPT TO:<b@bob.example>\nDATA\n" + MESSAGE + b".\n"


@pytest.mark.parametrize(
    ("handle", "egress", "form", "body", "words"),
    [
        ("rsmtp", "postfix", "bsmtp", BATCH, ()),
        ("rsmtp", "rmail", "bsmtp", BATCH, ()),
        (
            "sendmail",
            "postfix",
            "sendmail",
            b"Return-Path: <a@alice.example>\n" + MESSAGE,
            ("b@bob.example",),
        ),
        (
            "rmail",
            "rmail",
            "rmail",
            b"From a@alice.example Thu Jan  1 00:00:00 1970 remote from alice\n" + MESSAGE,
            ("b@bob.example",),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_message_is_whole_or_not_there(
    two_nodes: tuple[Node, Node],
    tmp_path: Path,
    handle: str,
    egress: str,
    form: str,
    body: bytes,
    words: tuple[str, ...],
) -> None:
    alice, bob = two_nodes
    program = tmp_path / "sendmail"
    program.write_text(READER.format(folder=tmp_path))
    program.chmod(0o755)
    bob.head = f'plugins = ["{egress}"]'
    bob.know(
        alice, toml=f'exec.{handle} = {{ egress = "{egress}", form = "{form}", command = ["{program}"] }}'
    )
    assert 0 == alice.gateway("exec", "--raw", "bob", handle, *words, stdin=body).status
    carry(alice, bob, tmp_path / "medium", tx="gateway", rx="gateway")
    command = [gateway_script(), "--config", str(bob.toml), "toss"]
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE) as toss:
        until((tmp_path / "begun").exists)
        toss.send_signal(signal.SIGKILL)
    (tmp_path / "go").touch()
    until((tmp_path / "taken").exists)

    assert MESSAGE == (tmp_path / "taken").read_bytes()


@pytest.mark.parametrize("egress", ["postfix", "rmail"])
def test_the_messages_of_a_batch_are_not_all_open_at_once(
    two_nodes: tuple[Node, Node], tmp_path: Path, egress: str
) -> None:
    alice, bob = two_nodes
    program = write_recorder(tmp_path / "sendmail")
    bob.head = f'plugins = ["{egress}"]'
    bob.know(alice, toml=f'exec.rsmtp = {{ egress = "{egress}", command = ["{program.program}"] }}')
    batch = BATCH.replace(MESSAGE, b"Subject: x\n\n") * 60
    assert 0 == alice.gateway("exec", "bob", "rsmtp", stdin=batch).status
    carry(alice, bob, tmp_path / "medium", tx="gateway", rx="gateway")
    command = [gateway_script(), "--config", str(bob.toml), "toss"]
    done = run(command, under=("prlimit", "--nofile=48"))
    assert 0 == done.status, done
    assert 60 == len(program.calls())
