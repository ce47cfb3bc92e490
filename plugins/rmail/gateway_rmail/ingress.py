"""What an MTA's UUCP transport pipes into ``uux``: From_ lines and a message, recipients as arguments."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway import Submission

HANDLES = ("rmail",)


class RmailIngress:
    """Reads one message, as rmail is given it.

    A sender that names no host at all is somebody at `host`.
    """

    name = "rmail"
    form = "rmail"

    def __init__(self, handles: tuple[str, ...], host: str | None) -> None:
        self.handles = handles
        self.host = host

    def read(
        self,
        arguments: tuple[str, ...],
        stream: IO[bytes],
        environ: Mapping[str, str],  # noqa: ARG002 - addresses come from arguments and stream alone
    ) -> Iterator[Submission]:
        """Yield the one submission.

        Recipients are in domain form, bang or percent form, and may stand in one pair of
        parentheses, as for uux. There are no options: behind the ``--`` that ends those of
        ``gateway submit``, a word that looks like one is no address. Without any recipient a
        person has to mend the transport's `command`; until then the mail waits.

        Raises:
            Malformed: permanent; no From_ line, or what is no address.
            Truncated: temporary; the input ends before the message begins.
            UsageError: temporary; no recipient is given.
        """
        if arguments[:1] == ("--",):
            arguments = arguments[1:]
        if not arguments:
            from gateway import UsageError  # noqa: PLC0415 - only on failure

            msg = "rmail: no recipients: end the command with them ($pipe_addresses, ${recipient})"
            raise UsageError(msg)
        return self._read(arguments, stream)

    def _read(self, arguments: tuple[str, ...], stream: IO[bytes]) -> Iterator[Submission]:
        from gateway import Submission, read_rmail  # noqa: PLC0415 - only when a message is read

        letter = read_rmail(stream, arguments, host=self.host)
        yield Submission(letter.envelope, letter.message, arguments)
