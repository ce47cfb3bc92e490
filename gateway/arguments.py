"""What of a peer's arguments may reach a program: the rule of a handle's ``arguments`` key.

A peer is authorised for a program, not for its options: ``-C/tmp/x`` or ``-oQ/tmp`` added to
``sendmail -bS`` would be another program altogether. So by default nothing of what a peer
writes into the handle's arguments reaches the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NoReturn

from gateway.errors import Malformed, Refused

__all__ = ["checked_arguments", "option_like"]


def option_like(argument: str) -> bool:
    """Return whether a program could take an argument for anything but an address or a name.

    That is: it begins with a dash (an option, or the mark that ends options), it is empty, or it
    holds a control character.
    """
    return argument[:1] in ("", "-") or any(c < " " or c == "\x7f" for c in argument)


def checked_arguments(
    mode: Literal["none", "recipients", "any"], arguments: Sequence[str]
) -> tuple[str, ...]:
    """Return the peer's arguments that are to follow the configured command.

    With ``none`` there are none: they are dropped, since the forms that need no arguments carry the
    envelope in the body. With ``recipients`` each must be a mail address that no program can
    take for an option, a file or a command; one that is not condemns the whole job. With
    ``any`` they pass untouched, as NNCP does it.

    Raises:
        Refused: permanent; an argument is not what the handle allows (the job is held).
    """
    if mode == "none":
        return ()
    for argument in arguments:
        if mode == "recipients":
            _check_recipient(argument)
        elif "\0" in argument:
            _refuse(argument, "a NUL cannot be passed")
    return tuple(arguments)


def _check_recipient(argument: str) -> None:
    from gateway.mail.envelope import Recipient  # noqa: PLC0415 - only for handles that take addresses

    if option_like(argument):
        _refuse(argument, "could be taken for an option")
    try:
        recipient = Recipient.parse(argument)
    except Malformed as error:
        _refuse(argument, str(error))
    if recipient.address != argument:
        _refuse(argument, "more than the bare address")
    if recipient.local.lstrip('"\\')[:1] in ("|", "/", ":"):
        _refuse(argument, "could be taken for a command or a file")


def _refuse(argument: str, why: str) -> NoReturn:
    msg = f"argument {argument[:80]!r} of the peer: {why}"
    raise Refused(msg)
