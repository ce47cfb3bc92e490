"""What ``gateway exim setup`` prints and writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gateway_exim.commands import exim
from gateway_exim.setup import Plan, detect_layout, gateway_lines, pieces, routers
from gateway_exim.transport import MAY_BOUNCE, TEMP_ERRORS

from gateway import GatewayError, UsageError


def plan(**changes: object) -> Plan:
    values = {"layout": "split", "user": "gateway", "command": "/usr/bin/gateway", "node": "hub", **changes}
    return Plan(**values)  # type: ignore[arg-type]


def run(*words: str) -> Result:
    return CliRunner().invoke(exim, ["setup", "--command", "/usr/bin/gateway", *words])


def text_of(one: Plan) -> str:
    return "".join(piece.text for piece in pieces(one))


def test_a_satellite_sends_everything_that_is_not_local_to_its_node() -> None:
    text = routers(plan())
    assert "route_list = * hub\n" in text
    assert "no_more" in text


def test_routes_stand_before_the_rest() -> None:
    one = plan(routes=(("one.example", "a"), ("*.uucp.example", "b")))
    assert "route_list = one.example a ; *.uucp.example b ; * hub\n" in routers(one)


def test_routes_alone_leave_the_rest_to_other_routers() -> None:
    text = routers(plan(node=None, routes=(("one.example", "a"),)))
    assert "route_list = one.example a\n" in text
    assert "no_more" not in text


def test_a_lookup_file_comes_before_the_rest() -> None:
    text = routers(plan(lookup="/etc/gateway/nodes"))
    assert "route_data = ${lookup{$domain}partial-lsearch{/etc/gateway/nodes}}\n" in text
    assert text.index("gateway_nodes:") < text.index("gateway_node:")


def test_the_transport_has_what_keeps_mail_safe() -> None:
    text = text_of(plan(config="/etc/gateway/gateway.toml"))
    for line in [
        "command = /usr/bin/gateway --config /etc/gateway/gateway.toml exec $host rsmtp",
        "use_bsmtp",
        "batch_max = 100",
        "timeout = 10m",
        "timeout_defer",
        "freeze_signal",
        "log_defer_output",
        "return_fail_output",
        "initgroups",
        "user = gateway",
        f"temp_errors = {TEMP_ERRORS}",
    ]:
        assert f"\n  {line}\n" in text
    for name in ["HEADERS_REWRITE", "RETURN_PATH"]:
        assert f"\n.ifdef REMOTE_SMTP_{name}\n" in text


def test_no_status_that_means_refused_is_deferred() -> None:
    assert not {str(status) for status in MAY_BOUNCE} & set(TEMP_ERRORS.split(":"))
    assert {"1", "2", "75", "127"} <= set(TEMP_ERRORS.split(":"))


def test_file_names_of_the_split_layout_have_no_dot_and_sort_right() -> None:
    names = [piece.name for piece in pieces(plan())]
    assert all("." not in name.rpartition("/")[2] for name in names)
    assert "conf.d/main/01_exim4-config_listmacrosdefs" < names[0] < "conf.d/main/02_exim4-config_options"
    assert "conf.d/router/150_exim4-config_hubbed_hosts" < names[1] < "conf.d/router/200_exim4-config_primary"
    assert "conf.d/transport/10_exim4-config_transport-macros" < names[2]


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ({"receive": False}, ["gateway.router", "gateway.transport"]),
        ({"send": False, "node": None}, ["gateway.macros"]),
        ({}, ["gateway.macros", "gateway.router", "gateway.transport"]),
    ],
)
def test_one_direction_leaves_out_what_the_other_needs(changes: dict[str, object], titles: list[str]) -> None:
    assert titles == [piece.name for piece in pieces(plan(layout="plain", **changes))]


@pytest.mark.parametrize(
    "changes",
    [
        {"node": "a b"},
        {"node": "a:b"},
        {"node": "$domain"},
        {"node": None},
        {"user": "x\n  ignore_status"},
        {"command": "gateway"},
        {"command": "/opt/my gateway/bin"},
        {"config": "${run{x}}"},
        {"lookup": "nodes"},
        {"routes": (("a.example ; *", "b"),)},
        {"routes": (("a.example", "b;c"),)},
        {"handle": "rsmtp -x"},
    ],
)
def test_nothing_stands_in_the_configuration_that_exim_would_read_as_something_else(
    changes: dict[str, object],
) -> None:
    with pytest.raises(UsageError):
        plan(**changes)


def test_the_receivers_lines_are_toml_that_names_the_egress() -> None:
    import tomllib

    read = tomllib.loads(gateway_lines(plan(node="hub.x", routes=(("one.example", "a"),))))
    handle = {"egress": "exim", "command": ["/usr/sbin/sendmail", "-bS"]}
    assert {"neigh": {"a": {"exec": {"rsmtp": handle}}, "hub.x": {"exec": {"rsmtp": handle}}}} == read


@pytest.mark.parametrize(
    ("folders", "conf", "layout"),
    [
        ((), None, "plain"),
        (("conf.d",), None, "split"),
        (("conf.d",), "dc_use_split_config='true'\n", "split"),
        (("conf.d",), "dc_use_split_config='false'\n", "single"),
    ],
)
def test_the_layout_is_what_debian_says(
    tmp_path: Path, folders: tuple[str, ...], conf: str | None, layout: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    if conf is not None:
        (tmp_path / "update-exim4.conf.conf").write_text(conf)
    assert layout == detect_layout(str(tmp_path))


def test_printed_it_says_what_each_part_is_and_what_comes_next() -> None:
    done = run("--layout", "split", "--node", "hub")
    assert 0 == done.exit_code
    for text in [
        "# ===== conf.d/router/180_exim4-config_local-gateway",
        "exec.rsmtp = {",
        "update-exim4.conf",
    ]:
        assert text in done.output


@pytest.mark.parametrize(
    ("words", "sends", "receives"),
    [
        ((), True, True),
        (("--send",), True, False),
        (("--receive",), False, True),
        (("--no-send",), False, True),
        (("--no-receive",), True, False),
        (("--send", "--receive"), True, True),
    ],
)
def test_directions(words: tuple[str, ...], sends: bool, receives: bool) -> None:
    output = run("--layout", "plain", "--node", "hub", *words).output
    assert sends is ("gateway_bsmtp:" in output)
    assert receives is ("trusted_users" in output)
    assert receives is ("exec.rsmtp" in output)


def test_written_twice_nothing_changes_and_a_changed_file_is_not_lost(tmp_path: Path) -> None:
    words = ("--layout", "split", "--node", "hub", "--write", str(tmp_path))
    assert 3 == run(*words).output.count("wrote ")
    assert 0 == run(*words).output.count("wrote ")
    router = tmp_path / "conf.d/router/180_exim4-config_local-gateway"
    router.write_text("mine\n")
    done = run(*words)
    assert isinstance(done.exception, GatewayError)
    assert str(router) in str(done.exception)
    assert "mine\n" == router.read_text()
    assert 1 == run(*words, "--force").output.count("wrote ")
    assert "gateway_node:" in router.read_text()


def test_a_route_without_a_node_is_a_usage_error() -> None:
    assert isinstance(run("--route", "one.example").exception, UsageError)
    assert isinstance(run("--layout", "plain").exception, UsageError)


def test_by_lmtp_the_routes_stand_in_the_gateways_configuration() -> None:
    import tomllib

    from gateway_exim.setup import serve_lines

    one = plan(way="lmtp", routes=(("one.example", "a"), ("*.uucp.example", "b")), socket="/run/x.sock")
    routes = {"one.example": "a", "uucp.example": "b", "*": "hub"}
    assert {"serve": {"lmtp": "/run/x.sock"}, "routes": routes} == tomllib.loads(serve_lines(one))
    assert "\n  socket = /run/x.sock\n" in text_of(one)
    assert "use_bsmtp" not in text_of(one)
    assert "transport = gateway_lmtp\n" in routers(one)


def test_by_lmtp_to_a_command_the_node_is_the_routers() -> None:
    one = plan(way="lmtp-command", config="/etc/gateway/gateway.toml")
    command = "command = /usr/bin/gateway --config /etc/gateway/gateway.toml lmtp --node $host"
    assert f"\n  {command}\n" in text_of(one)
    assert "[serve]" not in run("--layout", "plain", "--lmtp-command", "--node", "hub").output


def test_a_socket_without_lmtp_is_a_mistake() -> None:
    done = run("--layout", "plain", "--node", "hub", "--socket", "/run/x.sock")
    assert isinstance(done.exception, UsageError)
    with pytest.raises(UsageError):
        plan(way="lmtp", socket="lmtp.sock")
