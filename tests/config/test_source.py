from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config import locate, source
from gateway.errors import ConfigError


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Our place and NNCP's, neither of which exists yet."""
    ours, theirs = tmp_path / "gateway.toml", tmp_path / "nncp.hjson"
    monkeypatch.setattr(source, "OUR_PLACE", str(ours))
    monkeypatch.setattr(source, "NNCP_PLACE", str(theirs))
    return ours, theirs


def test_the_first_that_is_given_or_exists(places: tuple[Path, Path]) -> None:
    ours, theirs = places
    theirs.touch()
    assert str(theirs) == locate(None, {})
    assert "/n" == locate(None, {"NNCPCFG": "/n"})
    ours.touch()
    assert str(ours) == locate(None, {"NNCPCFG": "/n"})
    assert "/g" == locate(None, {"NNCPCFG": "/n", "GATEWAY_CONFIG": "/g"})
    assert "/e" == locate("/e", {"NNCPCFG": "/n", "GATEWAY_CONFIG": "/g"})


def test_an_empty_variable_gives_nothing(places: tuple[Path, Path]) -> None:
    places[1].touch()
    assert str(places[1]) == locate(None, {"NNCPCFG": "", "GATEWAY_CONFIG": ""})


def test_without_any_all_places_are_named(places: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError) as caught:
        locate(None, {})
    for place in ("--config", "$GATEWAY_CONFIG", str(places[0]), "$NNCPCFG", str(places[1])):
        assert place in str(caught.value)


def test_a_huge_file_is_no_configuration(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.touch()
    os.truncate(path, 2**40)
    with pytest.raises(ConfigError, match="larger than 16 MiB"):
        source.read_text(str(path))
