"""``[plugin.exim]`` and the handle's own options."""

from __future__ import annotations

import pytest
from gateway_exim.options import Options, handle_options, plugin_options

from gateway import ConfigError


def test_nothing_configured_gives_the_defaults() -> None:
    assert Options(handles=("rsmtp",), session=1, processes=4) == plugin_options({})


def test_what_is_configured_counts() -> None:
    table = {"handles": ["rsmtp", "mail"], "session": 20, "processes": 2}
    assert Options(handles=("rsmtp", "mail"), session=20, processes=2) == plugin_options(table)


def test_the_handle_overrides_the_plugin() -> None:
    assert Options(session=7, processes=2) == handle_options({"session": 7}, Options(processes=2), "rsmtp")


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ({"sesion": 5}, "plugin.exim: sesion: unknown key, expected one of handles, processes, session"),
        ({"session": 0}, "plugin.exim: session: expected a whole number from 1 to 10000"),
        ({"session": True}, "plugin.exim: session: expected a whole number from 1 to 10000"),
        ({"processes": "4"}, "plugin.exim: processes: expected a whole number from 1 to 64"),
        ({"handles": "rsmtp"}, 'plugin.exim: handles: expected a list of words such as ["rsmtp"]'),
        ({"handles": []}, 'plugin.exim: handles: expected a list of words such as ["rsmtp"]'),
        ({"handles": ["a b"]}, 'plugin.exim: handles: expected a list of words such as ["rsmtp"]'),
    ],
)
def test_a_mistake_names_its_key_and_what_was_expected(table: dict[str, object], mistake: str) -> None:
    with pytest.raises(ConfigError) as failure:
        plugin_options(table)
    assert (mistake,) == failure.value.mistakes


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as failure:
        plugin_options({"session": 0, "x": 1})
    assert 2 == len(failure.value.mistakes)


def test_a_handle_cannot_set_handles() -> None:
    with pytest.raises(ConfigError, match=r"exec\.in: handles: unknown key"):
        handle_options({"handles": ["x"]}, Options(), "in")
