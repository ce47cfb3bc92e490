"""The ingress ``raw``: standard input becomes the body as it is, the arguments stay arguments.

It takes whatever no other ingress claims, as nncp-exec does. A raw input has no mark of its
end: one that was cut short by the death of its writer looks whole.
"""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING

from gateway.hookspecs import hookimpl
from gateway.mta import Submission

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.mta import Ingress

_CHUNK = 65536


class RawIngress:
    """Takes one whole input for one job, unread."""

    name = "raw"
    handles: tuple[str, ...] = ()
    form = "raw"

    def read(
        self, arguments: tuple[str, ...], stream: IO[bytes], environ: Mapping[str, str]
    ) -> Iterator[Submission]:
        """Yield the one submission; an empty input is one too."""
        from gateway.mail.message import Message  # noqa: PLC0415 - only where something is submitted

        del environ
        yield Submission(None, Message(iter(partial(stream.read, _CHUNK), b"")), arguments)


@hookimpl
def gateway_register_ingress() -> Ingress:
    """Bring the ingress ``raw``."""
    return RawIngress()
