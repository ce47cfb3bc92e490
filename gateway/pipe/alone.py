"""`gateway exec` and `gateway submit`, done by this process alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.engine.ground import open_spool
from gateway.pipe import packaging
from gateway.registry import Registry
from gateway.request.request import Caller, Request
from gateway.request.words import USAGE
from gateway.stderr import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.deadline import Deadline


def run(command: str, words: Sequence[str], before: Mapping[str, str], deadline: Deadline) -> None:
    """Queue what is on standard input, or raise.

    Raises:
        Malformed, Refused: permanent.
        GatewayError: temporary, whatever else.
    """
    if packaging.told_about(words, USAGE[command]):
        return
    request = Request.of(command, words, before)
    config = packaging.config_of(request.given)
    request.check(config)
    spool = open_spool(config)  # before the plugins: they run as its owner, never as root
    registry = Registry(config, report=say, for_mta=True)
    request.fulfil(
        config,
        spool,
        registry,
        packaging.standard_input(),
        Caller(os.environ, os.getppid()),
        on_staged=deadline.done,
        on_committed=deadline.committed,
    )
