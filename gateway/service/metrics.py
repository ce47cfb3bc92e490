"""The numbers of the service in Prometheus's text format; docs/metrics.md says what each means."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from gateway.errors import UsageError
from gateway.service.counts import WAITS

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from gateway.service.counts import Numbers
    from gateway.service.stock import Stock

__all__ = ["CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(stock: Callable[[], Stock], numbers: Callable[[], Numbers]) -> Callable[[], bytes]:
    """Return what writes all metrics as they are when it is called.

    Raises:
        UsageError: prometheus-client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - optional
    except ImportError as missing:
        msg = "serve.metrics needs prometheus-client: pip install 'mailgateway[serve]'"
        raise UsageError(msg) from missing

    class Everything:
        def collect(self) -> Iterable[Metric]:
            return [*_stock(stock(), time.time()), *_numbers(numbers())]

        def describe(self) -> Iterable[Metric]:
            return ()

    registry = CollectorRegistry()
    registry.register(Everything())
    return lambda: generate_latest(registry)


def _stock(stock: Stock, now: float) -> Iterable[Metric]:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - optional

    labels = ["node", "box"]
    packets = GaugeMetricFamily("gateway_packets", "Packets that lie in a box of the spool.", labels=labels)
    octets = GaugeMetricFamily("gateway_packets_bytes", "Their size.", labels=labels, unit="")
    oldest = GaugeMetricFamily("gateway_oldest_packet_seconds", "The age of the oldest one.", labels=labels)
    for key, pile in sorted(stock.piles.items()):
        packets.add_metric(key, pile.packets)
        octets.add_metric(key, pile.octets)
        oldest.add_metric(key, max(0.0, now - pile.oldest) if pile.packets else 0.0)
    free = GaugeMetricFamily("gateway_spool_free_bytes", "Room left for the spool.", value=stock.free)
    return packets, octets, oldest, free


def _numbers(numbers: Numbers) -> Iterable[Metric]:
    from prometheus_client.core import (  # noqa: PLC0415 - optional
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    labels = ["event", "node"]
    events = CounterMetricFamily("gateway_events", "What this process did, by kind.", labels=labels)
    octets = CounterMetricFamily("gateway_event_bytes", "The size of the packets in that.", labels=labels)
    for key in sorted(numbers.events):
        events.add_metric(key, numbers.events[key])
        octets.add_metric(key, numbers.octets[key])
    sessions = GaugeMetricFamily("gateway_sessions", "Online sessions open now.", labels=["node"])
    for node, count in sorted(numbers.sessions.items()):
        sessions.add_metric([node], count)
    buckets, total = [], 0
    for limit, count in zip((*WAITS, float("inf")), numbers.waits, strict=True):
        total += count
        buckets.append(("+Inf" if limit == float("inf") else str(limit), total))
    waits = HistogramMetricFamily("gateway_delivery_wait_seconds", "From arrival here to delivery.")
    waits.add_metric([], buckets, numbers.waited)
    return events, octets, sessions, waits
