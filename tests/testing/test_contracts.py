"""The contracts catch plugins that are wrong in one way each, and each by its name."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

HERE = Path(__file__).parent

INGRESSES = {
    "ReadsHalf": ("every_octet_of_the_message_arrives[large]", "680034 octets went in, 65536 came out"),
    "ChangesOctets": ("every_octet_of_the_message_arrives[octets]", "octets went in"),
    "StopsAtADot": ("every_octet_of_the_message_arrives[dots]", "octets went in"),
    "LosesTheNullSender": ("the_null_sender_stays_the_null_sender", "the null sender was lost"),
    "LosesRecipients": ("every_recipient_arrives", "y z"),
    "SwallowsAReadError": (
        "a_stream_that_fails_is_not_a_whole_input",
        "a read error was taken for the end of the input",
    ),
    "TakesNothingForAMessage": ("input_that_ends_early_is_temporary", "DID NOT RAISE"),
    "TakesABeginningForTheWhole": ("a_beginning_is_not_a_whole_input", "DID NOT RAISE"),
    "Prints": ("it_prints_nothing", "it wrote to standard output"),
    "BelievesTheEnvironment": (
        "nothing_is_taken_from_an_environment_that_the_sender_fills",
        "evil@evil.example",
    ),
    "OpensAFile": ("it_opens_no_files", "an ingress opens no files"),
    "Crashes": ("whatever_comes_in_only_failures_of_the_gateway_come_out", "ValueError"),
}
EGRESSES = {
    "MixesUpTransactions": (
        "it_speaks_only_of_what_it_was_given",
        "an outcome for transaction 0, which it was not given",
    ),
    "SaysItTwice": ("what_is_taken_was_taken_whole_and_once", "two outcomes for one recipient"),
    "TakenBeforeTheProgramDid": (
        "what_is_taken_was_taken_whole_and_once",
        "said to be taken, but the MTA has not got it",
    ),
    "LosesRecipients": ("every_recipient_is_handed_over", "the MTA never heard of b0@b.example"),
    "PutsRecipientsAmongOptions": (
        "no_recipient_stands_where_an_option_could",
        "the recipient was taken for an option",
    ),
    "RefusesForGood": ("an_mta_that_fails_for_now_keeps_the_mail", "REFUSED"),
    "RaisesForGood": ("an_mta_that_fails_for_now_keeps_the_mail", "raised a permanent failure"),
    "Hangs": ("an_mta_that_never_answers_keeps_the_mail_and_nobody_waiting", "it hangs"),
    "TakesHalfAMessage": (
        "a_message_that_cannot_be_read_is_not_taken",
        "half a message was taken or refused",
    ),
    "HandsOverOurEnvironment": ("the_environment_of_the_program_is_the_one_given", "Extra items"),
    "RemembersBetweenPackets": ("two_packets_at_once_do_not_mix", "TAKEN"),
    "AsksFromAnotherThread": (
        "it_asks_for_deliveries_from_the_thread_that_called",
        "asked from another thread",
    ),
    "AsksForAllAtOnce": ("a_series_is_asked_for_as_there_is_room", "it asks for more"),
    "Prints": ("it_prints_nothing", "it wrote to standard output"),
    "ChecksNothing": ("its_check_names_an_option_that_it_does_not_know", "DID NOT RAISE"),
}
Verdicts = dict[str, str]


def run(file: str, wrong: dict[str, tuple[str, str]], report: Path) -> Verdicts:
    """Run the contract that must catch each plugin, and all of them for the sound one.

    Return ``Class::test`` to what it failed with, empty where it passed.
    """
    path = HERE / file
    nodes = [f"{path}::Test{name}::test_{contract}" for name, (contract, _) in wrong.items()]
    options = [
        "-q",
        "-p",
        "gateway.testing",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        f"--junitxml={report}",
    ]
    command = [sys.executable, "-m", "pytest", *options, f"{path}::TestSound", *nodes]
    subprocess.run(command, cwd=HERE.parents[1], capture_output=True, timeout=120, check=False)
    found = {}
    for case in ET.parse(report).iter("testcase"):
        said = " ".join(f"{part.get('message')} {part.text}" for part in case if part.tag != "skipped")
        found[f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"] = said
    return found


@pytest.fixture(scope="module")
def ingresses(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    return run("broken_ingresses.py", INGRESSES, tmp_path_factory.mktemp("report") / "xml")


@pytest.fixture(scope="module")
def egresses(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    return run("broken_egresses.py", EGRESSES, tmp_path_factory.mktemp("report") / "xml")


@pytest.mark.parametrize("name", INGRESSES)
def test_a_broken_ingress_is_caught_by_name(ingresses: Verdicts, name: str) -> None:
    contract, words = INGRESSES[name]
    assert words in ingresses[f"Test{name}::test_{contract}"]


@pytest.mark.parametrize("name", EGRESSES)
def test_a_broken_egress_is_caught_by_name(egresses: Verdicts, name: str) -> None:
    contract, words = EGRESSES[name]
    assert words in egresses[f"Test{name}::test_{contract}"]


def test_the_sound_ones_keep_every_contract(ingresses: Verdicts, egresses: Verdicts) -> None:
    sound = {
        name: said
        for found in (ingresses, egresses)
        for name, said in found.items()
        if name.startswith("TestSound::")
    }
    assert 40 < len(sound)
    assert {""} == set(sound.values())
