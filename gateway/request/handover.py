"""What a pipe command and the resident process say to each other on the socket ``serve.submit``.

1. The command offers: what is asked for, and which configuration, as it lies on the disk, it goes by.
2. The service says `GO`, or hangs up: then the command does the work itself.
3. The command passes its standard input, as a descriptor. From here on only an answer makes
   a status other than 75.
4. The service answers with status and the line for stderr, once all is on the disk, or in vain.

To hang up, or to close its way of sending, is the command's word for: nothing more may be
accepted. The service looks for it before it commits, and whenever it waits for input.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GO = b"+"
LENGTH = 8
"""Decimal digits before an offer."""
LARGEST = 1024 * 1024
"""[bytes] of an offer, more than the environment and arguments of any MTA."""
LONGEST_LINE = 4000
"""[bytes] of an answer's text."""
_SPEECH = b"gateway hand-over 1"


class Offer:
    """What is asked for (`command`, `words`), by whom (`environ`, `parent`), and by which configuration.

    `home` is where the program itself lies: another one might do another thing. `stamp` is that of
    the file at `path`, and `spool` what the file says.
    """

    __slots__ = ("command", "environ", "home", "parent", "path", "spool", "stamp", "words")

    def __init__(
        self,
        *,
        command: str,
        words: Sequence[str],
        environ: Mapping[str, str],
        parent: int,
        path: str,
        stamp: str,
        spool: str,
        home: str,
    ) -> None:
        self.command = command
        self.words = list(words)
        self.environ = dict(environ)
        self.parent = parent
        self.path = path
        self.stamp = stamp
        self.spool = spool
        self.home = home

    def encode(self) -> bytes:
        """Return the offer with its length before it."""
        fields = [self.home, self.path, self.stamp, self.spool, str(self.parent), str(len(self.environ))]
        for item in self.environ.items():
            fields += item
        fields += [self.command, *self.words]
        body = b"\0".join([_SPEECH, *map(os.fsencode, fields)])
        return b"%0*d" % (LENGTH, len(body)) + body

    @classmethod
    def decode(cls, body: bytes) -> Offer:
        """Return the offer that was encoded, its length taken off.

        Raises:
            ValueError: another version's, or nobody's.
        """
        speech, *rest = body.split(b"\0")
        if speech != _SPEECH:
            msg = "not an offer of this version"
            raise ValueError(msg)
        home, path, stamp, spool, parent, count, *others = map(os.fsdecode, rest)
        end = 2 * int(count)
        command, *words = others[end:]
        environ = dict(zip(others[:end:2], others[1:end:2], strict=True))
        return cls(
            command=command, words=words, environ=environ, parent=int(parent),
            path=path, stamp=stamp, spool=spool, home=home,
        )  # fmt: skip


def stamp_of(found: os.stat_result) -> str:
    """Return what is another one after every change of a file."""
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}:{found.st_ctime_ns}"


def home() -> str:
    """Return where this program lies."""
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def answer(status: int, text: str) -> bytes:
    """Return the service's last word; `text` is for stderr, one printable line or none."""
    return b"%d %s" % (status, text.encode("utf-8", "backslashreplace")[:LONGEST_LINE]) + b"\n"
