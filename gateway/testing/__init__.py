"""The kit for plugin authors: what every ingress and egress owes, and nodes to try it on.

In a plugin's own repository, in ``tests/conftest.py``::

    pytest_plugins = ["gateway.testing"]

That brings the fixtures `two_nodes`, `three_nodes`, `fake_mta` and `run_gateway`. The contracts
are classes to inherit from: `IngressContract`, `EgressContract`, and `ProgramEgressContract` for
an egress that runs a program. docs/writing-plugins.md shows it step by step.

Nothing else imports this package; it needs ``pip install 'mailgateway[testing]'``.
"""

from __future__ import annotations

try:
    import hypothesis
    import pytest
except ImportError as _missing:  # pragma: no cover - the tests have both
    _why = f"gateway.testing needs {_missing.name}: pip install 'mailgateway[testing]'"
    raise ImportError(_why, name=_missing.name) from _missing

from gateway.testing.egress import EgressContract, Mood
from gateway.testing.fake_mta import Call, FakeMta, make_fake_mta
from gateway.testing.fixtures import fake_mta, run_gateway, three_nodes, two_nodes
from gateway.testing.ingress import IngressContract, Input
from gateway.testing.nodes import Finished, Node, carry
from gateway.testing.program_egress import ProgramEgressContract

__all__ = [
    "Call",
    "EgressContract",
    "FakeMta",
    "Finished",
    "IngressContract",
    "Input",
    "Mood",
    "Node",
    "ProgramEgressContract",
    "carry",
    "fake_mta",
    "make_fake_mta",
    "run_gateway",
    "three_nodes",
    "two_nodes",
]

del hypothesis, pytest
