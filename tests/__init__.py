"""The tests of the gateway; `python -m tests` runs every check there is."""
