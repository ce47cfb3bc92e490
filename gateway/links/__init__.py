"""How packets travel: by directory, by stream, online."""
