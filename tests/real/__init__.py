"""Real mail programs for the tests, out of Debian packages unpacked into a private directory."""
