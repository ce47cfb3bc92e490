from __future__ import annotations

import io

import pytest

from gateway.defaults.raw import gateway_register_ingress
from gateway.mta import Ingress


def test_it_is_an_ingress_that_claims_no_handle() -> None:
    ingress = gateway_register_ingress()
    assert isinstance(ingress, Ingress)
    assert ("raw", (), "raw") == (ingress.name, ingress.handles, ingress.form)


@pytest.mark.parametrize("body", [b"", b"x", b"\0\r\n." * 100_000])
def test_one_submission_of_the_input_as_it_is(body: bytes) -> None:
    (submission,) = (
        (s.envelope, s.message.read(), s.arguments)
        for s in gateway_register_ingress().read(("-x", ""), io.BytesIO(body), {})
    )
    assert (None, body, ("-x", "")) == submission


def test_nothing_is_read_before_it_is_asked_for() -> None:
    stream = io.BytesIO(b"x")
    submission = next(iter(gateway_register_ingress().read((), stream, {})))
    assert 0 == stream.tell()
    assert b"x" == submission.message.read()
