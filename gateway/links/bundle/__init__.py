"""Tar bundles: packets as one stream, for tapes, discs, pipes and mail attachments.

`archive` knows tar and nothing else, `write` and `read` know the spool. Constant memory; the
stream is read once, from its first byte to its last.
"""
