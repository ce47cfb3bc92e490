"""What one message costs before anything is done for it: the modules that the pipe command loads.

Every message is a process, so an import is paid per message. A new module on this path has
to be let in here, by somebody who has measured it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.real.nodes import Node
from tests.real.programs import ENVIRONMENT, gateway_script, run

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
    "__main__", "config", "deadline", "defaults", "egress", "engine", "entrypoints", "errors", "hookspecs",
    "mail", "main", "mta", "packet", "pipe", "registry", "spool", "stderr",
}  # fmt: skip
ENGINE = {"draft", "ground", "submit"}

BATCH = b"MAIL FROM:<joe@a.example>\nRCPT TO:<x@b.example>\nDATA\nSubject: hi\n\nbody\n.\n"


def allowed(module: str) -> bool:
    """Return whether a module may be loaded for a message."""
    top, _, rest = module.partition(".")
    if top == "gateway":
        part, _, below = rest.partition(".")
        if part == "engine" and below:
            return below in ENGINE
        return not rest or part in OURS
    if top == "importlib":
        return not rest or rest in IMPORTLIB
    return top in STANDARD | OTHERS or top.startswith(("_", "gateway_exim"))


@pytest.mark.parametrize(
    "words",
    [("exec", "bob", "rsmtp"), ("exec", "bob", "cap", "argument"), ("submit", "exim", "--node", "bob")],
    ids="-".join,
)
def test_modules_loaded_for_a_message(
    two_nodes: tuple[Node, Node], tmp_path: Path, words: tuple[str, ...]
) -> None:
    alice, _ = two_nodes
    probe, modules = tmp_path / "probe.py", tmp_path / "modules"
    probe.write_text(PROBE.format(file=str(modules)))
    command = [sys.executable, str(probe), gateway_script(), "--config", str(alice.toml), *words]
    done = run(command, stdin=BATCH, environ=ENVIRONMENT)
    assert (0, b"") == (done.status, done.stderr), done
    loaded = modules.read_text().split()
    assert "gateway.packet.sealing" in loaded
    assert [] == sorted(module for module in loaded if not allowed(module))


@pytest.mark.parametrize(
    "module",
    [
        "importlib.metadata", "logging", "subprocess", "asyncio", "pathlib", "email", "json", "shutil",
        "tempfile", "click", "email_validator", "random", "urllib", "hashlib", "gateway.cli",
        "gateway.engine.toss",
    ],
)  # fmt: skip
def test_what_must_never_be_loaded_is_not_allowed(module: str) -> None:
    """The list above cannot be widened by accident."""
    assert not allowed(module)
