"""What one message costs before anything is done for it: the modules that the pipe command loads.

Every message is a process, so an import is paid per message. A new module on this path has
to be let in here, by somebody who has measured it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.real.nodes import Node, carry
from tests.real.programs import ENVIRONMENT, gateway_script, run
from tests.service.handover import handing, taking

PROBE = """\
import os, sys
before = set(sys.modules)
leave = os._exit
def tell(status):
    with open({file!r}, "w") as file:
        file.write("\\n".join(set(sys.modules) - before))
    leave(status)
os._exit = tell
sys.argv = sys.argv[1:]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))
"""

STANDARD = {
    "__future__", "ast", "base64", "binascii", "collections", "contextlib", "copyreg", "datetime", "dis",
    "enum", "errno", "fcntl", "functools", "gc", "importlib", "inspect", "itertools", "keyword", "linecache",
    "math", "opcode", "operator", "platform", "re", "reprlib", "select", "signal", "string", "struct",
    "token", "tokenize", "tomllib", "types", "typing", "warnings",
}  # fmt: skip
"""Of the standard library; what begins with an underscore belongs to one of these."""
IMPORTLIB = {"_abc", "_bootstrap", "_bootstrap_external", "machinery"}
OTHERS = {"blake3", "nacl", "pluggy", "zstandard", "_cffi_backend"}
OURS = {
    "", "__main__", "deadline", "entrypoints", "errors", "hookspecs", "loading", "main", "mta", "registry",
    "stderr",
    "config", "config.build", "config.file", "config.glance", "config.handles", "config.kinds",
    "config.mistakes", "config.model", "config.schema", "config.source", "config.toml",
    "defaults", "defaults.command", "defaults.eventlog", "defaults.journal", "defaults.maildir",
    "defaults.nncp_record", "defaults.raw", "defaults.routes", "defaults.smtp",
    "engine", "engine.cargo", "engine.draft", "engine.ground", "engine.lanes",
    "engine.reception", "engine.submit",
    "journal", "journal.line", "journal.place", "journal.segments",
    "mail", "mail.address", "mail.bsmtp", "mail.bsmtp_commands", "mail.bsmtp_writer", "mail.envelope",
    "mail.lmtp", "mail.lmtp_commands", "mail.lmtp_replies", "mail.marks", "mail.message", "mail.stuffing",
    "packet", "packet.blocks", "packet.compression", "packet.failures", "packet.header", "packet.identity",
    "packet.keys", "packet.mth", "packet.niceness", "packet.plain", "packet.sealing",
    "patience", "pipe", "pipe.alone", "pipe.handover", "pipe.lmtp", "pipe.packaging",
    "request", "request.flags", "request.handover", "request.order", "request.request", "request.words",
    "service", "service.lmtp_conversation",
    "spool", "spool.durable", "spool.layout", "spool.listing", "spool.refusal", "spool.spool",
    "spool.staged",
}  # fmt: skip
PLUGINS = {
    "gateway_exim": {"", "ingress", "options"},
    "gateway_postfix": {"", "ingress"},
    "gateway_rmail": {"", "ingress"},
}

BATCH = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\nbody\n.\n"


def allowed(module: str) -> bool:
    """Return whether a module may be loaded for a message."""
    top, _, rest = module.partition(".")
    if top == "gateway":
        return rest in OURS
    if top in PLUGINS:
        return rest in PLUGINS[top]
    if top == "importlib":
        return not rest or rest in IMPORTLIB
    return top in STANDARD | OTHERS or top.startswith("_")


HANDED = {
    "", "__main__", "errors", "main", "patience", "stderr", "config", "config.file", "config.glance",
    "config.source", "pipe", "pipe.handover", "request", "request.flags", "request.handover", "request.words",
}  # fmt: skip
"""Of ours, where the resident process does the work; of the standard library only these:"""
HANDED_STANDARD = {"__future__", "_signal", "_socket", "gc"}


def loaded_by(words: Sequence[str], tmp_path: Path, stdin: bytes) -> list[str]:
    """Return the modules that a command loads; it has to succeed."""
    probe, modules = tmp_path / "probe.py", tmp_path / "modules"
    probe.write_text(PROBE.format(file=str(modules)))
    done = run([sys.executable, str(probe), gateway_script(), *words], stdin=stdin, environ=ENVIRONMENT)
    assert (0, b"") == (done.status, done.stderr), done
    return modules.read_text().split()


def test_modules_loaded_for_a_message_that_is_handed_over(
    two_nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    alice, _ = two_nodes
    handing(alice)
    with taking(alice) as service:
        loaded = loaded_by(["--config", str(alice.toml), "exec", "bob", "rsmtp"], tmp_path, BATCH)
        assert [0] == service.statuses
    expected = {f"gateway.{name}".removesuffix(".") for name in HANDED} | HANDED_STANDARD
    assert [] == sorted({*loaded} - expected)


@pytest.mark.parametrize(
    "words",
    [
        ("exec", "bob", "rsmtp"),
        ("exec", "bob", "cap", "argument"),
        ("submit", "exim", "--node", "bob"),
        ("lmtp", "--node", "bob"),
    ],
    ids="-".join,
)
def test_modules_loaded_for_a_message(
    two_nodes: tuple[Node, Node], tmp_path: Path, words: tuple[str, ...]
) -> None:
    alice, _ = two_nodes
    lmtp = b"LHLO a\n" + BATCH + b"QUIT\n"
    stdin = lmtp.replace(b"\n", b"\r\n") if words[0] == "lmtp" else BATCH
    loaded = loaded_by(["--config", str(alice.toml), *words], tmp_path, stdin)
    assert "gateway.packet.sealing" in loaded
    assert [] == sorted(module for module in loaded if not allowed(module))


SELDOM = {
    "dataclasses", "json", "concurrent", "logging", "importlib.metadata", "asyncio", "email", "sqlite3",
    "gateway.engine.draft", "gateway.engine.examination", "gateway.engine.lanes", "gateway.engine.relay",
    "gateway.engine.submit", "gateway.engine.warning", "gateway.mail.report", "gateway.packet.behind",
    "gateway.packet.sealing", "gateway.defaults.smtp_visit", "gateway.links", "gateway.service",
    "gateway_exim.feeding",
}  # fmt: skip
"""What `gateway toss`, which a timer starts every minute, loads only when a job needs it."""


def test_modules_that_a_toss_of_ordinary_jobs_does_without(
    two_nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    alice, bob = two_nodes
    assert 0 == alice.run("gateway", "exec", "bob", "cap", stdin=b"body").status
    carry(alice, bob, tmp_path / "stick", tx="gateway", rx="gateway")
    loaded = loaded_by(["--config", str(bob.toml), "toss", "--quiet"], tmp_path, b"")
    assert "gateway.program.run" in loaded
    assert [] == sorted(SELDOM & {*loaded})


@pytest.mark.parametrize(
    "module",
    [
        "importlib.metadata", "logging", "subprocess", "asyncio", "pathlib", "email", "json", "shutil",
        "tempfile", "click", "email_validator", "random", "urllib", "hashlib", "dataclasses", "gateway.cli",
        "gateway.engine.toss", "gateway.egress", "gateway_exim.egress", "gateway_rmail.egress",
    ],
)  # fmt: skip
def test_what_must_never_be_loaded_is_not_allowed(module: str) -> None:
    """The list above cannot be widened by accident."""
    assert not allowed(module)
