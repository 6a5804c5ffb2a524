"""Opens what `<`, `>`, `2>&1`, `<<<` and here-documents name, in the order they were written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.engine import Steps
from sim.host.files import BAD_DESCRIPTOR, EXISTS, IS_DIR, NO_SPACE, FileError
from sim.shell.pipes import Pipe, Sink, Streams
from sim.shell.syntax.tree import Redirect, Simple, Word
from sim.shell.syntax.tree import Sequence as Tree
from sim.shell.walker import words

if TYPE_CHECKING:
    from sim.shell.walker.shell import Shell

Table = dict[int, Pipe | Sink | None]
READS = ("<", "<<", "<<<", "<>")
NULL_DEVICES = ("/dev/null", "/dev/full")
STANDARD = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2, "/dev/fd/0": 0, "/dev/fd/1": 1, "/dev/fd/2": 2}


def resolved(streams: Streams) -> Streams:
    """Give streams in which what `exec` has opened for 0, 1 and 2 stands at its place."""
    lasting = streams.others
    if not lasting or not (0 in lasting or 1 in lasting or 2 in lasting):
        return streams
    stdin = lasting.get(0, streams.stdin)
    return Streams(stdin if isinstance(stdin, Pipe) else None, _sink(lasting.get(1, streams.stdout)),
                   _sink(lasting.get(2, streams.stderr)), streams.keyboard,
                   {fd: end for fd, end in lasting.items() if fd > 2})


def opened(shell: Shell, given: Sequence[Redirect], streams: Streams, *, after: words.After | None = None) -> Steps[Streams | None]:
    """Apply redirections for one command; None when one failed, and was complained of."""
    table = yield from _table(shell, given, streams, after)
    if table is None:
        return None
    stdin = table[0]
    return Streams(stdin if isinstance(stdin, Pipe) else None, _sink(table[1]), _sink(table[2]), streams.keyboard,
                   {fd: end for fd, end in table.items() if fd > 2 and end is not None})


def opened_for_good(shell: Shell, given: Sequence[Redirect], streams: Streams) -> Steps[bool]:
    """Apply the redirections of `exec` to all that follows in this shell."""
    table = yield from _table(shell, given, streams)
    if table is None:
        return False
    kept = {fd: end for fd, end in table.items() if end is not None}
    before = {0: streams.stdin, 1: streams.stdout, 2: streams.stderr}
    streams.others.clear()
    streams.others.update({fd: end for fd, end in kept.items() if fd > 2 or end is not before[fd]})
    streams.others.update({fd: _closed for fd in (1, 2) if table[fd] is None})
    return True


def only_read(shell: Shell, units: Sequence[Tree], streams: Streams) -> Steps[bytes | None]:
    """Give the file's bytes where a substitution is `$(< file)` and nothing else, None otherwise."""
    if len(units) != 1 or len(units[0].items) != 1:
        return None
    only = units[0].items[0]
    if not isinstance(only, Simple) or only.words or only.assignments or len(only.redirects) != 1 or only.redirects[0].operator != "<":
        return None
    table = yield from _table(shell, only.redirects, streams)
    shell.status = 1 if table is None else 0
    source = table[0] if table else None
    return (yield from source.rest()) if isinstance(source, Pipe) else b""


def _table(shell: Shell, given: Sequence[Redirect], streams: Streams, after: words.After | None = None) -> Steps[Table | None]:
    table: Table = {0: streams.stdin, 1: streams.stdout, 2: streams.stderr, **streams.others}
    for redirect in given:
        if not (yield from _apply(shell, redirect, streams, table, after)):
            return None
    return table


def _sink(end: Pipe | Sink | None) -> Sink:
    if isinstance(end, Pipe):
        return end.write
    return end if end is not None else _closed


def _closed(data: bytes) -> None:
    raise FileError(BAD_DESCRIPTOR)


def _apply(shell: Shell, redirect: Redirect, streams: Streams, table: Table,
           after: words.After | None) -> Steps[bool]:
    operator = redirect.operator
    fd = redirect.fd if redirect.fd is not None else 0 if operator in READS or operator == "<&" else 1
    if redirect.here is not None:
        table[fd] = Pipe(shell.login.engine, (yield from _document(shell, redirect, streams)), closed=True)
        return True
    text, set_up = yield from words.filled(shell, (redirect.target,), streams, after=after)
    if operator == "<<<":
        data = shell.see(f'{set_up}__t={text}\n__see "$__t"', streams)[0][0]
        table[fd] = Pipe(shell.login.engine, data.encode() + b"\n", closed=True)
        return True
    named = shell.see(f"{set_up}__see {text}", streams)[0] if operator != ">&" or text != "-" else ["-"]
    if len(named) != 1:
        shell.complain(f"{redirect.target.text}: ambiguous redirect", streams)
        return False
    word = named[0]
    if operator in (">&", "<&"):
        if word == "-":
            table[fd] = None
            return True
        if word.isdigit():
            if int(word) not in table or (table[int(word)] is None and int(word) != 0):
                shell.complain(f"{word}: Bad file descriptor", streams)
                return False
            table[fd] = table[int(word)]
            return True
        operator = "&>"
    try:
        end = _open(shell, operator, word, table)
    except FileError as error:
        said = "cannot overwrite existing file" if error.kind == EXISTS else str(error)
        shell.complain(f"{word}: {said}", streams)
        return False
    if operator.startswith("&>"):
        table[1] = table[2] = end
    else:
        table[fd] = end
    return True


def _document(shell: Shell, redirect: Redirect, streams: Streams) -> Steps[bytes]:
    here = redirect.here
    assert here is not None
    if here.literal or not re.search(r"[\\$`]", here.body.text):
        return here.body.text.encode()
    text, set_up = yield from words.filled(shell, (Word(here.body.text, here.body.holes),), streams)
    box: list[bytes] = []
    # bashkit expands a here-document of its own, so that quotes stay what they are.
    shell.native(f"{set_up}cat <<__END_OF_DOCUMENT\n{text}__END_OF_DOCUMENT", Streams(None, box.append, streams.stderr))
    return b"".join(box)


def _open(shell: Shell, operator: str, word: str, table: Table) -> Pipe | Sink | None:
    path, view = shell.path(word), shell.login.view
    if path in STANDARD:
        return table[STANDARD[path]]
    if path == "/dev/tty":
        return shell.login.keyboard if operator in READS else shell.login.tty
    if operator in READS and operator != "<>":
        return Pipe(shell.login.engine, view.read(path), closed=True)
    if path in NULL_DEVICES:
        return _discard if path == "/dev/null" else _full
    if operator in (">", "&>") and shell.option("noclobber") and view.exists(path):
        raise FileError(EXISTS)
    if path.endswith("/") or view.is_dir(path):
        raise FileError(IS_DIR)
    keep = ">>" in operator or operator == "<>"
    return view.open(path, keep=keep, mode=0o666 & ~shell.umask).write


def _discard(data: bytes) -> None:
    return


def _full(data: bytes) -> None:
    raise FileError(NO_SPACE)

