"""docs/metrics.md against what is really written."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from gateway.mta import EventKind
from gateway.service.counts import Counts
from gateway.service.metrics import exposition
from gateway.service.metrics_file import INTERVAL
from tests.docs.pages import ROOT, rows, sections
from tests.service.test_counts import event
from tests.service.test_metrics import STOCK

PAGE = ROOT / "docs" / "metrics.md"
TEXT = PAGE.read_text()


def test_every_metric_with_its_kind_and_labels() -> None:
    counts = Counts()
    counts.gateway_event(event(EventKind.DELIVERED, waited=1.0))
    text = exposition(lambda: STOCK, counts.numbers)().decode()
    written = {}
    for family in text_string_to_metric_families(text):
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        written[family.name + "_total" * (family.type == "counter")] = (family.type, labels)
    told = {
        name.strip("`"): (kind, set(filter(None, labels.split(", "))))
        for name, kind, labels, _ in rows(sections(PAGE)["What there is"])
    }
    assert written == told


def test_every_kind_of_event_is_named() -> None:
    [line] = [line for line in TEXT.splitlines() if line.startswith("| `gateway_events_total`")]
    assert {kind.value for kind in EventKind} <= set(re.findall(r"`([a-z-]+)`", line))


def test_alerts_ask_for_metrics_that_there_are() -> None:
    told = {name.strip("`") for name, *_ in rows(sections(PAGE)["What there is"])}
    asked = set(re.findall(r"gateway_\w+", sections(PAGE)["Alerts that make sense"]))
    assert asked - {"gateway_delivery_wait_seconds_bucket"} <= told
    assert told - {"gateway_packets"} <= {*asked, "gateway_delivery_wait_seconds"}
    alerts = re.findall(r"- alert: (\w+)", TEXT)
    assert len(alerts) == len(set(alerts)) == len(re.findall(r"\n +expr: ", TEXT))


def test_numbers_of_the_page() -> None:
    assert f"every {INTERVAL:g} seconds" in TEXT
