"""The grammar of a bash line: text in, a tree of frozen values out.

Words are kept as they were written: bashkit expands them. Only what runs commands of its own (`$( )`, backquotes,
`<( )`) or reads the clock, chance or processes (`$RANDOM`, `$$`, `$?`) is marked as a hole in its word.
Imports nothing of the simulator.
"""

from sim.shell.syntax.parser import parse
from sim.shell.syntax.tree import Program, SyntaxProblem

__all__ = ["Program", "SyntaxProblem", "parse"]
