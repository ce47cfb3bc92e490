"""NNCP's spool on disk, and the only code that renames, links, unlinks, syncs or locks in it."""
