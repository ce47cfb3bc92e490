"""The status page, and what a real browser makes of it."""

from __future__ import annotations

import os
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gateway.engine.shape import Shape
from gateway.journal.entry import Entry
from gateway.service.overview import Held, Overview, Standing
from gateway.service.status_page import page
from gateway.service.stock import Pile, Stock

NOW = 1_790_000_000.0
EVIL = "<script>alert(1)</script>\"'&\x1b[31m"
PILE = Pile(3, 4096, NOW - 7200)
NOTHING = Pile(0, 0, 0.0)
EVENT = Entry("2026-09-21T14:13:20.000000000Z", 1, "delivered", "A" * 52, "bob", 160, 7, EVIL, {})
STOCK = Stock(
    {("bob", "tx"): PILE, ("bob", "hold"): Pile(1, 10, NOW)},
    Shape({"bob": [0, 3, 0, 0, 0, 1, 0, 0, 0, 0]}),
    5 << 30,
)
SEEN = Overview(
    [
        Standing(
            "bob", "via hub", PILE, NOTHING, NOTHING, Pile(1, 10, NOW), EVENT._replace(event="call-failed")
        )
    ],
    [EVENT],
    [Held("B" * 52, "bob", EVIL, NOW - 60)],
)


class Text(HTMLParser):
    """The text of a document, and the names of its elements."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_what_peers_write_stays_text() -> None:
    document = page(EVIL, SEEN, STOCK, NOW).decode()
    read = Text(document)
    assert "script" not in read.elements
    assert "\x1b" not in document
    assert any("<script>alert(1)</script>" in words for words in read.words)


def test_nothing_is_fetched_and_nothing_can_be_sent() -> None:
    read = Text(page("alice", SEEN, STOCK, NOW).decode())
    assert [] == read.links
    assert set() == {"form", "input", "button", "script", "link", "img", "iframe"} & set(read.elements)


def test_what_there_is_to_say() -> None:
    words = " ".join(Text(page("alice", SEEN, STOCK, NOW).decode()).words)
    for told in ("alice", "bob", "via hub", "4 KiB", "2 h", "5 GiB", "failed", "AAAAAAAAAAAA", "delivered"):
        assert told in words


def test_a_new_node() -> None:
    words = " ".join(Text(page("alice", Overview([], [], []), Stock({}, Shape({}), 0), NOW).decode()).words)
    for told in (
        "There are no neighbours yet",
        "Nothing waits",
        "Nothing is held",
        "The journal knows of none",
    ):
        assert told in words


_FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
--disable-background-networking --disable-component-update --disable-dev-shm-usage --window-size=1100,900"""


@pytest.fixture(scope="session")
def chromium() -> Path:
    from tests.conftest import _fetched

    return _fetched("chromium")


def browse(chromium: Path, directory: Path, *words: str) -> bytes:
    words = (*_FLAGS.split(), f"--user-data-dir={directory}/profile", *words)
    command = [str(chromium / "bin/chromium"), *words]
    environ = {
        "HOME": str(directory),
        "FONTCONFIG_FILE": str(chromium / "root/fonts.conf"),
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(command, capture_output=True, check=False, timeout=120, env=environ)
    assert 0 == done.returncode, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize(("scheme", "value"), [("dark", 0), ("light", 1)])
def test_a_real_browser_shows_it(chromium: Path, tmp_path: Path, scheme: str, value: int) -> None:
    """Nothing is wider than the window, text stands out from its ground, and the scheme is the user's."""
    file = tmp_path / "page.html"
    probe = """<script>addEventListener("load", () => {
      const of = (at, what) => getComputedStyle(document.querySelector(at))[what];
      const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
        return .299 * r + .587 * g + .114 * b;
      };
      const ground = light(of("body", "backgroundColor")), ink = light(of("body", "color"));
      document.title = JSON.stringify([ground < 128, Math.abs(ground - ink) > 120,
        document.documentElement.scrollWidth <= innerWidth, document.querySelectorAll("section").length]);
    })</script></body>"""
    file.write_text(page("alice", SEEN, STOCK, NOW).decode().replace("</body>", probe))
    scheme_flag = f"--blink-settings=preferredColorScheme={value}"
    document = browse(chromium, tmp_path, scheme_flag, "--dump-dom", f"file://{file}").decode()
    title = document.partition("<title>")[2].partition("</title>")[0]
    assert f"[{str(scheme == 'dark').lower()},true,true,4]" == title
