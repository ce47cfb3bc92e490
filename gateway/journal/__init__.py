"""The journal: what happened to every message, in lines that anybody can read and an index to find them."""
