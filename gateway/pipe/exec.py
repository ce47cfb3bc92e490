"""`gateway exec [FLAGS] NODE HANDLE [ARG…]`: queue an exec job, in nncp-exec's place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.engine.ground import open_spool
from gateway.engine.submit import Submitter
from gateway.errors import UsageError
from gateway.pipe import packaging
from gateway.pipe.flags import parse
from gateway.registry import Registry
from gateway.stderr import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.deadline import Deadline

USAGE = "gateway exec [FLAG…] [--raw] NODE HANDLE [ARG…]"


def run(words: Sequence[str], before: Mapping[str, str], deadline: Deadline) -> None:
    """Queue the job on standard input, or raise.

    Raises:
        Malformed, Refused: permanent.
        GatewayError: temporary, whatever else.
    """
    if packaging.told_about(words, USAGE):
        return
    given, rest = parse(words, packaging.VALUES, {**packaging.SWITCHES, "raw": "raw"})
    given = {**before, **given}
    if len(rest) < 2:  # noqa: PLR2004 - NODE and HANDLE
        msg = f"NODE and HANDLE are missing: {USAGE}"
        raise UsageError(msg)
    node, handle, *arguments = rest
    if not handle:
        msg = f"HANDLE is empty: {USAGE}"
        raise UsageError(msg)
    order = packaging.order_of(given)
    config = packaging.config_of(given)
    config.neighbour(node)
    spool = open_spool(config)  # before the plugins: they run as its owner, never as root
    registry = Registry(config, report=say, for_mta=True)
    ingress = registry.ingress("raw") if "raw" in given else registry.ingress_for(handle)
    Submitter(config, spool, registry).submit(
        ingress,
        tuple(arguments),
        packaging.standard_input(),
        os.environ,
        node=node,
        handle=handle,
        order=order,
        on_staged=deadline.done,
        on_committed=deadline.committed,
    )
