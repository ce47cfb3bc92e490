"""The egress ``smtp``: SMTP or LMTP, spoken to a program's stdin and stdout or to an address.

::

    exec.rsmtp = { egress = "smtp", command = ["/usr/sbin/sendmail", "-bs"] }
    exec.rsmtp = { egress = "smtp", address = "127.0.0.1:24", protocol = "lmtp" }

Options of the handle, beside ``command`` or in its place: ``address`` (``host:port``,
``[ipv6]:port`` or ``unix:/path``), ``protocol`` (``"smtp"``, the default, or ``"lmtp"``), ``helo``
(the name we give; default this host's). ``timeout`` bounds each delivery, its session included.

Only replies count, never a program's exit status. Every recipient gets its own answer:

=================================  =========  ================================================
reply                              outcome
=================================  =========  ================================================
2xx after the dot                  taken      SMTP: all recipients accepted; LMTP: one by one
5xx to MAIL, RCPT, DATA, the dot   refused    with the server's words; the others go on
4xx there                          deferred
452 or 552 to a later RCPT         none yet   too many at once: the rest goes by itself, now
552 to the first RCPT              deferred   RFC 5321 4.5.3.1.10
421, a lost connection, time-out   deferred   and the session is over
5xx to greeting, EHLO and HELO     deferred   it is not about this mail; so is a reply that only
                                              says that the talk went wrong (502, 503, 53x)
=================================  =========  ================================================

A session carries one delivery after the other, of all the packets that may follow each other
(`gateway.Egress`, `series`), as long as it is sound. One that breaks before a
later message went out is replaced at once, for servers that count messages. After
three failures in a row, or where no session can be had, the rest is deferred.

A connection lost between the final dot and its answer is deferred although the server may have
the message: this window, and a crash of ours in it, is where mail can arrive twice.

Messages go out with CRLF only: an LF, a CR alone and a CRLF each become one line end, and
dots are stuffed after that, so that no other end of the message can be seen in it. ``SIZE`` is
declared, and ``BODY=8BITMIME`` where the message holds octets above 127, if they are offered; 8-bit
messages go out even where it is not, as Exim does it. Domains are sent as A-labels. A
local part that is not ASCII needs ``SMTPUTF8`` (RFC 6531 3.2): where it is not offered, a recipient that
has one is refused, and by such a sender the whole message. Raw UTF-8 in a header alone does not ask
for it: a mark that the mail came without would only make later hops bounce it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.mta import Delivery, Outcome


class SmtpEgress:
    """Speaks SMTP or LMTP."""

    name = "smtp"
    handles: tuple[str, ...] = ()
    series = True

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        """Yield outcomes as the replies come; see `gateway.mta.Egress`.

        Raises:
            ConfigError: temporary; the handle's options have mistakes.
        """
        from gateway.defaults.smtp_visit import Visit  # noqa: PLC0415 - only where SMTP is spoken

        visit = Visit()
        try:
            for delivery in deliveries:
                yield from visit.outcomes(delivery)
            visit.leave()
        finally:
            visit.close()

    def check(self, handle: str, options: Mapping[str, object]) -> None:
        """Raise `ConfigError` (temporary) for the mistakes in a handle's own options."""
        from gateway.defaults.smtp_options import read  # noqa: PLC0415 - only for the doctor

        read(options, handle, has_command="address" not in options)
