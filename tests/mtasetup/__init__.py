"""Tests of `gateway.mtasetup`."""
