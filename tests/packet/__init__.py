"""Tests of the packet format."""
