"""What all parts of one configuration stand on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from gateway.engine.ground import identity_of, open_spool
from gateway.links.session import Party
from gateway.registry import Registry

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.packet.identity import Identity
    from gateway.spool.spool import Spool

__all__ = ["Ground"]


class Ground(NamedTuple):
    """Configuration, keys, spool, plugins; `leaving` is set when sessions are to end at once.

    `say` is for what a person should look at, `news` for what goes as it should.
    """

    config: Config
    identity: Identity
    spool: Spool
    registry: Registry
    say: Callable[[str], None]
    news: Callable[[str], None]
    leaving: threading.Event

    @classmethod
    def of(cls, config: Config, say: Callable[[str], None], news: Callable[[str], None]) -> Ground:
        """Return the ground of a configuration; run as root, the process becomes the spool's owner.

        Raises:
            ConfigError: temporary; there are no keys.
            SpoolError: temporary.
        """
        identity = identity_of(config)
        spool = open_spool(config)  # before the plugins: they run as its owner, never as root
        registry = Registry(config, report=say)
        return cls(config, identity, spool, registry, say, news, threading.Event())

    def party(self) -> Party:
        """Return our end of sessions."""
        return Party(self.identity, self.spool, self.registry.event, self.leaving.is_set)
