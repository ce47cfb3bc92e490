"""A real resident process, seen from outside: its metrics, its page, and its file of metrics."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.links.test_online_real import free_port
from tests.real.nodes import Node, carry, wait
from tests.real.programs import ENVIRONMENT, gateway_script
from tests.service.test_metrics import samples

LIMIT = 30.0


@contextmanager
def serving(node: Node, keys: str) -> Iterator[None]:
    node.toml.write_text(node.toml.read_text() + f"\n[serve]\n{keys}\n")
    out = (node.directory / "serve.out").open("wb")
    process = subprocess.Popen(
        [gateway_script(), "--config", str(node.toml), "serve"], stdout=out, stderr=out, env=ENVIRONMENT
    )
    try:
        yield
        assert process.poll() is None, (node.directory / "serve.out").read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert 0 == wait(process, 60), (node.directory / "serve.out").read_text()
        out.close()


def get(url: str) -> bytes:
    until = time.monotonic() + LIMIT
    while True:
        try:
            with urllib.request.urlopen(url, timeout=LIMIT) as answer:
                return bytes(answer.read())
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.fixture
def bob(tmp_path: Path) -> Node:
    """A node to which alice sent a job that works, and one that does not."""
    alice, bob = Node(tmp_path / "alice", "alice"), Node(tmp_path / "bob", "bob")
    alice.know(bob)
    bob.know(alice, toml='exec.good = ["/bin/true"]\nexec.bad = ["/bin/false"]')
    for handle in ("good", "bad"):
        assert 0 == alice.gateway("exec", "bob", handle, stdin=b"x").status
    carry(alice, bob, tmp_path / "stick", tx="gateway", rx="gateway")
    return bob


def test_metrics_and_page_of_what_it_does(bob: Node) -> None:
    metrics, status = free_port(), free_port()
    with serving(bob, f'metrics = "127.0.0.1:{metrics}"\nstatus = "127.0.0.1:{status}"'):
        until = time.monotonic() + LIMIT
        found: dict[tuple[str, ...], float] = {}
        while {("gateway_events_total", kind, "alice") for kind in ("delivered", "deferred")} - found.keys():
            assert time.monotonic() < until, found
            found = samples(get(f"http://127.0.0.1:{metrics}/metrics"))
            time.sleep(0.1)
        page = ""
        while "deferred</td>" not in page:
            assert time.monotonic() < until, page
            page = get(f"http://127.0.0.1:{status}/").decode()
    assert 1 == found["gateway_events_total", "delivered", "alice"]
    assert 1 == found["gateway_delivery_wait_seconds_count",]
    assert found["gateway_spool_free_bytes",] > 0
    assert "exit status 1" in page


def test_a_file_for_the_node_exporter(bob: Node, tmp_path: Path) -> None:
    file = tmp_path / "gateway.prom"
    with serving(bob, f'metrics = "{file}"'):
        until = time.monotonic() + LIMIT
        while not file.exists():
            assert time.monotonic() < until
            time.sleep(0.1)
        found = samples(file.read_bytes())
    assert found["gateway_spool_free_bytes",] > 0
    assert 0o644 == file.stat().st_mode & 0o777
    assert [file] == list(tmp_path.glob("*prom*"))
