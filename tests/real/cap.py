"""The recorder that stands in for sendmail: that of the plugin authors' kit."""

from __future__ import annotations

from gateway.testing.fake_mta import Call
from gateway.testing.fake_mta import FakeMta as Recorder
from gateway.testing.fake_mta import make_fake_mta as write_recorder

__all__ = ["Call", "Recorder", "write_recorder"]
