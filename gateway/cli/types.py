"""Parameter types of the operator commands."""

from __future__ import annotations

import click

from gateway.config import units
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


class Duration(click.ParamType[float]):
    """A length of time as the configuration has it: ``90s``, ``5m``, ``1h30m``, ``5d``; in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; a usage error names what is wrong."""
        try:
            return units.duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()


class Size(click.ParamType[int]):
    """A size as the configuration has it: ``64 KiB``, ``10MB``, or a number of bytes."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes; a usage error names what is wrong."""
        try:
            return units.size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


SIZE = Size()
