from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.hjson import HjsonError, dump, parse
from gateway.config.mistakes import Mistakes
from gateway.config.schema import NNCP, Tree, match
from gateway.errors import ConfigError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**15) + 1, 10**15 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12)
TREES = st.dictionaries(KEYS, VALUES)
SOUP = st.text(st.sampled_from("{}[]:,#/*'\"\\ \n\r\tatrue1.e-u0") | st.characters(), max_size=60)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x: a", "a"),
        ("x: a, b # c } ]", "a, b # c } ]"),
        ("x: a  \t", "a"),
        ("x: a\r\n", "a"),
        ("x: true", True),
        ("x: true // c", True),
        ("x: true,", True),
        ("x: true story", "true story"),
        ("x: tru", "tru"),
        ("x: null", None),
        ("x: 12", 12),
        ("x: 12 # c", 12),
        ("x: 12 /* c */", 12),
        ("x: 12 / c", "12 / c"),
        ("x: -0", 0),
        ("x: 1.5", 1.5),
        ("x: 1.", 1.0),
        ("x: 1E+2", 100.0),
        ("x: 1e999", "1e999"),
        ("x: 007", "007"),
        ("x: .5", ".5"),
        ("x: +1", "+1"),
        ("x: -", "-"),
        ("x: \\n", "\\n"),
        ("x: |ssh a, b", "|ssh a, b"),
        ("x: 1234567890123456789", 1234567890123456789.0),
        (r'x: "a\tb\"\u00e9\/"', 'a\tb"é/'),
        (r'x: "\ud83d\ude00 \ud83d"', "😀 \ufffd"),
        ("x: 'a\"b'", 'a"b'),
        ('x: "a\tb"', "a\tb"),
        ("x: '' # c", ""),
        ("x: '''a'''", "a"),
        ("x: ''''a'''", "'a"),
        ("x: '''\n   a\n     b\n   '''", "a\n  b"),
        ("x: ['a' \"b\"\n1]", ["a", "b", 1]),
        ("x: ['a', 'b',]", ["a", "b"]),
        ("x: [a\nb, c]\n]", ["a", "b, c]"]),
        ("x: {y: {}}", {"y": {}}),
        ("x: {y: 1, 'z w': 2,}", {"y": 1, "z w": 2}),
        ("x: {a#b: 1}", {"a#b": 1}),
        ('x: {"": 1}', {"": 1}),
        ("x: 1\nx: 2", 2),
    ],
)
def test_a_value_reads_as_nncp_reads_it(text: str, value: object) -> None:
    assert {"x": value} == parse(text)
    assert {"x": value} == parse("{\n" + text + "\n}")


@pytest.mark.parametrize(
    ("text", "number", "what"),
    [
        ("x: [hub]\n", 1, "never closed"),
        ("\n\nx: ,", 3, "a value was expected"),
        ("x:", 1, "a value was expected"),
        ("a b: c", 1, "colon"),
        ("a # c\n: b", 1, "colon"),
        ("x: true, y", 1, "colon"),
        (": c", 1, "a key was expected"),
        ("{\nx: 1\n", 1, "never closed"),
        ("x: 1\n/* oh", 2, "comment"),
        ('\nx: "a\nb"', 2, "not closed"),
        (r'x: "\x"', 1, "no escape"),
        (r'x: "\u12"', 1, "hexadecimal"),
        ("x: '''a", 1, "never closed"),
        ("x: [1,,2]", 1, "a value was expected"),
        ("{x: 1}\n\nmore", 3, "nothing may follow"),
        ("x: {a: 1}}", 1, "a key was expected"),
        ("\ufeffx: 1", 1, "byte order mark"),
        ("\n" + "x: " + "[" * 5000, 2, "deeply"),
    ],
)
def test_what_is_no_hjson_is_named_with_its_line(text: str, number: int, what: str) -> None:
    with pytest.raises(HjsonError, match=what) as caught:
        parse(text)
    assert number == caught.value.number


@given(TREES)
def test_what_is_written_reads_the_same(tree: dict[str, Any]) -> None:
    assert tree == parse(dump(tree))


@given(SOUP)
def test_any_text_gives_a_tree_that_stays_or_a_config_error(text: str) -> None:
    try:
        tree = parse(text)
    except ConfigError as failure:
        mistake = str(failure)
        assert mistake.startswith("line ")
        return
    written = dump(tree)
    assert tree == parse(written)
    assert written == dump(parse(written))


@given(TREES)
def test_json_objects_are_hjson(tree: dict[str, Any]) -> None:
    assert tree == parse(json.dumps(tree, ensure_ascii=False, indent=1))


# What the reader makes of a member, shown through a text that NNCP keeps as it is.
AGREED = [
    "from: a\nto: b",
    "from: a, b # c } ]\nto: '''x'''",
    'from: "a\\tb\\u00e9\\/"\nto: \'a"b\'',
    "from: 007\nto: true story",
    "FROM: x\nfrom: y\nto: null",
    "from: '''\n   a\n     b\n   '''\nto: ''''q'''",
    "from: a\rto: b",
    '"from": a /* no comment */\nto: ".5"',
    "from: |x, y\n// c\n/* d\n */ to: 1e999",
    "from: \\x\nto: -007",
    "from: 5 / 6\nto: a\u00a0",
]
REFUSED = [
    "from: a b c: d: [x]\nto: [a]",
    "from a: b",
    "from # c\n: b",
    'from: "\\x"',
    'from: "a\nb"',
    "from: 5",
    "from: true",
    "from: ,",
    "from: x, to: [1,,2]\nto: :",
]


@pytest.mark.nncp
@pytest.mark.parametrize("text", [*AGREED, *REFUSED])
def test_the_real_reader_agrees(text: str, tmp_path: Path, nncp_bin: Path) -> None:
    file = tmp_path / "nncp.hjson"
    file.write_text(f"spool: /s\nlog: /l\nneigh: {{}}\nnotify: {{\nfile: {{\n{text}\n}}\n}}\n", newline="")
    directory = tmp_path / "dir"
    command = [str(word) for word in (nncp_bin / "nncp-cfgdir", "-cfg", file, "-dump", directory)]
    refused = subprocess.run(command, capture_output=True, check=False, timeout=60).returncode != 0
    assert (text in REFUSED) == refused
    mistakes = Mistakes("file")
    tree: Tree = {}
    try:
        tree = match(parse(file.read_bytes().decode()), NNCP, mistakes, foreign=True)
    except HjsonError as failure:
        mistakes.add("", str(failure))
    assert refused == bool(mistakes.lines())
    if not refused:
        at = directory / "notify" / "file"
        assert tree["notify"]["file"] == {
            f.name: f.read_bytes().decode().removesuffix("\n")
            for f in at.iterdir()
            if f.read_bytes() != b"\n"
        }
