"""`gateway submit INGRESS [--node NODE] [FLAGS] [-- ARG…]`: mail-first, by the ingress that is named."""

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

USAGE = "gateway submit INGRESS [--node NODE] [FLAG…] [-- ARG…]"


def run(words: Sequence[str], before: Mapping[str, str], deadline: Deadline) -> None:
    """Queue the mail on standard input, or raise.

    From the first word after INGRESS that is not a flag of ours, all goes to the ingress:
    an envelope sender there must never be read as a flag of ours, however it is spelled.

    Raises:
        Malformed, Refused: permanent.
        GatewayError: temporary, whatever else.
    """
    if packaging.told_about(words, USAGE):
        return
    values = {**packaging.VALUES, "node": "node"}
    given, rest = parse(words, values, packaging.SWITCHES)
    if not rest:
        msg = f"INGRESS is missing: {USAGE}"
        raise UsageError(msg)
    name = rest.pop(0)
    more, arguments = parse(rest, values, packaging.SWITCHES, stop_at_unknown=True)
    given = {**before, **given, **more}
    order = packaging.order_of(given)
    config = packaging.config_of(given)
    spool = open_spool(config)  # before the plugins: they run as its owner, never as root
    registry = Registry(config, report=say, for_mta=True)
    Submitter(config, spool, registry).submit(
        registry.ingress(name),
        tuple(arguments),
        packaging.standard_input(),
        os.environ,
        node=given.get("node"),
        order=order,
        on_staged=deadline.done,
        on_committed=deadline.committed,
    )
