"""Parameter types of the operator commands."""

from __future__ import annotations

import click

from gateway.packet import niceness


class Niceness(click.ParamType[int]):
    """A niceness as NNCP writes it: 1..255, or FLASH, PRIORITY, NORMAL, BULK, MAX, with +d or -d."""

    name = "niceness"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; a usage error names what is wrong."""
        if isinstance(value, int):
            return value
        try:
            return niceness.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


NICENESS = Niceness()
