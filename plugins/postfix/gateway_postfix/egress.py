"""Gives verified mail to ``sendmail``: the envelope as arguments, the message as it is.

======================================  =========  =========================================
``sendmail``                            outcome
======================================  =========  =========================================
exits with 0                            taken      Postfix synced it to its maildrop
exits with 65, 67, 68                   refused    EX_DATAERR, EX_NOUSER, EX_NOHOST
exits with 75, "message file too big"   refused    ``message_size_limit``: no retry helps
exits with anything else                deferred   also 75 for a mistake in the command
is killed, overruns its time            deferred   postdrop waits for ever where it cannot write
cannot be started                       deferred
======================================  =========  =========================================
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway import Outcome, PluginError, ProgramError, Verdict, run_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway import Delivery, Finished, Message, Recipient, ReversePath

ARGUMENTS_SIZE = 96 * 1024
"""Octets of recipients in one call; every system takes 128 KiB of arguments and environment."""

PERMANENT = frozenset({65, 67, 68})
"""Exit statuses by which sendmail says that this mail can never be taken (sysexits)."""

# Postfix ends in 75 (EX_TEMPFAIL) for all of these.
_TOO_BIG = re.compile(rb"\bmessage file too big\b")
_MISTAKE = re.compile(rb"fatal: (?:unsupported: -|usage: )|\binvalid option\b")

_FROM_HEADERS = re.compile(r"-[GNimnv]*t[GNimnv]*")
_OTHER_MODE = re.compile(r"-(?:b[^m]|[IqQ]).*")


class PostfixEgress:
    """Hands each delivery to ``sendmail -G -i -f SENDER -- RECIPIENT…``."""

    name = "postfix"

    def __init__(self, handles: tuple[str, ...]) -> None:
        self.handles = handles

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        """Yield an outcome for each call of sendmail; see `gateway.Egress`.

        Raises:
            ConfigError: temporary; the handle has keys that nobody knows.
            PluginError: temporary; the handle's command would be something else than sendmail
                with our words behind it, or a delivery has no envelope.
            GatewayError: temporary; a message cannot be read.
        """
        for delivery in deliveries:
            _check(delivery)
            yield from _deliver(delivery)

    def check(self, handle: str, options: Mapping[str, object]) -> None:
        """Raise `ConfigError` (temporary) for the mistakes in a handle's own options."""
        from gateway_postfix.options import no_handle_options  # noqa: PLC0415 - as below

        no_handle_options(options, handle)


def _check(delivery: Delivery) -> None:
    from gateway_postfix.options import no_handle_options  # noqa: PLC0415 - with the plugin's other options

    no_handle_options(delivery.options, delivery.handle)
    where = f"postfix: handle {delivery.handle}"
    if delivery.envelope is None:
        msg = f"{where}: a raw job has no envelope, so it cannot go to sendmail"
        raise PluginError(msg)
    if not delivery.command:
        msg = f'{where}: the command is missing, such as ["/usr/sbin/sendmail"]'
        raise PluginError(msg)
    for word in delivery.command[1:]:
        if word == "--" or _FROM_HEADERS.fullmatch(word) or _OTHER_MODE.fullmatch(word) or _address(word):
            msg = f"{where}: {word!r} cannot stand in the command: the envelope is put behind it"
            raise PluginError(msg)


def _address(word: str) -> bool:
    return "@" in word and not word.startswith(("-", "/"))


def _deliver(delivery: Delivery) -> Iterator[Outcome]:
    assert delivery.envelope is not None
    recipients = delivery.envelope.recipients
    groups = share_out(recipients)
    if len(groups) > 1 and delivery.reopen is None:
        msg = "postfix: more recipients than one call takes, and a message that can be read only once"
        raise PluginError(msg)
    for number, group in enumerate(groups):
        message = delivery.message if number == 0 or delivery.reopen is None else delivery.reopen()
        verdict, text = _call(delivery, group, message)
        if verdict is Verdict.DEFERRED:  # the rest would not fare better now
            left = tuple(one for some in groups[number:] for one in some)
            yield Outcome(delivery.transaction, verdict, text, left if number else None)
            return
        yield Outcome(delivery.transaction, verdict, text, group if len(groups) > 1 else None)


def _call(delivery: Delivery, group: Sequence[Recipient], message: Message) -> tuple[Verdict, str]:
    assert delivery.envelope is not None
    argv = (*delivery.command, *words(delivery.envelope.sender, group))
    try:
        finished = run_program(argv, stdin=message, environ=delivery.environ, timeout=delivery.timeout)
    except ProgramError as failure:
        return Verdict.DEFERRED, str(failure)
    return judge(finished)


def words(sender: ReversePath, recipients: Sequence[Recipient]) -> tuple[str, ...]:
    """Return the arguments that stand behind the configured command.

    Postfix and Exim understand them alike: ``-G`` leaves the headers alone, ``-i`` lets a lone
    dot through, ``-oep`` keeps Exim from mailing a report of what it tells us. A sender that
    was lost on the way is left to sendmail, which then treats the message as one of its
    caller's.
    """
    if not sender.known:
        return ("-i", "-oep", "--", *(one.with_ascii_domain() for one in recipients))
    path = sender.with_ascii_domain() or "<>"
    return ("-G", "-i", "-oep", "-f", path, "--", *(one.with_ascii_domain() for one in recipients))


def share_out(recipients: Sequence[Recipient], size: int = ARGUMENTS_SIZE) -> list[tuple[Recipient, ...]]:
    """Return the recipients in as few groups of at most `size` octets as hold them, in order."""
    groups: list[tuple[Recipient, ...]] = []
    some: list[Recipient] = []
    room = size
    for recipient in recipients:
        octets = len(recipient.address.encode("utf-8", "surrogateescape")) + 1
        if some and octets > room:
            groups.append(tuple(some))
            some, room = [], size
        some.append(recipient)
        room -= octets
    groups.append(tuple(some))
    return groups


def judge(finished: Finished) -> tuple[Verdict, str]:
    """Return what a call of sendmail came to, and its words."""
    if finished.ok:
        return Verdict.TAKEN, finished.words()
    said = finished.says()
    if finished.timed_out or finished.signal is not None:
        return Verdict.DEFERRED, said
    if finished.status in PERMANENT or _TOO_BIG.search(finished.stderr):
        return Verdict.REFUSED, said
    if _MISTAKE.search(finished.stderr):
        return (
            Verdict.DEFERRED,
            f"{said} (a mistake in the handle's command: this mail waits until it is mended)",
        )
    return Verdict.DEFERRED, said
