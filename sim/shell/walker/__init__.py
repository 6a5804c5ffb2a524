"""Walks the tree of a line wherever simulated time can pass; words, builtins and text tools are bashkit's.

`shell` holds the state of one bash process and talks to bashkit, `words` fills the holes of words, `commands` runs
simple commands, `flow` everything that is made of commands, `redirects` opens files, `filters` runs text tools.
May import bashkit and `sim.shell`'s own modules. Left out: a bash interpreter of our own (docs/decisions/0003).
"""

from sim.shell.walker.shell import Shell

__all__ = ["Shell"]
