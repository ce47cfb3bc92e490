"""The egress against the real ``exim -bS``: every way in which it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from gateway_exim.egress import EximEgress
from gateway_exim.options import Options

from gateway import Delivery, Message, Outcome
from tests.plugins.exim.material import TEXT, delivery, script, seen
from tests.real.exim import LOCAL_ROUTER, LOCAL_TRANSPORT, Exim

pytestmark = pytest.mark.exim
MakeExim = Callable[..., Exim]
BAD = "a@[192.0.2.1]"
"""Valid for us; Exim takes domain literals only with allow_domain_literals."""


@pytest.fixture
def receiver(make_exim: MakeExim) -> Exim:
    return make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)


def deliver(*deliveries: Delivery, session: int = 1, processes: int = 1) -> list[Outcome]:
    return list(EximEgress(Options(session=session, processes=processes)).deliver(deliveries))


def command(exim: Exim, *arguments: str) -> list[str]:
    return exim.command(*(arguments or ("-odi",)), "-bS")


def arrived(exim: Exim) -> list[tuple[str, ...]]:
    return sorted(mail.recipients for mail in exim.mails())


def test_a_message_arrives_with_envelope_and_octets(receiver: Exim) -> None:
    text = b"Subject: x\n\n.\n..\n.a\nend without newline"
    outcomes = deliver(delivery(0, "x@b.example", '"q r"@b.example', command=command(receiver), text=text))
    assert [(0, "taken", None)] == seen(outcomes)
    assert {"joe@a.example"} == {mail.sender for mail in receiver.mails()}
    bodies = {mail.message.partition(b"\n\n")[2] for mail in receiver.mails()}
    assert {b".\n..\n.a\nend without newline\n"} == bodies


def test_the_null_sender_stays_null(receiver: Exim) -> None:
    deliver(delivery(0, "x@b.example", command=command(receiver), sender=""))
    assert [""] == [mail.sender for mail in receiver.mails()]


def test_a_u_label_domain_is_handed_over_as_a_label(receiver: Exim) -> None:
    outcomes = deliver(delivery(0, "jürgen@bücher.example", command=command(receiver, "-odq")))
    assert [(0, "taken", None)] == seen(outcomes)
    assert "jürgen@xn--bcher-kva.example" in receiver.records()


@pytest.mark.parametrize("session", [1, 2, 5])
@pytest.mark.parametrize("processes", [1, 3])
def test_one_bad_of_five_costs_the_others_nothing(receiver: Exim, session: int, processes: int) -> None:
    names = ["r0@b.example", "r1@b.example", BAD, "r3@b.example", "r4@b.example"]
    outcomes = deliver(
        *(delivery(i, name, command=command(receiver)) for i, name in enumerate(names)),
        session=session,
        processes=processes,
    )
    taken = [(i, "taken", None) for i in (0, 1, 3, 4)]
    assert sorted([*taken, (2, "refused", None)]) == seen(outcomes)
    assert [(f"r{i}@b.example",) for i in (0, 1, 3, 4)] == arrived(receiver)
    assert "501" in next(o.text for o in outcomes if o.transaction == 2)


@pytest.mark.parametrize(
    "first",
    [b"", b"Subject: only a header\n", b"no header\nat all\n", b"\nbody\n", b"Subject: x\n\na\rb\r\rc\n"],
    ids=["empty", "header only", "no header", "blank line first", "carriage returns"],
)
def test_messages_that_upset_exims_line_count_do_not_upset_ours(receiver: Exim, first: bytes) -> None:
    outcomes = deliver(
        delivery(0, "r0@b.example", command=command(receiver), text=first),
        delivery(1, "r1@b.example", command=command(receiver), text=first),
        delivery(2, "r2@b.example", BAD, "r3@b.example", command=command(receiver)),
        delivery(3, "r4@b.example", command=command(receiver)),
        session=10,
    )
    assert [
        (0, "taken", None),
        (1, "taken", None),
        (2, "refused", (BAD,)),
        (2, "taken", ("r2@b.example", "r3@b.example")),
        (3, "taken", None),
    ] == seen(outcomes)
    assert 5 == sum(len(recipients) for recipients in arrived(receiver))


def test_bad_recipients_are_refused_one_by_one_and_the_good_ones_get_the_message(receiver: Exim) -> None:
    worse = "b@[192.0.2.2]"
    outcomes = deliver(delivery(0, BAD, "r1@b.example", worse, "r2@b.example", command=command(receiver)))
    assert [
        (0, "refused", (BAD,)),
        (0, "refused", (worse,)),
        (0, "taken", ("r1@b.example", "r2@b.example")),
    ] == seen(outcomes)
    assert {"r1@b.example", "r2@b.example"} == {r for recipients in arrived(receiver) for r in recipients}


def test_a_message_too_big_is_refused_in_exims_words(make_exim: MakeExim) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    text = exim.configuration.read_text().replace("message_size_limit = 100M", "message_size_limit = 100K")
    exim.configuration.write_text(text)
    big = TEXT + b"x" * 70 * 3000 + b"\n"
    outcomes = deliver(
        delivery(0, "r0@b.example", command=command(exim)),
        delivery(1, "r1@b.example", "r2@b.example", command=command(exim), text=big),
        delivery(2, "r3@b.example", command=command(exim)),
        session=3,
    )
    assert [(0, "taken", None), (1, "refused", None), (2, "taken", None)] == seen(outcomes)
    assert ["552 Message size exceeds maximum permitted"] == [o.text for o in outcomes if o.text]


def test_a_transaction_with_too_many_recipients_goes_in_pieces(make_exim: MakeExim) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, "recipients_max = 2\n")
    names = [f"r{i}@b.example" for i in range(5)]
    outcomes = deliver(delivery(0, *names, command=command(exim)))
    assert [
        (0, "taken", ("r0@b.example", "r1@b.example")),
        (0, "taken", ("r2@b.example", "r3@b.example")),
        (0, "taken", ("r4@b.example",)),
    ] == seen(outcomes)
    assert set(names) == {r for recipients in arrived(exim) for r in recipients}


def test_a_full_disk_defers_with_exims_words_and_is_not_tried_for_each(make_exim: MakeExim) -> None:
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT)
    text = exim.configuration.read_text().replace("check_spool_space = 0", "check_spool_space = 100000G")
    exim.configuration.write_text(text)
    outcomes = deliver(*(delivery(i, f"r{i}@b.example", command=command(exim)) for i in range(10)))
    assert [(i, "deferred", None) for i in range(3)] == seen(outcomes)
    assert {"exit status 1: exim: insufficient disk space"} == {o.text for o in outcomes}


def test_a_policy_refusal_is_held_with_its_words(make_exim: MakeExim) -> None:
    main = "acl_not_smtp = acl_no\nbegin acl\nacl_no:\n  deny message = no thanks\n"
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, main)
    outcomes = deliver(delivery(0, "r0@b.example", "r1@b.example", command=command(exim)))
    assert [(0, "refused", None)] == seen(outcomes)
    assert "550 no thanks" == outcomes[0].text


def test_a_discarded_message_does_not_shift_the_count(make_exim: MakeExim) -> None:
    acl = "acl:\n  discard condition = ${if match{$recipients}{lost}}\n  accept\n"
    main = f"acl_not_smtp = acl\nbegin acl\n{acl}"
    exim = make_exim("b.example", LOCAL_ROUTER, LOCAL_TRANSPORT, main)
    names = ["lost@b.example", "r1@b.example", BAD, "r3@b.example"]
    outcomes = deliver(*(delivery(i, name, command=command(exim)) for i, name in enumerate(names)), session=4)
    assert [(0, "taken", None), (1, "taken", None), (2, "refused", None), (3, "taken", None)] == seen(
        outcomes
    )
    assert [("r1@b.example",), ("r3@b.example",)] == arrived(exim)


@pytest.mark.parametrize("session", [1, 3])
def test_an_exim_killed_midway_took_nothing(receiver: Exim, session: int) -> None:
    """The wrapper cuts the stream inside the message and dies as its Exim would."""
    killer = script(receiver.directory / "killer", "head -c 100 >/dev/null; kill -9 $$")
    outcomes = deliver(
        *(delivery(i, f"r{i}@b.example", command=[killer, "-bS"]) for i in range(3)), session=session
    )
    assert [(i, "deferred", None) for i in range(3)] == seen(outcomes)
    assert {"killed by SIGKILL"} == {o.text for o in outcomes}
    assert [] == receiver.mails()


def test_a_message_that_breaks_off_leaves_nothing_behind(receiver: Exim) -> None:
    def broken() -> Iterator[bytes]:
        yield TEXT
        yield b"x" * 500_000
        raise OSError("read error")

    bad = delivery(0, "r0@b.example", command=command(receiver))._replace(message=Message(broken()))
    with pytest.raises(OSError, match="read error"):
        deliver(bad)
    receiver.deliver()
    assert [] == receiver.mails()


def test_twenty_megabytes(receiver: Exim) -> None:
    text = TEXT + (b"0123456789" * 7 + b"\n") * 300_000
    outcomes = deliver(delivery(0, "x@b.example", command=command(receiver), text=text, timeout=300))
    assert [(0, "taken", None)] == seen(outcomes)
    assert receiver.mails()[0].message.endswith(text.partition(b"\n\n")[2])


def test_two_hundred_and_fifty_recipients(receiver: Exim) -> None:
    names = [f"u{i}@b.example" for i in range(250)]
    outcomes = deliver(delivery(0, *names, command=command(receiver, "-odq")))
    assert [(0, "taken", None)] == seen(outcomes)
    assert 1 == receiver.queued()
    assert all(name in receiver.records() for name in names)


def test_forty_messages_by_four_processes_arrive_once_each(receiver: Exim) -> None:
    outcomes = deliver(
        *(delivery(i, f"u{i}@b.example", command=command(receiver, "-odq")) for i in range(40)),
        session=3,
        processes=4,
    )
    assert [(i, "taken", None) for i in range(40)] == seen(outcomes)
    assert 40 == receiver.queued()


def test_output_of_background_deliveries_does_not_keep_us(make_exim: MakeExim) -> None:
    slow = "slow:\n  driver = pipe\n  command = /bin/sleep 20\n"
    exim = make_exim("b.example", "slow:\n  driver = accept\n  transport = slow\n", slow)
    outcomes = deliver(delivery(0, "x@b.example", command=command(exim, "-odb"), timeout=15))
    assert [(0, "taken", None)] == seen(outcomes)
