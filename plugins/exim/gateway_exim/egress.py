"""The egress ``exim``: verified mail for ``sendmail -bS``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_exim.options import Options, handle_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway import Delivery, Outcome


class EximEgress:
    """Hands deliveries to Exim's batch SMTP input."""

    name = "exim"
    series = True

    def __init__(self, options: Options) -> None:
        self.options = options
        self.handles = options.handles

    def deliver(self, deliveries: Iterable[Delivery]) -> Iterator[Outcome]:
        """Yield outcomes as the processes end; see `gateway.Egress`.

        Raises:
            ConfigError: temporary; the handle's options have mistakes.
            PluginError: temporary; the handle's command is not one that reads batch SMTP, or
                a delivery has no envelope.
            GatewayError: temporary; a message cannot be read.
        """
        from gateway_exim.feeding import outcomes_of  # noqa: PLC0415 - every toss loads this module, for any egress

        coming = iter(deliveries)
        first = next(coming, None)
        if first is not None:
            yield from outcomes_of(first, coming, handle_options(first.options, self.options, first.handle))

    def check(self, handle: str, options: Mapping[str, object]) -> None:
        """Raise `ConfigError` (temporary) for the mistakes in a handle's own options."""
        handle_options(options, self.options, handle)
