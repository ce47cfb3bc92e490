from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.config import load
from gateway.engine.shape import Shape
from gateway.errors import UsageError
from gateway.mta import EventKind
from gateway.service.counts import WAITS, Counts
from gateway.service.metrics import exposition
from gateway.service.stock import Pile, Stock, StockTaking
from gateway.spool.spool import Spool
from tests.real.nodes import Node
from tests.service.test_counts import event

STOCK = Stock(
    {("bob", "tx"): Pile(3, 4096, time.time() - 100), ("bob", "rx"): Pile(0, 0, 0.0)}, Shape({}), 1 << 30
)


def samples(text: bytes) -> dict[tuple[str, ...], float]:
    """Return the samples by name and values of labels."""
    families = text_string_to_metric_families(text.decode())
    return {(s.name, *_values(s.labels)): s.value for family in families for s in family.samples}


def _values(labels: dict[str, str]) -> list[str]:
    """Return the values, the node's first where there is one beside a box."""
    return [labels[name] for name in sorted(labels, key=lambda name: (name == "box", name))]


def test_what_lies_and_what_happened() -> None:
    counts = Counts()
    counts.gateway_event(event(EventKind.DELIVERED, size=7, waited=0.4))
    found = samples(exposition(lambda: STOCK, counts.numbers)())
    assert 3 == found["gateway_packets", "bob", "tx"]
    assert 4096 == found["gateway_packets_bytes", "bob", "tx"]
    age = time.time() - STOCK.piles["bob", "tx"].oldest
    assert age - 60 < found["gateway_oldest_packet_seconds", "bob", "tx"] <= age
    assert 0 == found["gateway_oldest_packet_seconds", "bob", "rx"]
    assert 1 == found["gateway_events_total", "delivered", "bob"]
    assert 7 == found["gateway_event_bytes_total", "delivered", "bob"]
    assert [0, 1, 1] == [found["gateway_delivery_wait_seconds_bucket", str(limit)] for limit in WAITS[:3]]
    assert 1 == found["gateway_delivery_wait_seconds_bucket", "+Inf"]


def test_names_that_need_escaping() -> None:
    counts = Counts()
    counts.gateway_event(event(EventKind.SENT, 'a"b\\c\nd'))
    found = samples(exposition(lambda: STOCK, counts.numbers)())
    assert 1 == found["gateway_events_total", "sent", 'a"b\\c\nd']


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(UsageError, match=r"mailgateway\[serve\]"):
        exposition(lambda: STOCK, Counts().numbers)


def test_taking_stock_of_a_spool(tmp_path: Path) -> None:
    alice, bob = Node(tmp_path / "alice", "alice"), Node(tmp_path / "bob", "bob")
    alice.know(bob)
    for _ in range(2):
        assert 0 == alice.gateway("exec", "bob", "x", stdin=b"x").status
    config = load(str(alice.toml))
    taking = StockTaking(config, Spool(config.spool))
    stock = taking.stock()
    packets = [path.stat() for path in alice.packets("tx")]
    expected = Pile(2, sum(found.st_size for found in packets), min(found.st_mtime for found in packets))
    assert expected == stock.piles["bob", "tx"]
    assert [2] == [sum(counts) for counts in stock.shape.nodes.values()]
    assert ["bob"] == list(stock.shape.nodes)
    assert stock.free > 0
    assert 0 == alice.gateway("exec", "bob", "x", stdin=b"x").status
    assert stock is taking.stock()  # another look would be too soon
