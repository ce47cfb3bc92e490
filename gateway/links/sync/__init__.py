"""NNCP's sync protocol without input or output: `machine` on `channel` on `envelope` and `messages`."""
