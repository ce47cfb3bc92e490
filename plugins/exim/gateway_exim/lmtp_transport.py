"""The LMTP transport: an answer for each recipient, from the resident process or from a command.

The table feeds both ``gateway exim setup --lmtp``, which writes it, and ``gateway exim check``.
"""

from __future__ import annotations

from gateway_exim.transport import Rule, has_many, lasts

LMTP_TRANSPORT = "gateway_lmtp"
SOCKET = "/run/gateway/lmtp.sock"

LMTP_RULES = (
    Rule("batch_max", "batch_max = 100", has_many, "every recipient would make a packet of its own"),
    Rule("timeout", "timeout = 10m", lasts, "our own deadline must end before Exim's"),
)


def lmtp_block(*, user: str, way: str) -> str:
    """Return the transport as a block of Exim configuration; `way` is its ``socket`` or ``command`` line."""
    return f"""\
# One message over LMTP into the gateway, at most 100 recipients a time, and an answer for each:
# 250 says that it is on the gateway's disk. Whatever keeps the gateway from answering defers.
{LMTP_TRANSPORT}:
  debug_print = "T: {LMTP_TRANSPORT} for $local_part@$domain via $host"
  driver = lmtp
  {way}
  batch_max = 100
  timeout = 10m
  user = {user}
  initgroups
  home_directory = /
  current_directory = /
.ifdef REMOTE_SMTP_HEADERS_REWRITE
  headers_rewrite = REMOTE_SMTP_HEADERS_REWRITE
.endif
.ifdef REMOTE_SMTP_RETURN_PATH
  return_path = REMOTE_SMTP_RETURN_PATH
.endif
"""
