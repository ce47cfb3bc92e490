"""`gateway lmtp [--node NODE] [FLAGS]`: LMTP on standard input and output, an answer per recipient."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.engine.ground import open_spool, self_name
from gateway.engine.reception import Desk, Reception
from gateway.errors import UsageError
from gateway.mail.lmtp import Machine
from gateway.mail.lmtp_replies import Reply
from gateway.pipe import packaging
from gateway.registry import Registry
from gateway.request.flags import parse
from gateway.request.order import order_of
from gateway.request.words import SWITCHES, VALUES
from gateway.service.lmtp_conversation import Conversation, Line
from gateway.stderr import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.deadline import Deadline

USAGE = "gateway lmtp [--node NODE] [FLAG…]"


def run(words: Sequence[str], before: Mapping[str, str], deadline: Deadline) -> None:
    """Serve the client on standard input and output until it leaves.

    Raises:
        GatewayError: temporary; the client was told, as far as it listens.
    """
    if packaging.told_about(words, USAGE):
        return
    # What a plugin prints must not get between our answers.
    answers = os.dup(1)
    os.dup2(2, 1)
    line = Line(0, answers)
    try:
        conversation = _conversation(words, before, deadline, line)
    except BaseException as failure:
        reply = Reply.of(failure)
        line.write(Reply(421, f"4{reply.enhanced[1:]}", reply.text).line())
        raise
    conversation.run()


def _conversation(
    words: Sequence[str], before: Mapping[str, str], deadline: Deadline, line: Line
) -> Conversation:
    given, rest = parse(words, {**VALUES, "node": "node"}, SWITCHES)
    given = {**before, **given}
    if rest:
        msg = f"{rest[0]!r} is too much: {USAGE}"
        raise UsageError(msg)
    order = order_of(given)
    config = packaging.config_of(given)
    spool = open_spool(config)  # before the plugins: they run as its owner, never as root
    registry = Registry(config, report=say, for_mta=True)
    desk = Desk(config, spool, registry, node=given.get("node"), order=order)
    return Conversation(
        line,
        Machine(self_name(config), max_size=config.serve.lmtp_max_size),
        Reception(desk, on_staged=deadline.done),
        progress=deadline.resume,
    )
