"""ls. Models: GNU coreutils: -l -a -A -d -t -r -S -R -h -1 -F -p -m -i -n -g -o -U -X -c -u -s --color --full-time --time-style."""

from __future__ import annotations

import posixpath
from datetime import UTC, datetime, timedelta

from sim.host.files import DEVICE, DIRECTORY, LINK, FileError, Inode
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.files.attributes import BLOCK_BYTES, human, letters_of, size_bytes, user_name, written
from sim.shell.system.options import BadUsage, Given, complain, read

HALF_YEAR_US = 15_778_476 * 1_000_000
LONG = {"all": "a", "almost-all": "A", "directory": "d", "human-readable": "h", "recursive": "R", "reverse": "r", "classify": "F",
        "inode": "i", "numeric-uid-gid": "n", "size": "s", "no-group": "G", "full-time": "E", "time-style": "Y", "color": "K",
        "group-directories-first": "D", "sort": "O", "format": "f", "time": "u", "si": "h", "indicator-style": "F"}
SORTS = {"time": "t", "size": "S", "none": "U", "extension": "X", "name": "N"}
TIME_STYLES = {"long-iso": "%Y-%m-%d %H:%M", "iso": "%m-%d %H:%M", "full-iso": ""}
Row = tuple[str, Inode]


def ls(call: Call) -> int:
    """List files; the long form shows mode, links, owner, group, size, time and name."""
    try:
        call.argv = [word if not word.startswith("--color") else "--color" for word in call.argv]
        given = read(call, "laAdtrShR1FpmingosGUXcuCxkY:O:f:NqbQwTI:BH", LONG, status=2)
    except BadUsage as error:
        return complain(call, error)
    if odd := set(given.letters) & set("fTIBQwbD"):
        return call.refuse(f"ls -{min(odd)}")
    if set(given.letters) & set("ngoE"):
        given.flags["l"] = ""
    if "O" in given:
        given.flags[SORTS.get(given.get("O"), "N")] = ""
    plain: list[Row] = []
    folders: list[str] = []
    status = 0
    for word in given.operands or ["."]:
        follow = word.endswith("/") or ("l" not in given and "d" not in given and "F" not in given) or "H" in given
        try:
            node = call.files.find(call.path(word), follow=follow)
        except FileError as error:
            if follow and call.files.exists(posixpath.dirname(call.path(word))) and _dangling(call, word):
                node = call.files.find(call.path(word), follow=False)
            else:
                status = call.fail(f"cannot access '{word}': {error}", 2)
                continue
        if node.kind == DIRECTORY and "d" not in given:
            folders.append(word)
        else:
            plain.append((word, node))
    if plain:
        call.write(_table(call, _sorted(plain, given), given))
    several = len(given.operands) > 1 or "R" in given
    for at, word in enumerate(sorted(folders, key=_alphabet) if "U" not in given else folders):
        status = max(status, _folder(call, word, given, first=not plain and not at, several=several))
    return status


def _dangling(call: Call, word: str) -> bool:
    try:
        return call.files.find(call.path(word), follow=False).kind == LINK
    except FileError:
        return False


def _folder(call: Call, word: str, given: Given, *, first: bool, several: bool) -> int:
    path = call.path(word)
    try:
        rows: list[Row] = list(call.files.entries(path))
    except FileError as error:
        return call.fail(f"cannot open directory '{word}': {error}", 2)
    if not set("aA") & set(given.letters):
        rows = [row for row in rows if not row[0].startswith(".")]
    if "a" in given:
        up = posixpath.dirname(posixpath.normpath(path))
        rows = [(".", call.files.find(path)), ("..", call.files.find(up)), *rows]
    rows = _sorted(rows, given)
    if several:
        call.write(("" if first else "\n") + f"{word}:\n")
    if "l" in given or "s" in given:
        blocks = sum(_kilobytes(node) for _, node in rows)
        call.write(f"total {human(blocks * 1024) if 'h' in given else blocks}\n")
    call.write(_table(call, rows, given))
    status = 0
    if "R" in given:
        for name, node in rows:
            if node.kind == DIRECTORY and name not in (".", ".."):
                status = max(status, _folder(call, posixpath.join(word, name), given, first=False, several=True))
    return status


def _kilobytes(node: Inode) -> int:
    return 0 if node.kind in (LINK, DEVICE) else -(-size_bytes(node) // BLOCK_BYTES) * 4


def _alphabet(name: str) -> tuple[str, str]:
    """Order names as C.UTF-8 does."""
    return name, name


def _sorted(rows: list[Row], given: Given) -> list[Row]:
    rows = sorted(rows, key=lambda row: row[0])
    if "t" in given or (set("cu") & set(given.letters) and "l" not in given):
        rows.sort(key=lambda row: -row[1].mtime_us)
    elif "S" in given:
        rows.sort(key=lambda row: -size_bytes(row[1]))
    elif "X" in given:
        rows.sort(key=lambda row: posixpath.splitext(row[0])[1])
    return rows[::-1] if "r" in given else rows


def _mark(node: Inode, given: Given) -> str:
    if node.kind == DIRECTORY and ("F" in given or "p" in given):
        return "/"
    if "F" not in given:
        return ""
    return "@" if node.kind == LINK and "l" not in given else "*" if node.kind == 0 and node.mode & 0o111 else ""


def _table(call: Call, rows: list[Row], given: Given) -> str:
    if not rows:
        return ""
    if "l" not in given:
        names = [f"{_number(name, given)}{_blocks(node, given)}{name}{_mark(node, given)}" for name, node in rows]
        if "m" in given:
            return ", ".join(names) + "\n"
        screen = call.login.terminal.columns if call.streams.stdout is call.login.stdout and "1" not in given else None
        colours = [_colour(node) if "K" in given else "" for _, node in rows]
        return _columns(names, colours, screen) if screen else "".join(name + "\n" for name in names)
    cells = [_cells(call, name, node, given) for name, node in rows]
    wide = [max(len(cell[column]) for cell in cells) for column in range(5)]
    lines = []
    for (name, node), (mode, links, user, group, size, when, shown) in zip(rows, cells, strict=True):
        parts = [mode, f"{links:>{wide[1]}}"]
        parts += [f"{user:<{wide[2]}}"] if "g" not in given else []
        parts += [f"{group:<{wide[3]}}"] if "o" not in given and "G" not in given else []
        lines.append(f"{_number(name, given)}{_blocks(node, given)}{' '.join(parts)} {size:>{wide[4]}} {when} {shown}\n")
    return "".join(lines)


def _colour(node: Inode) -> str:
    """Give the colour of a name as dircolors sets it, "" for the terminal's own."""
    if node.kind == DIRECTORY:
        return "30;42" if node.mode & 0o1002 == 0o1002 else "01;34"
    return "01;36" if node.kind == LINK else "01;32" if node.kind == 0 and node.mode & 0o111 else ""


def _columns(names: list[str], colours: list[str], wide: int) -> str:
    """Lay names out in columns, down first, with tabs where no colour forbids them. Models: ls.c, print_many_per_line."""
    rows, columns, widths = len(names), [names], [0]
    for rows in range(1, len(names) + 1):
        columns = [names[at:at + rows] for at in range(0, len(names), rows)]
        widths = [max(map(len, column)) + 2 for column in columns]
        if sum(widths) - 2 < wide or rows == len(names):
            break
    lines: list[str] = []
    tinted = any(colours)
    for row in range(rows):
        line, at, want = "", 0, 0
        for number, column in enumerate(columns):
            if row >= len(column):
                break
            line += _gap(at, want, tabs=not tinted)
            name, colour = column[row], colours[number * rows + row]
            line += f"\x1b[{colour}m{name}\x1b[0m" if colour else name
            at, want = want + len(name), want + widths[number]
        lines.append(line + "\n")
    text = "".join(lines)
    return text.replace("\x1b[", "\x1b[0m\x1b[", 1) if tinted else text


def _gap(at: int, want: int, *, tabs: bool) -> str:
    out = ""
    while at < want:
        if tabs and want // 8 > (at + 1) // 8:
            out, at = out + "\t", at + 8 - at % 8
        else:
            out, at = out + " ", at + 1
    return out


def _number(name: str, given: Given) -> str:
    return f"{131072 + sum(name.encode()) * 7 % 65536} " if "i" in given else ""


def _blocks(node: Inode, given: Given) -> str:
    return f"{_kilobytes(node)} " if "s" in given else ""


def _cells(call: Call, name: str, node: Inode, given: Given) -> tuple[str, str, str, str, str, str, str]:
    links = 2 + sum(child.kind == DIRECTORY for child in node.names.values()) if node.kind == DIRECTORY else node.links
    size = len(node.data) if node.kind == LINK else size_bytes(node)
    shown = "1, 3" if node.kind == DEVICE else human(size) if "h" in given else str(size)
    target = f" -> {node.data.decode(errors='replace')}" if node.kind == LINK else ""
    owner, group = (str(node.uid), str(node.gid)) if "n" in given else (user_name(call, node.uid), user_name(call, node.gid))
    return (letters_of(node), str(links), owner, group, shown, _when(call, node, given), name + _mark(node, given) + target)


def _when(call: Call, node: Inode, given: Given) -> str:
    changed = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=node.mtime_us)
    style = given.get("Y")
    if "E" in given or style == "full-iso":
        return written(node.mtime_us)
    if style.startswith("+"):
        return changed.strftime(style[1:])
    if style in TIME_STYLES:
        return f"{changed:{TIME_STYLES[style]}}"
    recent = 0 <= call.engine.unix_us - node.mtime_us < HALF_YEAR_US
    return f"{changed:%b} {changed.day:2} {changed:%H:%M}" if recent else f"{changed:%b} {changed.day:2}  {changed:%Y}"


COMMANDS.update({"ls": ls, "dir": ls})
