"""The configuration of a new node: a file to be read by a person first."""

from __future__ import annotations

from gateway.config.hjson import quote

__all__ = ["fresh"]

_TEXT = """\
# gateway: mail over links that are slow, offline, hostile or one-way.
#
# Lines that begin with "#" and a letter are examples: take the "#" away to use one. After a
# change, `gateway config check` names every mistake at once.

# What our neighbours may call us; `gateway node self` prints the block to send them.
name = {name}

# Where packets wait. One file system, a local one, and no other node's.
spool = {spool}
log = {log}
#log-format = "json"                      # one JSON object a line, in place of NNCP's records

# What other users may not do with our files; "007" lets the group of the mail system in.
umask = "007"

# Our private keys are in a file of their own, for the owner's eyes only. Keep a copy of it
# where the machine's end is not its end: without it no packet on its way to us can be read.
self = "keys.toml"

# The plugins to load; without this line all that are installed.
#plugins = ["exim", "postfix", "rmail"]

# Neighbours
#
# `gateway node add NAME < BLOCK` writes one here from the block that its operator sent.
#
#[neigh.hub]
#id = {example[0]}
#exchpub = {example[1]}
#signpub = {example[2]}
#noisepub = {example[3]}
#addrs.internet = "hub.example:5400"
#
#[neigh.bob]
#id = {example[4]}
#exchpub = {example[5]}
#signpub = {example[6]}
#noisepub = {example[7]}
#via = ["hub"]                             # packets for bob travel in packets for hub
#
# What bob may have us do. The word before the "=" is the handle that he writes on a packet.
#exec.rsmtp = ["/usr/sbin/sendmail", "-bS"]
#exec.inbox = {{ egress = "maildir", path = "/home/bob/Maildir" }}
#
# What we take from him. Without `recipients` he may send mail through us to anywhere.
#accept.senders = ["*@bob.example", "<>"]
#accept.recipients = ["*@here.example"]
#accept.max-size = "256 MiB"
#limits.stored = "10 GiB"
#ack = true                                # tell him when his mail was delivered
#bounce = false                            # do not report to his senders what cannot be delivered

# For `gateway submit` without --node: which neighbour a recipient's domain lies behind. The
# longest match wins, "*" is all the rest.
#
#[routes]
#"bob.example" = "bob"
#"*" = "hub"

# A delivery that failed for now: when to try again, and when to set it aside for a person.
#
#[retry]
#schedule = ["1m", "5m", "15m", "1h", "4h"]
#give-up = "5d"
#warn-after = "1d"                         # when to tell a person of mail that still waits
#warn-sender = true                        # tell who sent it as well: that needs [neigh.self]
#
#[neigh.self]
#exec.rsmtp = ["/usr/sbin/sendmail", "-bS"]
"""


def fresh(*, name: str, spool: str, log: str, example: tuple[str, ...]) -> str:
    """Return the file; `example` are the keys, in text form, of two nodes in the comments."""
    return _TEXT.format(
        name=quote(name), spool=quote(spool), log=quote(log), example=[quote(key) for key in example]
    )
