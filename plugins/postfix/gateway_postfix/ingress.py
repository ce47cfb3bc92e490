"""What Postfix's pipe(8) gives to a command: addresses as arguments, the message on stdin."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway import Submission


class PostfixIngress:
    """Reads one message; the sender is an option, or in front of the message (flags ``R``, ``F``)."""

    name = "postfix"
    form = "sendmail"

    def __init__(self, handles: tuple[str, ...]) -> None:
        self.handles = handles

    def read(
        self,
        arguments: tuple[str, ...],
        stream: IO[bytes],
        environ: Mapping[str, str],  # noqa: ARG002 - addresses come from the arguments alone
    ) -> Iterator[Submission]:
        """Yield the one submission.

        A mistake in ``master.cf`` is no fault of the mail: it waits in Postfix's queue until a
        person has mended it.

        Raises:
            Malformed: permanent; an address that no retry mends.
            Truncated: temporary; there is no message at all.
            UsageError: temporary; options that are not known, or no recipient.
        """
        from gateway import NULL_SENDERS, Message, Refused, Submission, UsageError, read_sendmail  # noqa: PLC0415 - only when a message is read

        words, null_senders = split_words(arguments)
        if words[-1:] in ((), ("--",)):
            msg = "no recipient: end the command in master.cf with -- ${recipient}"
            raise UsageError(msg)
        try:
            letter = read_sendmail(stream, words, null_senders=NULL_SENDERS | null_senders)
        except Refused as refusal:
            msg = f"{refusal}; `gateway exec --raw` sends any"
            raise UsageError(msg) from refusal
        message = Message(_not_nothing(letter.message))
        yield Submission(letter.envelope, message, words, letter.in_from_line)


def split_words(arguments: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the arguments in the words of the form ``sendmail``, and what else is a null sender.

    They are so as they stand, unless they begin with the options of ``gateway submit postfix``.

    Raises:
        UsageError: temporary; an option that is not known, twice, or without a value, or words
            behind the options that no ``--`` leads in.
    """
    given: dict[str, str] = {}
    rest = list(arguments)
    while rest and rest[0].startswith("--") and rest[0] != "--":
        option, has_value, value = rest.pop(0).partition("=")
        if option not in ("--sender", "--null-sender"):
            raise _usage(f"unknown option {option}: known are --sender and --null-sender")
        if option in given:
            raise _usage(f"option {option} is given twice")
        if not has_value and not rest:
            raise _usage(f"option {option} needs a value")
        given[option] = value if has_value else rest.pop(0)
    if not given:
        return tuple(arguments), frozenset()
    if rest[:1] != ["--"]:
        raise _usage("recipients stand behind --, and nothing else stands before it")
    sender = given.get("--sender")
    front = () if sender is None else ("-f", sender)
    null_sender = given.get("--null-sender")
    nulls = () if null_sender is None else (null_sender, f"<{null_sender}>")
    return (*front, *rest), frozenset(nulls)


def _usage(text: str) -> Exception:
    from gateway import UsageError  # noqa: PLC0415 - only on failure

    return UsageError(text)


def _not_nothing(message: Iterable[bytes]) -> Iterator[bytes]:
    """Hand a message on; Postfix never sends an empty one, but a pipe whose writer died does."""
    empty = True
    for chunk in message:
        empty = empty and not chunk
        yield chunk
    if empty:
        from gateway import Truncated  # noqa: PLC0415 - only on failure

        msg = "the input holds no message"
        raise Truncated(msg)
