"""``rmail`` and ``uux`` as shell scripts, for programs that go on calling these names."""

from __future__ import annotations


def rmail_script(command: str) -> str:
    """Return an ``rmail`` that submits to the gateway: for uuxqt, or for a peer's ssh key.

    `command` is ``gateway`` with what stands in front of ``submit``.
    """
    return f"""\
#!/bin/sh
# rmail RECIPIENT...: into the gateway, which routes by [routes]. What follows -- is never an option.
exec {command} submit rmail -- "$@"
"""


def uux_script(command: str) -> str:
    """Return a ``uux`` that queues ``uux [OPTION...] - NODE!COMMAND [WORD...]`` in the gateway.

    Grade, notification and requester have no counterpart, so options are passed over; each
    word loses one pair of parentheses. What is called wrongly ends in 75.
    """
    return f"""\
#!/bin/sh
# uux [OPTION...] - NODE!COMMAND [WORD...]: the message on stdin into the gateway.
wrong() {{ echo "4.3.5 uux: $1" >&2; exit 75; }}
message=
while [ $# -gt 0 ]; do
  case $1 in
    -|-p|--stdin) message=yes ;;
    -[agsxI]) case ${{2-}} in -|?*!?*) ;; ?*) shift ;; esac ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
[ "$message" ] || wrong "without - there is no message on stdin"
case ${{1-}} in
  *!*!*) wrong "$1: one hop, NODE!COMMAND" ;;
  ?*!?*) node=${{1%%!*}} handle=${{1#*!}}; shift ;;
  *) wrong "expected NODE!COMMAND, got '${{1-}}'" ;;
esac
left=$#
while [ "$left" -gt 0 ]; do
  word=$1; shift
  case $word in "("*")") word=${{word#?}} word=${{word%?}} ;; esac
  set -- "$@" "$word"
  left=$((left - 1))
done
exec {command} exec "$node" "$handle" "$@"
"""
