"""How an MTA hands a message over in UUCP's style: Exim's transport, Postfix's service."""

from __future__ import annotations

TRANSPORT = "gateway_rmail"
"""Exim's transport."""

SERVICE = "gwrmail"
"""Postfix's service."""

TEMP_ERRORS = "1:2:64:66:67:68:69:70:71:72:73:74:75:76:78:120:126:127:137:139:143"
"""Every status that does not say of this very mail that it can never be sent (65 and 77 do)."""


def exim_transport(*, user: str, command: str) -> str:
    """Return the transport as a block of Exim configuration."""
    return f"""\
# A From_ line and the message into the gateway, the recipients as arguments, as for uux.
# Status 0: it is on the gateway's disk. 65 and 77: it can never be sent. Everything else, a
# time-out and a signal included, leaves it in Exim's queue (a signal freezes it).
{TRANSPORT}:
  debug_print = "T: {TRANSPORT} for $local_part@$domain via $host"
  driver = pipe
  command = {command} $pipe_addresses
  message_prefix = "From ${{if def:return_path{{$return_path}}{{MAILER-DAEMON}}}} $tod_bsdinbox \\
    remote from $primary_hostname\\n"
  message_suffix =
  batch_max = 100
  user = {user}
  initgroups
  home_directory = /
  current_directory = /
  temp_errors = {TEMP_ERRORS}
  timeout = 10m
  timeout_defer
  freeze_signal
  log_defer_output
  log_fail_output
  return_fail_output
.ifdef REMOTE_SMTP_HEADERS_REWRITE
  headers_rewrite = REMOTE_SMTP_HEADERS_REWRITE
.endif
.ifdef REMOTE_SMTP_RETURN_PATH
  return_path = REMOTE_SMTP_RETURN_PATH
.endif
"""


def exim_router(route_list: str, *, last: bool) -> str:
    """Return the router as a block of Exim configuration; `last` where it takes all the rest."""
    return f"""\
{TRANSPORT}:
  debug_print = "R: {TRANSPORT} for $local_part@$domain"
  driver = manualroute
  domains = ! +local_domains
  route_list = {route_list}
  transport = {TRANSPORT}
  same_domain_copy_routing = yes
{"  no_more" + chr(10) if last else ""}"""


def postfix_service(*, user: str, command: str) -> str:
    """Return the lines of ``master.cf``.

    Flag F puts the From_ line there, q quotes addresses. There is no u: it would make local
    parts lower case.
    """
    return f"""\
{SERVICE}   unix  -  n  n  -  -  pipe
  flags=Fq null_sender= user={user} argv={command} ${{recipient}}
"""
