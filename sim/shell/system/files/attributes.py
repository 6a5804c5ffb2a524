"""chmod, chown, chgrp, touch, stat, du, mktemp: what files are beside their bytes. Models: GNU coreutils."""

from __future__ import annotations

import posixpath
import re
from datetime import UTC, datetime, timedelta

from sim.host.files import DEVICE, DIRECTORY, LINK, FileError, Inode
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.files.moving import changed_mode, tool
from sim.shell.system.options import BadUsage, missing, read

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
BLOCK_BYTES = 4096
KINDS = {DIRECTORY: "directory", LINK: "symbolic link", DEVICE: "character special file"}


def letters_of(node: Inode) -> str:
    """Write a mode as `ls -l` does."""
    text = ["-dlc"[node.kind], *("rwxrwxrwx"[at] if node.mode >> (8 - at) & 1 else "-" for at in range(9))]
    for bit, place, mark in ((0o4000, 3, "s"), (0o2000, 6, "s"), (0o1000, 9, "t")):
        if node.mode & bit:
            text[place] = mark if text[place] == "x" else mark.upper()
    return "".join(text)


def size_bytes(node: Inode) -> int:
    """Give a size as `ls -l` shows it."""
    return BLOCK_BYTES if node.kind == DIRECTORY else 0 if node.kind == DEVICE else len(node.data)


def user_name(call: Call, uid: int) -> str:
    """Name a user."""
    return next((name for name, number in call.host.users.items() if number == uid), str(uid))


def user_id(call: Call, name: str) -> int | None:
    """Give a user's number, None for an unknown name."""
    return call.host.users[name] if name in call.host.users else int(name) if name.isdigit() else None


def group_id(call: Call, name: str) -> int | None:
    """Give a group's number, None for an unknown name."""
    if name in call.host.users:
        return call.host.users[name]
    try:
        rows = call.host.files.view().read("/etc/group").decode(errors="replace").splitlines()
    except FileError:
        rows = []
    found = next((row.split(":")[2] for row in rows if row.split(":")[0] == name and row.count(":") >= 2), name)
    return int(found) if found.isdigit() else None


def _tree(call: Call, word: str, *, recursive: bool) -> list[tuple[str, str]]:
    """List a name, and all below it, as (shown, path). Raises FileError."""
    path = call.path(word)
    rows = [(word, path)]
    node = call.files.find(path)
    if recursive and node.kind == DIRECTORY:
        for name, _ in call.files.entries(path):
            if call.files.find(f"{path}/{name}", follow=False).kind == LINK:
                continue
            rows += _tree(call, posixpath.join(word, name), recursive=True)
    return rows


@tool
def chmod(call: Call) -> int:
    """Change modes (-R -v -c -f)."""
    words = list(call.argv)
    if words and re.fullmatch(r"-[rwxXst]+(,.*)?|-[0-7]+", words[0]):
        words = ["--", *words]
    kept, call.argv = call.argv, words
    given = read(call, "Rvcf", {"recursive": "R", "verbose": "v", "changes": "c", "quiet": "f", "silent": "f", "reference": "r"})
    call.argv = kept
    if not given.operands:
        raise missing(call, "missing operand")
    text, *names = given.operands
    if changed_mode(text, Inode(0, 0, 0, 0, 0), 0) is None:
        raise BadUsage(f"chmod: invalid mode: ‘{text}’\nTry 'chmod --help' for more information.\n", 1)
    if not names:
        raise missing(call, f"missing operand after ‘{text}’")
    status = 0
    for word in names:
        try:
            rows = _tree(call, word, recursive="R" in given)
        except FileError as error:
            status = 1 if "f" in given else call.fail(f"cannot access '{word}': {error}")
            continue
        for shown, path in rows:
            node = call.files.find(path)
            before = letters_of(node)[1:], node.mode
            try:
                call.files.chmod(path, changed_mode(text, node, call.shell.umask) or 0)
                call.host.files.changed(path)
            except FileError as error:
                status = 1 if "f" in given else call.fail(f"changing permissions of '{shown}': {error}")
                continue
            if "v" in given or ("c" in given and node.mode != before[1]):
                if node.mode != before[1]:
                    call.write(f"mode of '{shown}' changed from {before[1]:04o} ({before[0]}) to {node.mode:04o} ({letters_of(node)[1:]})\n")
                else:
                    call.write(f"mode of '{shown}' retained as {node.mode:04o} ({before[0]})\n")
    return status


@tool
def chown(call: Call) -> int:
    """Change owners and groups (-R -v -h); `chgrp` only groups."""
    given = read(call, "RvchfLP", {"recursive": "R", "verbose": "v", "changes": "c", "no-dereference": "h", "reference": "r"})
    if not given.operands:
        raise missing(call, "missing operand")
    text, *names = given.operands
    if not names:
        raise missing(call, f"missing operand after ‘{text}’")
    user, mark, group = ("", ":", text) if call.name == "chgrp" else text.partition(":" if ":" in text else ".")
    owner = user_id(call, user) if user else None
    members = group_id(call, group) if group else owner if mark else None
    if user and owner is None:
        return call.fail(f"invalid user: ‘{text}’")
    if group and members is None:
        return call.fail(f"invalid group: ‘{text}’")
    status = 0
    for word in names:
        try:
            rows = _tree(call, word, recursive="R" in given)
        except FileError as error:
            status = call.fail(f"cannot access '{word}': {error}")
            continue
        for shown, path in rows:
            node = call.files.find(path)
            try:
                call.files.chown(path, node.uid if owner is None else owner, node.gid if members is None else members)
                call.host.files.changed(path)
            except FileError as error:
                what = "ownership" if user else "group"
                status = call.fail(f"changing {what} of '{shown}': {error}")
    return status


# ---- times ---------------------------------------------------------------------------------------------------------
@tool
def touch(call: Call) -> int:
    """Make files, or set their times (-c -a -m -d TEXT -t STAMP -r FILE)."""
    from sim.shell.system.clock import Unreadable, moment_of

    given = read(call, "camfhd:t:r:", {"no-create": "c", "date": "d", "reference": "r", "time": "a"})
    if not given.operands:
        raise missing(call, "missing file operand")
    at_us = call.engine.unix_us
    if "r" in given:
        try:
            at_us = call.files.find(call.path(given.get("r"))).mtime_us
        except FileError as error:
            return call.fail(f"failed to get attributes of '{given.get('r')}': {error}")
    if "t" in given:
        found = re.fullmatch(r"((?:\d\d)?\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?", given.get("t"))
        if not found:
            return call.fail(f"invalid date format ‘{given.get('t')}’")
        year = int(found[1] or 2024)
        year = year + 2000 if year < 100 else year
        moment = datetime(year, int(found[2]), int(found[3]), int(found[4]), int(found[5]), int(found[6] or 0), tzinfo=UTC)
        at_us = int(moment.timestamp()) * 1_000_000
    if "d" in given:
        try:
            at_us = moment_of(given.get("d"), at_us)
        except Unreadable:
            return call.fail(f"invalid date format ‘{given.get('d')}’")
    status = 0
    for word in given.operands:
        path = call.path(word)
        try:
            if not call.files.exists(path):
                if "c" in given:
                    continue
                if word.endswith("/"):
                    status = call.fail(f"cannot touch '{word}': No such file or directory")
                    continue
                call.files.write(path, b"")
            elif not call.files.may(call.files.find(path), 2):
                status = call.fail(f"cannot touch '{word}': Permission denied")
                continue
            call.files.set_times(path, at_us)
            call.host.files.changed(path)
        except FileError as error:
            status = call.fail(f"cannot touch '{word}': {error}")
    return status


def written(at_us: int, shape: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Write a moment with nine digits of a second, as `stat` does."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    return f"{moment:{shape}}.{moment.microsecond:06}000 +0000"


@tool
def stat(call: Call) -> int:
    """Tell all about files (-c FORMAT, --printf FORMAT, -L, -t is refused)."""
    given = read(call, "c:Lft", {"format": "c", "printf": "P", "dereference": "L", "terse": "t", "file-system": "f"})
    if "P" in given:
        call_printf = next(word for word in call.argv if word.startswith("--printf"))
        given.flags["c"] = call_printf.partition("=")[2]
    if "t" in given or "f" in given:
        return call.refuse(f"stat -{'t' if 't' in given else 'f'}")
    if not given.operands:
        raise missing(call, "missing operand")
    status = 0
    for word in given.operands:
        try:
            node = call.files.find(call.path(word), follow="L" in given or word.endswith("/"))
        except FileError as error:
            status = call.fail(f"cannot statx '{word}': {error}")
            continue
        if "c" in given:
            text = re.sub(r"%(-?\d*)([a-zA-Z%])", lambda found: _field(call, word, node, found[2], found[1]), given.get("c"))
            if "P" in given:
                text = text.replace("\\n", "\n").replace("\\t", "\t")
            call.write(text + ("" if "P" in given else "\n"))
        else:
            call.write(_whole(call, word, node))
    return status


def _inode_number(word: str, node: Inode) -> int:
    return 131072 + sum(word.encode()) * 7 % 65536


def _links(node: Inode) -> int:
    return 2 + sum(child.kind == DIRECTORY for child in node.names.values()) if node.kind == DIRECTORY else node.links


def _kind_name(node: Inode) -> str:
    return KINDS.get(node.kind, "regular file" if node.data else "regular empty file")


def _field(call: Call, word: str, node: Inode, letter: str, width: str) -> str:
    target = f" -> '{node.data.decode(errors='replace')}'" if node.kind == LINK else ""
    path = call.path(word)
    fields = {
        "a": f"{node.mode:o}", "A": letters_of(node), "n": word, "N": f"'{word}'{target}", "s": str(size_bytes(node)),
        "U": user_name(call, node.uid), "G": user_name(call, node.gid), "u": str(node.uid), "g": str(node.gid),
        "F": _kind_name(node), "h": str(_links(node)), "i": str(_inode_number(path, node)), "b": str(_blocks(node)),
        "B": "512", "o": "4096", "f": f"{_raw_mode(node):x}", "d": "2049", "D": "801", "m": "/", "%": "%",
        "y": written(node.mtime_us), "x": written(node.mtime_us), "z": written(node.mtime_us), "w": written(node.mtime_us),
        "Y": str(node.mtime_us // 1_000_000), "X": str(node.mtime_us // 1_000_000), "Z": str(node.mtime_us // 1_000_000),
        "W": str(node.mtime_us // 1_000_000), "t": "0", "T": "0"}
    text = fields.get(letter, "?")
    return f"{text:<{width[1:]}}" if width.startswith("-") else f"{text:>{width}}" if width else text


def _raw_mode(node: Inode) -> int:
    return node.mode | {DIRECTORY: 0o040000, LINK: 0o120000, DEVICE: 0o020000}.get(node.kind, 0o100000)


def _blocks(node: Inode) -> int:
    return 0 if node.kind in (LINK, DEVICE) else -(-size_bytes(node) // BLOCK_BYTES) * 8


def _whole(call: Call, word: str, node: Inode) -> str:
    target = f" -> {node.data.decode(errors='replace')}" if node.kind == LINK else ""
    when = written(node.mtime_us)
    return (f"  File: {word}{target}\n"
            f"  Size: {size_bytes(node):<10}\tBlocks: {_blocks(node):<10} IO Block: 4096   {_kind_name(node)}\n"
            f"Device: 801h/2049d\tInode: {_inode_number(call.path(word), node):<11} Links: {_links(node)}\n"
            f"Access: ({node.mode:04o}/{letters_of(node)})  Uid: ({node.uid:5}/{user_name(call, node.uid):>8})   "
            f"Gid: ({node.gid:5}/{user_name(call, node.gid):>8})\n"
            f"Access: {when}\nModify: {when}\nChange: {when}\n Birth: {when}\n")


@tool
def du(call: Call) -> int:
    """Tell how much room trees take (-s -h -a -c -b -k -d N)."""
    given = read(call, "shackbmd:x", {"summarize": "s", "human-readable": "h", "all": "a", "total": "c", "bytes": "b",
                                      "max-depth": "d"})
    depth = 0 if "s" in given else int(given.get("d")) if given.get("d").isdigit() else 1000
    status, whole = 0, 0

    def shown(size: int) -> str:
        if "b" in given:
            return str(size)
        return human(size) if "h" in given else str(-(-size // (1024 * 1024))) if "m" in given else str(-(-size // 1024))

    def walk(word: str, node: Inode, level: int) -> int:
        size = size_bytes(node) if "b" in given else _blocks(node) * 512
        for name, child in sorted(node.names.items()):
            size += walk(posixpath.join(word, name), child, level + 1)
        if level <= depth and (node.kind == DIRECTORY or level == 0 or "a" in given):
            call.write(f"{shown(size)}\t{word}\n")
        return size

    for word in given.operands or ["."]:
        try:
            whole += walk(word, call.files.find(call.path(word), follow=False), 0)
        except FileError as error:
            status = call.fail(f"cannot access '{word}': {error}")
    if "c" in given:
        call.write(f"{shown(whole)}\ttotal\n")
    return status


def human(size: int) -> str:
    """Write a size with a unit, rounded up as coreutils round."""
    amount, unit = float(size), ""
    for larger in "KMGT":
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    if not unit:
        return f"{size}"
    tenths = -(-amount * 10 // 1) / 10
    return f"{tenths:.1f}{unit}" if tenths < 10 else f"{-(-amount // 1):.0f}{unit}"


@tool
def mktemp(call: Call) -> int:
    """Make a file or a folder with a name of its own (-d -p FOLDER -t -u); its letters are the lab's chance."""
    given = read(call, "dp:tuq", {"directory": "d", "tmpdir": "p", "dry-run": "u", "suffix": "S", "quiet": "q"})
    template = given.operands[0] if given.operands else "tmp.XXXXXXXXXX"
    marks = re.search(r"X{3,}(?=[^X]*\Z)", template)
    if not marks:
        return call.fail(f"too few X's in template ‘{template}’")
    letters = call.engine.stream("shell.mktemp").text(LETTERS, len(marks[0]))
    name = template[:marks.start()] + letters + template[marks.end():]
    if not given.operands or "p" in given or "t" in given:
        name = posixpath.join(given.get("p") or call.env.get("TMPDIR") or "/tmp", name)
    path = call.path(name)
    try:
        if "u" not in given and "d" in given:
            call.files.make_dir(path)
            call.files.chmod(path, 0o700)
        elif "u" not in given:
            call.files.write(path, b"")
            call.files.chmod(path, 0o600)
    except FileError as error:
        what = "directory" if "d" in given else "file"
        return call.fail(f"failed to create {what} via template ‘{posixpath.join(posixpath.dirname(name), template)}’: {error}")
    call.write(name + "\n")
    return 0


COMMANDS.update({"chmod": chmod, "chown": chown, "chgrp": chown, "touch": touch, "stat": stat, "du": du, "mktemp": mktemp})
