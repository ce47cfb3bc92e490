"""What a pipe command is asked to do: the words behind `exec` and `submit`, and the doing of it.

The doing is the same whether the pipe command does it or hands it over to the resident process.
"""
