"""``[plugin.rmail]`` and the handle's own options."""

from __future__ import annotations

import pytest
from gateway_rmail.options import Options, handle_options, plugin_options

from gateway import ConfigError


def test_nothing_configured_gives_the_defaults() -> None:
    expected = Options(handles=("rmail",), sendmail=("/usr/sbin/sendmail",), real=False, addresses="domain")
    assert expected == plugin_options({})


def test_what_is_configured_counts() -> None:
    table = {"handles": ["rmail", "mail"], "sendmail": ["/x", "-odq"], "real": True, "addresses": "bang"}
    expected = Options(handles=("rmail", "mail"), sendmail=("/x", "-odq"), real=True, addresses="bang")
    assert expected == plugin_options(table)


def test_the_handle_overrides_the_plugin() -> None:
    base = Options(sendmail=("/x",), addresses="bang")
    assert base._replace(addresses="domain") == handle_options({"addresses": "domain"}, base, "rmail")


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ({"reel": True}, "reel: unknown key, expected one of addresses, handles, real, sendmail"),
        ({"real": 1}, "real: expected true or false"),
        ({"addresses": "uucp"}, 'addresses: expected "domain" or "bang"'),
        ({"addresses": ["bang"]}, 'addresses: expected "domain" or "bang"'),
        *(
            ({"sendmail": value}, "sendmail: expected a program with its absolute path, such as")
            for value in ("/usr/sbin/sendmail", [], ["sendmail"], ["/x", 1], ["/x", "a\0b"])
        ),
        *(
            ({"handles": value}, "handles: expected a list of words such as")
            for value in ("rmail", [], ["a b"], ["a", 1])
        ),
    ],
)
def test_a_mistake_names_its_key_and_what_was_expected(table: dict[str, object], mistake: str) -> None:
    with pytest.raises(ConfigError) as failure:
        plugin_options(table)
    assert 1 == len(failure.value.mistakes)
    assert failure.value.mistakes[0].startswith(f"plugin.rmail: {mistake}")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as failure:
        plugin_options({"real": 0, "x": 1})
    assert 2 == len(failure.value.mistakes)


def test_a_handle_cannot_set_handles() -> None:
    with pytest.raises(ConfigError, match=r"exec\.in: handles: unknown key"):
        handle_options({"handles": ["x"]}, Options(), "in")
