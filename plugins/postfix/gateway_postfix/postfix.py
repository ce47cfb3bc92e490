"""Asking and telling the Postfix of this machine, by its own tools."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway import GatewayError, ProgramError, run_program

if TYPE_CHECKING:
    from gateway import Finished

PLACES = ("/usr/sbin/postconf", "/usr/local/sbin/postconf", "/opt/postfix/sbin/postconf")
TIMEOUT = 30.0


def find_postconf() -> str:
    """Return the first postconf of the usual places.

    Raises:
        ProgramError: temporary; there is none.
    """
    for path in PLACES:
        if os.access(path, os.X_OK):
            return path
    msg = f"no Postfix at {', '.join(PLACES)}: name it with --postconf"
    raise ProgramError(msg)


class Postfix:
    """One configuration of Postfix; `directory` None means the built-in one."""

    def __init__(self, postconf: str, directory: str | None = None) -> None:
        self.postconf = postconf
        self.options = () if directory is None else ("-c", directory)

    def run(self, tool: str, *arguments: str) -> Finished:
        """Run ``postconf`` or ``postmap``, which stand side by side.

        Raises:
            ProgramError: temporary; it cannot be started.
        """
        program = os.path.join(os.path.dirname(self.postconf), tool)
        return run_program(
            (program, *self.options, *arguments), stdin=None, environ=dict(os.environ), timeout=TIMEOUT
        )

    def value(self, name: str) -> str:
        """Return a parameter as it is in effect, references expanded; empty if there is none such.

        Raises:
            GatewayError: temporary; Postfix cannot read its configuration.
        """
        return self._asked("-h", "-x", name)

    def written(self, name: str) -> str:
        """Return a parameter as it is written, references and all."""
        return self._asked("-h", name)

    def service(self, name: str) -> str | None:
        """Return an entry of ``master.cf`` on one line, or None if there is none such."""
        done = self.run("postconf", "-M", f"{name}/unix")
        return " ".join(_text(done).split()) if done.status == 0 and done.stdout.strip() else None

    def look_up(self, key: str, table: str) -> str | None:
        """Return what a lookup table has for a key, or None.

        Raises:
            GatewayError: temporary; the table cannot be read.
        """
        done = self.run("postmap", "-q", key, table)
        if done.status == 0:
            return _text(done).strip()
        if done.status == 1 and not done.stderr.strip():
            return None
        msg = f"table {table}: {done.says()}"
        raise GatewayError(msg)

    def edit(self, mode: str, *words: str) -> None:
        """Change the configuration (``-e`` parameters, ``-M`` services).

        Raises:
            GatewayError: temporary; postconf refused.
        """
        done = self.run("postconf", mode, *words)
        if not done.ok:
            msg = f"postconf {mode}: {done.says()}"
            raise GatewayError(msg)

    def _asked(self, *words: str) -> str:
        done = self.run("postconf", *words)
        if done.status != 0:
            msg = f"postconf {words[-1]}: {done.says()}"
            raise GatewayError(msg)
        return _text(done).strip()


def _text(done: Finished) -> str:
    return done.stdout.decode("utf-8", "replace")


def words_of(text: str) -> list[str]:
    """Return the words of a list as Postfix has them: commas or blanks between, braces kept together."""
    words, word, depth = [], "", 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth <= 0 and (character.isspace() or character == ","):
            words.append(word)
            word = ""
        else:
            word += character
    return [word for word in (*words, word) if word]
