"""Editors: a text, and pure functions that say what a key makes of it; a small program joins them to a host and a terminal.

`text`, `motions`, `vi`, `ex` and `nano` know neither files nor time; only `program` does. Left out: several files and
windows, marks, macros, syntax colours, indenting by file type.
"""
