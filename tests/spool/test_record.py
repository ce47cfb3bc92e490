from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spool.record import JobRecord

texts = st.text(max_size=8)
times = st.floats(allow_nan=False, allow_infinity=False)
records = st.builds(
    JobRecord,
    attempts=st.integers(),
    first=times,
    next=times,
    error=texts,
    reason=texts,
    deaths=st.integers(),
    running=st.booleans(),
    taken=st.dictionaries(texts, st.none() | st.lists(texts, max_size=3).map(tuple), max_size=3),
    refused=st.dictionaries(texts, st.dictionaries(texts, texts, max_size=3), max_size=3),
    told=st.dictionaries(texts, st.lists(texts, max_size=3).map(tuple), max_size=3),
    answer=texts,
    origin=texts,
    history=st.lists(texts, max_size=3).map(tuple),
    expires=times,
    extra=st.dictionaries(st.sampled_from(["later", "other"]), st.integers() | texts, max_size=2),
)
values = st.recursive(st.none() | st.integers() | texts, st.lists, max_leaves=5)
keys = st.sampled_from([*JobRecord._fields, "later"])


@given(records)
def test_a_record_survives_the_file(record):
    assert record == JobRecord.from_json(record.to_json())


@given(st.binary(max_size=200) | st.dictionaries(keys, values).map(json.dumps).map(str.encode))
def test_any_content_is_read_as_something(content):
    assert isinstance(JobRecord.from_json(content), JobRecord)


NONSENSE = [
    b"",
    b"\0" * 40,
    b"[]",
    b'{"attempts": 1.5}',
    b'{"attempts": true}',
    b'{"next": NaN}',
    b'{"next": 1e999}',
    b'{"next": ' + b"9" * 400 + b"}",
    b'{"taken": {"0": "a@b"}}',
    b'{"refused": {"0": "no"}}',
    b'{"error": null}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", NONSENSE, ids=lambda content: content[:20].decode())
def test_content_that_makes_no_sense_is_a_reason_and_is_kept(content):
    record = JobRecord.from_json(content)
    assert record.reason.startswith("the job's record cannot be read: ")
    assert content[:4096].decode("ascii") == record.extra["unreadable"]


def test_an_older_and_a_later_version_are_read():
    assert JobRecord() == JobRecord.from_json(b"{}")
    later = JobRecord.from_json(b'{"attempts": 2, "colour": "blue"}')
    assert b"blue" in later.to_json()
