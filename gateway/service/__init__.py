"""The resident process: parts that work until they are told to stop, and what keeps them at work."""
