"""The pipe commands, `exec`, `submit` and `lmtp`: one process a message, so nothing is loaded in vain.

They parse their words without click, and end in 0, 65, 75 or 77 only.
"""
