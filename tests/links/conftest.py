"""The parties of the engine's tests serve here as well."""

from tests.engine.conftest import alice, bob, party

__all__ = ["alice", "bob", "party"]
