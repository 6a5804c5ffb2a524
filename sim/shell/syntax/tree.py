"""The tree of a line: frozen values, one class for each kind of command of the bash manual."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hole:
    """A part of a word that the walker must fill in before bashkit expands the word.

    kind: `run` ($( ) or backquotes), `from` (<( )), `into` (>( )), `special` ($? and its like) or `name`
    (the name inside ${ }). start, end: where it stands in the word's text. value: a parameter's name.
    """

    kind: str
    start: int
    end: int
    program: Program | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was written, quotes and all."""

    text: str
    holes: tuple[Hole, ...] = ()


@dataclass(slots=True)
class Here:
    """A here-document; its body is known once the newline after the command was read."""

    literal: bool
    body: Word = Word("")


@dataclass(frozen=True, slots=True)
class Redirect:
    """`2> file` and its kin. fd: None where none was written."""

    fd: int | None
    operator: str
    target: Word
    here: Here | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What all commands have: where they stand, how they were written, and their redirections."""

    line: int = 1
    text: str = ""
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Simple(Node):
    """Assignments and words: `A=1 kubectl get nodes`."""

    assignments: tuple[Word, ...] = ()
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(Node):
    """Commands one after another; `background` says which end in `&`."""

    items: tuple[Node, ...] = ()
    background: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AndOr(Node):
    """`a && b || c`: the first command, then pairs of operator and command."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(Node):
    """`! time a | b`. both: which stages also pass their standard error on (`|&`)."""

    stages: tuple[Node, ...]
    both: tuple[bool, ...] = ()
    negated: bool = False
    timed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Node):
    """Arms of condition and body; `otherwise` is the body of `else`."""

    arms: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class While(Node):
    """`while` and `until`."""

    condition: Sequence
    body: Sequence
    until: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class For(Node):
    """`for name in words`; words is None for the positional parameters."""

    name: str
    words: tuple[Word, ...] | None
    body: Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingFor(Node):
    """`for (( ; ; ))`."""

    start: Word
    condition: Word
    step: Word
    body: Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Node):
    """`select name in words`: known to the grammar, refused by the walker."""

    name: str


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of `case`: its patterns, its body, and `;;`, `;&` or `;;&`."""

    patterns: Word
    body: Sequence
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Node):
    """`case word in …`."""

    word: Word
    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Node):
    """A definition."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Subshell(Node):
    """`( … )`."""

    body: Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Node):
    """`{ …; }`."""

    body: Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Test(Node):
    """`[[ … ]]`."""

    words: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic(Node):
    """`(( … ))`."""

    words: Word


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Why a text is no bash. message: bash's words after the place; open: more text might complete it."""

    message: str
    line: int
    shown: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A text, unit by unit as bash reads it: all up to a newline is parsed before any of it runs.

    warnings: (line, message) of here-documents that the end of the text ended.
    """

    units: tuple[Sequence, ...]
    problem: SyntaxProblem | None = None
    warnings: tuple[tuple[int, str], ...] = ()
