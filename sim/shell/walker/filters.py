"""Text tools of bashkit: which read their standard input, and which may be run on each line as it comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sim.engine import Steps
from sim.shell.lend import DESCRIPTORS
from sim.shell.pipes import PIPE_BYTES_MAX, Pipe, Streams

if TYPE_CHECKING:
    from sim.shell.walker.shell import Shell

VALUES = {
    "head": "nc", "tail": "nc", "sort": "ktoST", "cut": "dfcb", "grep": "efmABC", "egrep": "efmABC", "fgrep": "efmABC",
    "sed": "ef", "awk": "Fvf", "gawk": "Fvf", "mawk": "Fvf", "uniq": "fsw", "fold": "w", "paste": "d", "column": "s",
    "base64": "w", "base32": "w", "xxd": "lsc", "od": "AtNjw", "nl": "bnsvw", "split": "lbna", "fmt": "w", "join": "tjo12",
    "strings": "n", "hexdump": "nsC", "jq": "fL", "comm": "", "cat": "", "wc": "", "tac": "", "rev": "", "tr": "",
    "md5sum": "", "sha1sum": "", "sha224sum": "", "sha256sum": "", "sha384sum": "", "sha512sum": "", "b2sum": "", "cksum": "", "sum": "",
    "gzip": "", "gunzip": "", "zcat": "", "bzip2": "", "bunzip2": "", "bzcat": "", "expand": "t", "unexpand": "t", "yq": "", "numfmt": "",
    "tsort": "", "envsubst": "", "diff": "UC", "cmp": "nil", "shasum": "a", "factor": ""}
"""Text tools, and the letters of their options that take a value."""
JQ_VALUES = {"--arg": 2, "--argjson": 2, "--slurpfile": 2, "--rawfile": 2, "--indent": 1, "--from-file": 1}
PROGRAM_FIRST = frozenset(("grep", "egrep", "fgrep", "sed", "awk", "gawk", "mawk", "jq", "yq"))
"""Their first operand is a pattern or a program, not a file."""
NEEDS_DASH = frozenset(("diff", "cmp", "comm", "join"))
"""They read standard input only where `-` names it."""
OTHERS = frozenset((
    "[", "basename", "dirname", "echo", "expr", "false", "printenv", "printf", "pwd", "readlink", "realpath", "seq",
    "test", "true", "sync", "getconf", "truncate", "dd", "file", "tree", "getopt"))
NATIVE = frozenset(VALUES) | OTHERS
"""The programs that are bashkit's; a file in $PATH stands for each."""
ENDLESS = ("/dev/zero", "/dev/urandom", "/dev/random", "/dev/full")
BINARY = frozenset(("head", "tail", "cat", "base64", "base32", "gzip", "gunzip", "zcat", "bzip2", "bunzip2", "bzcat", "xxd", "tr", "cut",
                    "tac", "printf", "dd", "echo"))
BY_LINE = frozenset(("grep", "egrep", "fgrep", "cut", "tr", "rev", "expand"))
NEEDS_END = re.compile(r"\A-\w*[cnABCmqLlzo]|\A--(?:count|max-count|line-number|quiet|complement|files)")
SED_BY_LINE = re.compile(r"(?:s(.)(?:(?!\1).)*\1(?:(?!\1).)*\1[gIi]*|/[^/]*/[dp]|y(.)(?:(?!\2).)*\2(?:(?!\2).)*\2)\Z", re.DOTALL)
AWK_NEEDS_END = re.compile(r"\b(?:BEGIN|END|NR|FNR|getline|next)\b|[^=!<>]=[^=]|\+\+|--|>")


def run(shell: Shell, name: str, text: str, argv: list[str], streams: Streams) -> Steps[int]:
    """Run a text tool; gives its status. text: what bashkit runs; argv: its words, without the name."""
    raw = name in BINARY
    text = text.replace("/dev/fd/", DESCRIPTORS)
    source = streams.stdin or streams.keyboard
    if name == "head" and argv and argv[-1] in ENDLESS and (wants := _head_wants(argv[:-1])) and wants[0] == "c":
        return _head_of_device(shell, argv[-1], wants[1], streams)
    if shell.leaks(text, streams):
        return 120
    if name in ("grep", "egrep", "fgrep") and not argv:
        streams.stderr(b"Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n")
        return 2
    if source is None or not reads_input(name, argv):
        return shell.native(text, streams, raw=raw)
    if name == "head" and (wants := _head_wants(argv)) is not None:
        return (yield from _head(source, *wants, streams))
    if _by_line(name, argv):
        return (yield from _lines(shell, name, text, source, streams))
    return shell.native(text, streams, (yield from source.rest()), raw=raw)


def reads_input(name: str, argv: list[str]) -> bool:
    """Tell whether a program reads its standard input: it names no file, or names `-`."""
    if name not in VALUES or "--version" in argv or "--help" in argv:
        return False
    operands, program_given = operands_of(name, argv)
    if name in NEEDS_DASH:
        return "-" in operands
    if name in PROGRAM_FIRST and not program_given:
        operands = operands[1:]
    if name in ("grep", "egrep", "fgrep") and not operands and any(
            word == "--recursive" or re.match(r"-\w*[rR]", word) for word in argv):
        return False
    if name == "jq" and any(word in ("-n", "--null-input") for word in argv):
        return False
    if name in ("awk", "gawk", "mawk") and not program_given and _begins_only(operands_of(name, argv)[0]):
        return False
    return name == "tr" or not operands or "-" in operands


def _begins_only(operands: list[str]) -> bool:
    """Tell whether an awk program has no rule but BEGIN: it then reads nothing."""
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', operands[0] if operands else "")
    while (inner := re.sub(r"\{[^{}]*\}", "", text)) != text:
        text = inner
    return bool(re.fullmatch(r"(?:\s|;|BEGIN|function\s+\w+\s*\([^)]*\))*", text)) and "BEGIN" in text


def operands_of(name: str, argv: list[str]) -> tuple[list[str], bool]:
    """Give the words that are no options, and whether -e or -f gave the program."""
    operands: list[str] = []
    values, program_given, left = VALUES.get(name, ""), False, list(argv)
    while left:
        word = left.pop(0)
        if word == "--":
            return operands + left, program_given
        if name in ("jq", "yq") and word in JQ_VALUES:
            del left[:JQ_VALUES[word]]
        elif word.startswith("--"):
            program_given = program_given or word.startswith(("--expression", "--file", "--regexp"))
        elif word.startswith("-") and len(word) > 1:
            for at, letter in enumerate(word[1:], 1):
                program_given = program_given or (letter in "ef" and letter in values)
                if letter in values:
                    if at == len(word) - 1 and left:
                        left.pop(0)
                    break
        else:
            operands.append(word)
    return operands, program_given


def _head_wants(argv: list[str]) -> tuple[str, int] | None:
    """Give how many lines (n) or bytes (c) `head` wants of its input, None where only bashkit's can do what is asked."""
    found = re.fullmatch(r"(?:-(?P<unit>[nc]) ?|-|--(?P<long>lines|bytes)=)?(?P<count>\d+)(?P<kilo>[kKM]?)|", " ".join(argv))
    if not found:
        return None
    unit = "c" if found["unit"] == "c" or found["long"] == "bytes" else "n"
    return unit, int(found["count"] or 10) * {"": 1, "M": 1024 * 1024}.get(found["kilo"] or "", 1024)


def _head(source: Pipe, unit: str, count: int, streams: Streams) -> Steps[int]:
    while count > 0:
        chunk = yield from (source.read(b"\n") if unit == "n" else source.read())
        if chunk is None:
            break
        streams.stdout(chunk if unit == "n" else chunk[:count])
        count -= 1 if unit == "n" else len(chunk)
    return 0


def _head_of_device(shell: Shell, path: str, count: int, streams: Streams) -> int:
    """Give the first bytes of a device that never ends."""
    if count > PIPE_BYTES_MAX:
        return shell.refuse(f"more than {PIPE_BYTES_MAX // 1024 // 1024} MiB of {path}", streams)
    data = bytearray()
    while len(data) < count:
        data += shell.login.view.read(path)
    streams.stdout(bytes(data[:count]))
    return 0


def _by_line(name: str, argv: list[str]) -> bool:
    """Tell whether running a tool on each line gives what running it on all of them gives."""
    if name == "sed":
        words = [word for word in argv if word not in ("-u", "-E", "-r", "--unbuffered")]
        return len(words) == 1 and bool(SED_BY_LINE.match(words[0]))
    if name in ("awk", "mawk", "gawk"):
        words = [word for word in argv if not word.startswith("-F")]
        return len(words) == 1 and not AWK_NEEDS_END.search(words[0])
    if name == "cat":
        return not argv
    return name in BY_LINE and not any(NEEDS_END.search(word) for word in argv)


def _lines(shell: Shell, name: str, text: str, source: Pipe, streams: Streams) -> Steps[int]:
    status = 1
    raw = name in BINARY
    while chunk := (yield from source.lines()):
        status = min(status, shell.native(text, streams, chunk, raw=raw))
    return status if name.endswith("grep") else 0
