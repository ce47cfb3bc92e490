"""A mail gateway for links that are slow, offline, hostile or one-way.

This module is the plugin author's front: everything a plugin may import, and nothing
else. Names are loaded when first used, so that importing a plugin costs nothing on the
pipe path. docs/hooks.md describes the hooks, with an example for each.
"""

from __future__ import annotations

TYPE_CHECKING = False  # without `typing`, which a message that is handed over can do without

if TYPE_CHECKING:
    from gateway.config.model import Config as Config
    from gateway.config.model import Neighbour as Neighbour
    from gateway.egress import OneByOne as OneByOne
    from gateway.errors import ConfigError as ConfigError
    from gateway.errors import GatewayError as GatewayError
    from gateway.errors import Malformed as Malformed
    from gateway.errors import Permanent as Permanent
    from gateway.errors import PluginError as PluginError
    from gateway.errors import ProgramError as ProgramError
    from gateway.errors import Refused as Refused
    from gateway.errors import Truncated as Truncated
    from gateway.errors import UsageError as UsageError
    from gateway.hookspecs import hookimpl as hookimpl
    from gateway.mail import bsmtp as _bsmtp
    from gateway.mail import rmail as _rmail
    from gateway.mail import sendmail as _sendmail
    from gateway.mail.bang import NULL_SENDERS as NULL_SENDERS
    from gateway.mail.bang import first_hop as first_hop
    from gateway.mail.bang import to_domain_form as to_domain_form
    from gateway.mail.bsmtp import BatchWriter as BatchWriter
    from gateway.mail.envelope import Envelope as Envelope
    from gateway.mail.envelope import Recipient as Recipient
    from gateway.mail.envelope import ReversePath as ReversePath
    from gateway.mail.letter import Letter as Letter
    from gateway.mail.message import Message as Message
    from gateway.mail.rmail import WithoutFromLines as WithoutFromLines
    from gateway.mail.rmail import from_line as from_line
    from gateway.mta import Delivery as Delivery
    from gateway.mta import Egress as Egress
    from gateway.mta import Event as Event
    from gateway.mta import EventKind as EventKind
    from gateway.mta import Finding as Finding
    from gateway.mta import Ingress as Ingress
    from gateway.mta import Outcome as Outcome
    from gateway.mta import Submission as Submission
    from gateway.mta import Verdict as Verdict
    from gateway.mtasetup.checks import check_lmtp as check_lmtp
    from gateway.mtasetup.checks import show_findings as show_findings
    from gateway.mtasetup.files import MtaFile as MtaFile
    from gateway.mtasetup.files import write_mta_files as write_mta_files
    from gateway.mtasetup.options import Wanted as Wanted
    from gateway.mtasetup.options import setup_options as setup_options
    from gateway.mtasetup.pieces import MtaPiece as MtaPiece
    from gateway.mtasetup.pieces import put_pieces as put_pieces
    from gateway.mtasetup.pieces import show_part as show_part
    from gateway.mtasetup.pieces import show_steps as show_steps
    from gateway.mtasetup.plan import MtaPlan as MtaPlan
    from gateway.mtasetup.routes import lmtp_lines as lmtp_lines
    from gateway.mtasetup.routes import neighbour_heading as neighbour_heading
    from gateway.mtasetup.routes import nodes_of as nodes_of
    from gateway.mtasetup.routes import read_routes as read_routes
    from gateway.mtasetup.routes import route_lines as route_lines
    from gateway.program import Finished as Finished
    from gateway.program import run_program as run_program
    from gateway.spool.durable import replace_file as replace_file

    read_bsmtp = _bsmtp.read
    read_rmail = _rmail.read
    read_sendmail = _sendmail.read

_HOME = {
    "BatchWriter": "gateway.mail.bsmtp",
    "Config": "gateway.config.model",
    "ConfigError": "gateway.errors",
    "Delivery": "gateway.mta",
    "Egress": "gateway.mta",
    "Envelope": "gateway.mail.envelope",
    "Event": "gateway.mta",
    "EventKind": "gateway.mta",
    "Finding": "gateway.mta",
    "Finished": "gateway.program",
    "GatewayError": "gateway.errors",
    "Ingress": "gateway.mta",
    "Letter": "gateway.mail.letter",
    "Malformed": "gateway.errors",
    "Message": "gateway.mail.message",
    "MtaFile": "gateway.mtasetup.files",
    "MtaPiece": "gateway.mtasetup.pieces",
    "MtaPlan": "gateway.mtasetup.plan",
    "NULL_SENDERS": "gateway.mail.bang",
    "Neighbour": "gateway.config.model",
    "OneByOne": "gateway.egress",
    "Outcome": "gateway.mta",
    "Permanent": "gateway.errors",
    "PluginError": "gateway.errors",
    "ProgramError": "gateway.errors",
    "Recipient": "gateway.mail.envelope",
    "Refused": "gateway.errors",
    "ReversePath": "gateway.mail.envelope",
    "Submission": "gateway.mta",
    "Truncated": "gateway.errors",
    "UsageError": "gateway.errors",
    "Verdict": "gateway.mta",
    "Wanted": "gateway.mtasetup.options",
    "WithoutFromLines": "gateway.mail.rmail",
    "check_lmtp": "gateway.mtasetup.checks",
    "first_hop": "gateway.mail.bang",
    "from_line": "gateway.mail.rmail",
    "hookimpl": "gateway.hookspecs",
    "lmtp_lines": "gateway.mtasetup.routes",
    "neighbour_heading": "gateway.mtasetup.routes",
    "nodes_of": "gateway.mtasetup.routes",
    "put_pieces": "gateway.mtasetup.pieces",
    "read_bsmtp": "gateway.mail.bsmtp:read",
    "read_rmail": "gateway.mail.rmail:read",
    "read_routes": "gateway.mtasetup.routes",
    "read_sendmail": "gateway.mail.sendmail:read",
    "replace_file": "gateway.spool.durable",
    "route_lines": "gateway.mtasetup.routes",
    "run_program": "gateway.program",
    "setup_options": "gateway.mtasetup.options",
    "show_findings": "gateway.mtasetup.checks",
    "show_part": "gateway.mtasetup.pieces",
    "show_steps": "gateway.mtasetup.pieces",
    "to_domain_form": "gateway.mail.bang",
    "write_mta_files": "gateway.mtasetup.files",
}

__all__ = sorted(_HOME)  # noqa: PLE0605 - one list: the table above; a test holds it against the imports


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        msg = f"module 'gateway' has no attribute {name!r}"
        raise AttributeError(msg)
    import importlib  # noqa: PLC0415 - a plugin that needs no name should pay for none

    module, _, attribute = home.partition(":")
    value: object = getattr(importlib.import_module(module), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOME)
