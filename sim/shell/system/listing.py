"""ls -l with owners and times, and touch: what bashkit cannot know of a simulated host's files.

Models: coreutils. Of `ls` only the long form is ours (-l with -a -A -d -t -r -S -h -1); the rest is bashkit's.
"""

from __future__ import annotations

import posixpath
from datetime import UTC, datetime, timedelta

from sim.host.files import DIRECTORY, LINK, FileError, Inode
from sim.shell.pipes import COMMANDS, Call

HALF_YEAR_US = 15_778_476 * 1_000_000
BLOCK_BYTES = 4096
Row = tuple[str, Inode]


def ls(call: Call) -> int:
    """List files; the long form shows mode, links, owner, group, size, time and name."""
    options = "".join(word[1:] for word in call.argv if word.startswith("-") and not word.startswith("--"))
    if "l" not in options or any(word.startswith("--") for word in call.argv):
        return call.native()
    if unknown := sorted(set(options) - set("laAdtrSh1")):
        return call.refuse(f"ls -{''.join(unknown)}")
    plain: list[Row] = []
    folders: list[str] = []
    status = 0
    named = [word for word in call.argv if not word.startswith("-")] or ["."]
    for word in named:
        try:
            node = call.files.find(call.path(word), follow=word.endswith("/"))
        except FileError as error:
            call.write(f"ls: cannot access '{word}': {error}\n", "stderr")
            status = 2
            continue
        if node.kind == DIRECTORY and "d" not in options:
            folders.append(word)
        else:
            plain.append((word, node))
    if plain:
        call.write(_table(call, plain, options))
    for at, word in enumerate(sorted(folders)):
        try:
            rows: list[Row] = list(call.files.entries(call.path(word)))
        except FileError as error:
            call.write(f"ls: cannot open directory '{word}': {error}\n", "stderr")
            status = 2
            continue
        if len(named) > 1:
            call.write(("\n" if at or plain else "") + f"{word}:\n")
        call.write(_folder(call, call.path(word), rows, options))
    return status


def _folder(call: Call, path: str, rows: list[Row], options: str) -> str:
    if not set("aA") & set(options):
        rows = [row for row in rows if not row[0].startswith(".")]
    if "a" in options:
        up = posixpath.dirname(posixpath.normpath(path))
        rows = [(".", call.files.find(path)), ("..", call.files.find(up)), *rows]
    blocks = sum(-(-_size_bytes(node) // BLOCK_BYTES) * 4 for _, node in rows if node.kind != LINK)
    return f"total {_human(blocks * 1024) if 'h' in options else blocks}\n" + _table(call, rows, options)


def _size_bytes(node: Inode) -> int:
    return BLOCK_BYTES if node.kind == DIRECTORY else len(node.data)


def _human(size: int) -> str:
    amount, unit = float(size), ""
    for larger in "KMG":
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{size}" if not unit else f"{amount:.1f}{unit}" if amount < 10 else f"{-(-amount // 1):.0f}{unit}"


def _table(call: Call, rows: list[Row], options: str) -> str:
    if "t" in options:
        rows = sorted(rows, key=lambda row: (-row[1].mtime_us, row[0]))
    elif "S" in options:
        rows = sorted(rows, key=lambda row: (-_size_bytes(row[1]), row[0]))
    else:
        rows = sorted(rows, key=lambda row: (row[0].strip(".").lower(), row[0]))
    if "r" in options:
        rows = rows[::-1]
    users = {uid: name for name, uid in call.host.users.items()}
    cells = [_cells(name, node, users, call.engine.unix_us, "h" in options) for name, node in rows]
    wide = [max(len(cell[column]) for cell in cells) if cells else 0 for column in range(5)]
    return "".join(
        f"{mode} {links:>{wide[1]}} {user:<{wide[2]}} {group:<{wide[3]}} {size:>{wide[4]}} {when} {name}\n"
        for mode, links, user, group, size, when, name in cells)


def _cells(name: str, node: Inode, users: dict[int, str], now_us: int, human: bool) -> tuple[str, ...]:
    letters = "".join(letter if node.mode >> (8 - at) & 1 else "-" for at, letter in enumerate("rwxrwxrwx"))
    links = 2 + sum(child.kind == DIRECTORY for child in node.names.values()) if node.kind == DIRECTORY else 1
    changed = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=node.mtime_us)
    recent = 0 <= now_us - node.mtime_us < HALF_YEAR_US
    size = _size_bytes(node)
    target = f" -> {node.data.decode()}" if node.kind == LINK else ""
    return ("-dl"[node.kind] + letters, str(links), users.get(node.uid, str(node.uid)), users.get(node.gid, str(node.gid)),
            _human(size) if human else str(size), f"{changed:%b %e} {changed:%H:%M}" if recent else f"{changed:%b %e  %Y}",
            name + target)


def touch(call: Call) -> int:
    """Make files, or set their times to now. Options: -c."""
    options = [word for word in call.argv if word.startswith("-")]
    named = [word for word in call.argv if not word.startswith("-")]
    if any(option not in ("-c", "-a", "-m") for option in options):
        return call.refuse(f"touch {' '.join(options)}")
    if not named:
        call.write("touch: missing file operand\nTry 'touch --help' for more information.\n", "stderr")
        return 1
    status = 0
    for word in named:
        path = call.path(word)
        try:
            if call.files.is_dir(path):
                call.files.find(path).mtime_us = call.engine.unix_us
            elif call.files.exists(path):
                call.files.write(path, call.files.read(path))
            elif "-c" not in options:
                call.files.write(path, b"")
        except FileError as error:
            call.write(f"touch: cannot touch '{word}': {error}\n", "stderr")
            status = 1
    return status


COMMANDS.update({"ls": ls, "touch": touch})
