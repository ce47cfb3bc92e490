"""Batch SMTP as Exim's pipe transport writes it with ``use_bsmtp``."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway import Submission


class EximIngress:
    """Reads the transactions of a batch SMTP stream; the stream is everything there is."""

    name = "exim"
    form = "bsmtp"

    def __init__(self, handles: tuple[str, ...]) -> None:
        self.handles = handles

    def read(
        self,
        arguments: tuple[str, ...],
        stream: IO[bytes],
        environ: Mapping[str, str],  # noqa: ARG002 - addresses come from the stream alone
    ) -> Iterator[Submission]:
        """Yield one submission a transaction.

        Arguments make no sense here: the envelope is in the stream, and the far side would
        put them on the command line of its MTA. A person has to mend the transport's
        `command`; until then the mail waits in Exim's queue.

        Raises:
            Malformed: permanent; not batch SMTP, or an address that no retry mends.
            Truncated: temporary; the stream ended early or holds no complete transaction.
            UsageError: temporary; arguments were given.
        """
        if arguments:
            from gateway import UsageError  # noqa: PLC0415 - only on failure

            words = " ".join(arguments)
            msg = f"batch SMTP takes no arguments, got {words!r}: end the command after the handle"
            raise UsageError(msg)
        return self._read(stream)

    @staticmethod
    def _read(stream: IO[bytes]) -> Iterator[Submission]:
        from gateway import Submission, read_bsmtp  # noqa: PLC0415 - only when a message is read

        for transaction in read_bsmtp(stream):
            yield Submission(transaction.envelope, transaction.message)
