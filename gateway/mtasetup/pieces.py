"""What a setup command says: pieces of a configuration, printed or written, and what is left to do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import click

from gateway.mtasetup.files import MtaFile, write_mta_files

__all__ = ["MtaPiece", "put_pieces", "show_part", "show_steps"]


class MtaPiece(NamedTuple):
    """A text and its place: a file's name below the target directory, or a block's title.

    A script begins with its own first line, so nothing is put in front of it, and may be run.
    """

    name: str
    purpose: str
    text: str
    script: bool = False

    def headed(self, *remarks: str) -> str:
        """Return the text below its purpose and what else is to be said of it."""
        lines = [] if self.script else [*self.purpose.splitlines(), *remarks]
        return "".join(f"# {line}\n" for line in lines) + self.text


def put_pieces(pieces: Sequence[MtaPiece], directory: str | None, *, writer: str, force: bool) -> None:
    """Print pieces, or write them below a directory: all of them or none.

    `writer` is the command that does it, for those who find the files.

    Raises:
        GatewayError: temporary; somebody changed one of them, and `force` is not set.
    """
    if directory is None:
        for piece in pieces:
            show_part(piece.name, piece.headed())
        return
    remark = f"Written by `{writer}`."
    files = [
        MtaFile(os.path.join(directory, piece.name), piece.headed(remark), 0o755 if piece.script else 0o644)
        for piece in pieces
    ]
    for path in write_mta_files(files, force=force):
        click.echo(f"wrote {path}")


def show_part(title: str, text: str) -> None:
    """Print a text under a title."""
    click.echo(f"# ===== {title}\n{text}")


def show_steps(steps: Iterable[str]) -> None:
    """Print what is left to do, one shell line or sentence each."""
    click.echo("# ===== next")
    for step in steps:
        click.echo(f"#   {step}")
