"""The plugins: whether they load, and what each finds of the MTA that it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.doctor.ailment import Ailment
from gateway.doctor.owner import owner_name
from gateway.errors import PluginError

if TYPE_CHECKING:
    from gateway.config.model import Config
    from gateway.registry import Registry

_WHY = "mail between the gateway and the MTA goes wrong there"


def check(config: Config, registry: Registry) -> Iterator[Ailment]:
    """Yield the plugins that are broken, then what the whole ones find wrong with their MTA."""
    user = owner_name(config.spool)
    for loaded in registry.loaded:
        try:
            registry.brings(loaded)
            found = registry.examine(loaded, user)
        except PluginError as broken:
            why = "mail that needs it waits until it works again"
            yield Ailment(f"plugin {loaded.name}", str(broken), why, f"gateway plugin check {loaded.name}")
            continue
        for one in found:
            if not one.ok:
                yield Ailment(f"{loaded.name}: {one.subject}", one.text, _WHY, one.mend)
