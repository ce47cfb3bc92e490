"""A program that behaves as ``exim -bS`` does, and says by the addresses what goes wrong.

Local parts beginning with ``bad`` are refused at RCPT (501), ``many`` stands for too many
recipients (452, from the third on); of a message with a recipient ``big`` the end is refused
(552), with ``full`` it is 451, with ``die`` the program is killed there. What it accepts is in
one file a message, complete before the next line is read.
"""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = """\
#!{python} -IS
import os, re, signal, sys
accepted, line, start, commands = 0, 0, 0, []

def fail(text, command=b""):
    print(text, "Transaction started in line %d" % start, "Error detected in line %d" % line, sep="\\n")
    if command:
        print(command.decode())
    verb = "message was" if accepted == 1 else "messages were"
    print("%d previous %s successfully processed." % (accepted, verb), file=sys.stderr)
    sys.stdout.flush()
    os._exit(1 if accepted else 2)

source = sys.stdin.buffer
while True:
    text = source.readline()
    if not text:
        os._exit(0)
    line += 1
    command = text.rstrip(b"\\n")
    if command.startswith(b"MAIL FROM:"):
        start, commands = line - 1, []
    elif command.startswith(b"RCPT TO:<"):
        commands.append(command[9:-1])
        if command[9:].startswith(b"bad"):
            fail("501 no such thing", command)
        if len(commands) > 2 and any(one.startswith(b"many") for one in commands):
            fail("452 too many recipients", command)
    elif command == b"DATA":
        body = b""
        while True:
            text = source.readline()
            line += 1
            if not text:
                fail("421 Lost incoming connection")
            if text == b".\\n":
                break
            body += text
        names = [re.match(b"[a-z]*", one)[0] for one in commands]
        if b"die" in names:
            os.kill(os.getpid(), signal.SIGKILL)
        if b"big" in names:
            fail("552 Message size exceeds maximum permitted")
        if b"full" in names:
            fail("451 Error while writing spool file")
        accepted += 1
        if not body.partition(b"\\n\\n")[2]:
            line -= 1  # Exim's own count is off here
        name = "%s/%d.%d" % ({folder!r}, os.getpid(), accepted)
        with open(name + ".part", "wb") as file:
            file.write(b"\\n".join(commands) + b"\\n\\n" + body)
        os.rename(name + ".part", name + ".taken")
    else:
        fail("500 Command unrecognized", command)
"""


def write_fake_exim(folder: Path) -> Path:
    """Make the program; what it accepts goes to the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "fake-exim"
    program.write_text(PROGRAM.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    return program


def accepted(folder: Path) -> list[tuple[str, ...]]:
    """Return the recipients of every accepted message."""
    heads = [file.read_bytes().partition(b"\n\n")[0] for file in folder.glob("*.taken")]
    return [tuple(head.decode().splitlines()) for head in heads]
