"""The commands around the messages of a batch (RFC 5321 3.3, RFC 2442): envelopes out of lines."""

from __future__ import annotations

import re
from typing import Final

from gateway.errors import Malformed
from gateway.mail.envelope import Envelope, Recipient, ReversePath

MAX_RECIPIENTS: Final = 50_000
"""Recipients of one transaction; Exim takes no more either."""
MAX_RECIPIENTS_OF_BATCH: Final = 200_000
"""Recipients of a whole batch: what bounds the memory of one that was checked beforehand."""
MAX_TRANSACTIONS: Final = 10_000
"""Transactions of a batch: what bounds the time for which one small packet keeps toss at work."""

PATH_COMMAND = re.compile(r"(MAIL[ \t]+FROM|RCPT[ \t]+TO)[ \t]*:[ \t]*", re.IGNORECASE)
# These, as text, are compiled when first used: what MTAs write never asks them.
BRACKETED_PATH = r'(?s:(<(?:[^"<>]|"(?:[^"\\]|\\.)*")*>)(.*)\Z)'
PARAMETERS = r"(?:[ \t]+[A-Za-z0-9][A-Za-z0-9-]*(?:=[^\s=\x00-\x1f]+)?)*\Z"
CONTROL = r"[\x00-\x08\x0a-\x1f\x7f]"
_IDLE_WORDS = frozenset({"NOOP", "VRFY", "EXPN", "HELP", "ETRN"})
_RESET_WORDS = frozenset({"HELO", "EHLO", "RSET"})


class Commands:
    """Takes the command lines of one batch; gives an envelope whenever DATA completes one.

    ESMTP parameters are read and dropped: the batch form has none (Exim neither writes nor
    takes them). `open` tells whether a transaction has begun and has no DATA yet, `finished`
    whether QUIT was seen.
    """

    __slots__ = ("_count", "_recipients", "_sender", "_transactions", "finished")

    def __init__(self) -> None:
        self._sender: ReversePath | None = None
        self._recipients: list[Recipient] = []
        self._count = 0
        self._transactions = 0
        self.finished = False

    @property
    def open(self) -> bool:
        """Whether MAIL was seen and DATA was not."""
        return self._sender is not None

    def take(self, line: bytes, number: int) -> Envelope | None:
        """Take one command without its line end; return the envelope if it was DATA.

        Raises:
            Malformed: permanent; names the line by `number` and says what to do.
        """
        try:
            text = line.decode("utf-8").rstrip(" \t")
        except UnicodeDecodeError:
            raise _refusal(number, "an address is neither ASCII nor UTF-8; write it in UTF-8") from None
        if not text.isprintable() and re.search(CONTROL, text):
            raise _refusal(number, f"a control character in a command: {text[:60]!r}; take it out")
        path = PATH_COMMAND.match(text)
        if path:
            self._path(path.group(1)[:4].upper(), text[path.end() :], number)
            return None
        word = text.replace("\t", " ").partition(" ")[0]
        return self._word(word.upper() if word.isascii() and word.isalpha() else "", text, number)

    def _path(self, verb: str, argument: str, number: int) -> None:
        try:
            if verb == "MAIL":
                if self._sender is not None:
                    raise Malformed("a second MAIL in one transaction; end the first with DATA or RSET")
                self._sender = ReversePath.parse(_without_parameters(argument))
                return
            if self._sender is None:
                raise Malformed("RCPT without MAIL; begin the transaction with MAIL FROM:<...>")
            self._recipients.append(Recipient.parse(_without_parameters(argument)))
        except Malformed as error:
            raise _refusal(number, str(error)) from error
        self._count += 1
        if len(self._recipients) > MAX_RECIPIENTS:
            raise _refusal(number, f"more than {MAX_RECIPIENTS} recipients in one transaction; split it")
        if self._count > MAX_RECIPIENTS_OF_BATCH:
            raise _refusal(number, f"more than {MAX_RECIPIENTS_OF_BATCH} recipients in one batch; split it")

    def _word(self, word: str, text: str, number: int) -> Envelope | None:
        if word == "DATA" and text.upper() == "DATA":
            return self._data(number)
        if word in _RESET_WORDS:
            self._reset()
        elif word == "QUIT" and text.upper() == "QUIT":
            if self.open:
                raise _refusal(number, "QUIT inside a transaction; it needs DATA and a message first")
            self.finished = True
        elif word == "BDAT":
            raise _refusal(number, "BDAT; a batch carries its messages with DATA only")
        elif word not in _IDLE_WORDS:
            shown = repr(text[:60]) if text else "an empty line"
            raise _refusal(number, f"{shown} where a command should be; write MAIL, RCPT, DATA or QUIT")
        return None

    def _data(self, number: int) -> Envelope:
        if self._sender is None:
            raise _refusal(number, "DATA without MAIL; begin the transaction with MAIL FROM:<...>")
        if not self._recipients:
            raise _refusal(number, "DATA without RCPT; name a recipient with RCPT TO:<...> first")
        self._transactions += 1
        if self._transactions > MAX_TRANSACTIONS:
            raise _refusal(number, f"more than {MAX_TRANSACTIONS} transactions in one batch; split it")
        envelope = Envelope(self._sender, tuple(self._recipients))
        self._reset()
        return envelope

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []


def _without_parameters(argument: str) -> str:
    """Return the path of a command's argument; only a bracketed one may have parameters."""
    if not argument:
        raise Malformed("no address; write <> for the null sender")
    if not argument.startswith("<"):
        return argument
    if argument.find(">") == len(argument) - 1 and '"' not in argument and "<" not in argument[1:]:
        return argument
    bracketed = re.match(BRACKETED_PATH, argument)
    if bracketed is None:
        raise Malformed(f"no '>' at the end of the address: {argument[:80]!r}")
    if not re.match(PARAMETERS, bracketed.group(2)):
        raise Malformed(f"{bracketed.group(2)[:60]!r} behind the address is no ESMTP parameter; leave it out")
    return bracketed.group(1)


def _refusal(number: int, text: str) -> Malformed:
    return Malformed(f"line {number}: {text}")
