"""Tests of `gateway.mail`."""
