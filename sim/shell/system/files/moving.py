"""mkdir, rmdir, rm, cp, mv, ln, install: what makes, copies, moves and removes names. Models: GNU coreutils."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from functools import wraps

from sim.engine import Steps
from sim.host.files import DENIED, DEVICE, DIRECTORY, FILE, LINK, NOT_FOUND, FileError, Inode, View
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.options import BadUsage, Given, complain, missing, read

Tool = Callable[[Call], int]


def tool(work: Tool) -> Tool:
    """Let a tool raise BadUsage."""

    @wraps(work)
    def run(call: Call) -> int:
        try:
            return work(call)
        except BadUsage as error:
            return complain(call, error)

    return run


def _kind(call: Call, path: str, *, follow: bool = True) -> int | None:
    try:
        return call.files.find(path, follow=follow).kind
    except FileError:
        return None


@tool
def mkdir(call: Call) -> int:
    """Make directories (-p, -m MODE, -v)."""
    given = read(call, "pm:v", {"parents": "p", "mode": "m", "verbose": "v"})
    if not given.operands:
        raise missing(call, "missing operand")
    status = 0
    for word in given.operands:
        path = posixpath.normpath(call.path(word))
        there = call.files.exists(path)
        try:
            call.files.make_dir(path, parents="p" in given)
        except FileError as error:
            status = call.fail(f"cannot create directory ‘{word}’: {error}")
            continue
        if "m" in given and not there:
            mode = changed_mode(given.get("m"), call.files.find(path), 0)
            if mode is None:
                return call.fail(f"invalid mode ‘{given.get('m')}’")
            call.files.chmod(path, mode)
        if "v" in given and not there:
            call.write(f"mkdir: created directory '{word}'\n")
    return status


@tool
def rmdir(call: Call) -> int:
    """Remove empty directories (-p, -v)."""
    given = read(call, "pv", {"parents": "p", "verbose": "v", "ignore-fail-on-non-empty": "v"})
    if not given.operands:
        raise missing(call, "missing operand")
    status = 0
    for word in given.operands:
        names = [word]
        while "p" in given and "/" in names[-1].strip("/"):
            names.append(posixpath.dirname(names[-1].rstrip("/")))
        for name in names:
            try:
                if call.files.find(call.path(name), follow=False).kind != DIRECTORY:
                    status = call.fail(f"failed to remove '{name}': Not a directory")
                    break
                call.files.remove(call.path(name))
            except FileError as error:
                status = call.fail(f"failed to remove '{name}': {error}")
                break
    return status


@tool
def rm(call: Call) -> int:
    """Remove names (-r, -f, -d, -v; -i asks nobody and is refused)."""
    given = read(call, "rRfdvi", {"recursive": "r", "force": "f", "dir": "d", "verbose": "v", "interactive": "i",
                                  "no-preserve-root": "N", "preserve-root": "P"})
    if "i" in given and "f" not in given:
        return call.refuse("rm -i")
    if not given.operands:
        if "f" in given:
            return 0
        raise missing(call, "missing operand")
    status = 0
    for word in given.operands:
        status = max(status, _remove(call, word, given))
    return status


def _remove(call: Call, word: str, given: Given) -> int:
    path, recursive = call.path(word), "r" in given or "R" in given
    if posixpath.normpath(path) == "/" and recursive and "N" not in given:
        call.write("rm: it is dangerous to operate recursively on '/'\n"
                   "rm: use --no-preserve-root to override this failsafe\n", "stderr")
        return 1
    if posixpath.basename(word.rstrip("/")) in (".", "..") and recursive:
        return call.fail(f"refusing to remove '.' or '..' directory: skipping '{word}'")
    try:
        node = call.files.find(path, follow=word.endswith("/"))
        if node.kind == DIRECTORY and not recursive and not ("d" in given and not node.names):
            return call.fail(f"cannot remove '{word}': Is a directory")
        denied = _closed_folder(call.files, node, word) if node.kind == DIRECTORY else None
        if denied:
            return call.fail(f"cannot remove '{denied}': Permission denied")
        _tell_removed(call, node, word, given)
        call.files.remove(path, recursive=recursive)
    except FileError as error:
        if error.kind == NOT_FOUND and "f" in given:
            return 0
        return call.fail(f"cannot remove '{word}': {error}")
    return 0


def _closed_folder(view: View, node: Inode, word: str) -> str | None:
    """Give the first name in a tree that this user may not take out of its folder."""
    for name, child in sorted(node.names.items()):
        if not view.may(node, 2):
            return f"{word}/{name}"
        if child.kind == DIRECTORY and (found := _closed_folder(view, child, f"{word}/{name}")):
            return found
    return None


def _tell_removed(call: Call, node: Inode, word: str, given: Given) -> None:
    if "v" not in given:
        return
    for name, child in sorted(node.names.items()):
        _tell_removed(call, child, f"{word}/{name}", given)
    call.write(f"removed {'directory ' if node.kind == DIRECTORY else ''}'{word}'\n")


# ---- cp and mv -----------------------------------------------------------------------------------------------------
COPY_LONG = {"recursive": "r", "archive": "a", "force": "f", "verbose": "v", "no-clobber": "n", "preserve": "p", "update": "u",
             "target-directory": "t", "no-target-directory": "T", "dereference": "L", "no-dereference": "P",
             "parents": "D", "backup": "b", "interactive": "i", "link": "l", "symbolic-link": "s", "suffix": "S"}


def _targets(call: Call, given: Given) -> list[tuple[str, str]]:
    """Pair each source with where it goes. Raises BadUsage."""
    words = list(given.operands)
    if not words:
        raise missing(call, "missing file operand")
    if "t" in given:
        folder = given.get("t")
        if _kind(call, call.path(folder)) != DIRECTORY:
            raise BadUsage(f"{call.name}: target directory '{folder}': No such file or directory\n", 1)
    else:
        if len(words) == 1:
            raise missing(call, f"missing destination file operand after '{words[0]}'")
        folder = words.pop()
        is_folder = _kind(call, call.path(folder)) == DIRECTORY and "T" not in given
        if not is_folder and len(words) > 1:
            said = "No such file or directory" if _newer(call) else "is not a directory"
            raise BadUsage(f"{call.name}: target '{folder}'{':' if _newer(call) else ''} {said}\n", 1)
        if not is_folder:
            return [(words[0], folder)]
    return [(word, posixpath.join(folder, posixpath.basename(word.rstrip("/")) or word)) for word in words]


def _newer(call: Call) -> bool:
    """Tell whether the host's coreutils are 9 or newer, whose words differ."""
    return release(call) not in ("jammy", "focal", "bullseye")


def release(call: Call) -> str:
    """Give the code name of the host's distribution."""
    return call.host.os.codename


@tool
def cp(call: Call) -> int:
    """Copy files and trees (-r -a -p -f -v -n -u -t -T -L -P -l -s --parents)."""
    given = read(call, "rRafvnput:TLPbilsdxHS:", COPY_LONG)
    if set(given.letters) & set("bS"):
        return call.refuse(f"cp -{next(letter for letter in given.letters if letter in 'bS')}")
    if "D" in given:
        return call.refuse("cp --parents")
    status = 0
    for source, target in _targets(call, given):
        status = max(status, _copy(call, source, target, given, top=True))
    return status


def _copy(call: Call, source: str, target: str, given: Given, *, top: bool = False) -> int:
    view, old, new = call.files, call.path(source), call.path(target)
    recursive = bool(set(given.letters) & set("rRa"))
    follow = "L" in given or (top and not recursive) or not recursive
    try:
        node = view.find(old, follow=follow and "P" not in given and "d" not in given)
    except FileError as error:
        return call.fail(f"cannot stat '{source}': {error}")
    if node.kind == DIRECTORY:
        if not recursive:
            return call.fail(f"-r not specified; omitting directory '{source}'")
        return _copy_tree(call, source, target, node, given)
    if target.endswith("/") and _kind(call, new) is None:
        return call.fail(f"cannot create regular file '{target}': Not a directory" if _kind(call, posixpath.dirname(new.rstrip("/")))
                         is not None else f"cannot create regular file '{target}': No such file or directory")
    try:
        there: Inode | None = view.find(new)
    except FileError:
        there = None
    if there is node and node.kind != LINK:
        return call.fail(f"'{source}' and '{target}' are the same file")
    if there is not None and there.kind == DIRECTORY:
        return call.fail(f"cannot overwrite directory '{target}' with non-directory")
    if there is not None and ("n" in given or ("u" in given and there.mtime_us >= node.mtime_us)):
        return 0
    return _copy_file(call, (source, target), node, there, given)


def _copy_file(call: Call, names: tuple[str, str], node: Inode, there: Inode | None, given: Given) -> int:
    view, (source, target) = call.files, names
    old, new = call.path(source), call.path(target)
    try:
        if "s" in given or "l" in given:
            view.symlink(source, new) if "s" in given else view.link(old, new)
        elif node.kind == LINK:
            if there is not None:
                view.remove(new)
            view.symlink(node.data.decode(), new)
        else:
            data = b"" if node.kind == DEVICE else _readable(view, old)
            view.open(new, keep=False).write(data)
            _keep(call, node, new, given, made=there is None)
    except FileError as error:
        if error.kind == DENIED and not view.may(node, 4):
            return call.fail(f"cannot open '{source}' for reading: {error}")
        if str(error) == "No space left on device":
            return call.fail(f"error writing '{target}': {error}")
        return call.fail(f"cannot create regular file '{target}': {error}")
    if "v" in given:
        call.write(f"'{source}' -> '{target}'\n")
    return 0


def _readable(view: View, path: str) -> bytes:
    return view.read(path)


def _keep(call: Call, node: Inode, path: str, given: Given, *, made: bool) -> None:
    """Give a copy its mode; with -p and -a its owner and time too."""
    fresh = call.files.find(path)
    if made:
        fresh.mode = node.mode & ~call.shell.umask & 0o777 if "a" not in given and "p" not in given else node.mode
    if "a" in given or "p" in given:
        fresh.mode = node.mode
        if call.login.uid == 0:
            fresh.uid, fresh.gid = node.uid, node.gid
        call.files.set_times(path, node.mtime_us)


def _copy_tree(call: Call, source: str, target: str, node: Inode, given: Given) -> int:
    view, new = call.files, call.path(target)
    if (posixpath.normpath(new) + "/").startswith(posixpath.normpath(call.path(source)) + "/"):
        return call.fail(f"cannot copy a directory, '{source}', into itself, '{target}'")
    there = _kind(call, new)
    if there is not None and there != DIRECTORY:
        return call.fail(f"cannot overwrite non-directory '{target}' with directory '{source}'")
    try:
        if there is None:
            view.make_dir(posixpath.normpath(new))
            if "v" in given:
                call.write(f"'{source}' -> '{target}'\n")
        if not (view.may(node, 4) and view.may(node, 1)):
            return call.fail(f"cannot access '{source}': Permission denied")
    except FileError as error:
        return call.fail(f"cannot create directory '{target}': {error}")
    status = 0
    for name in sorted(node.names):
        status = max(status, _copy(call, posixpath.join(source, name), posixpath.join(target, name), given))
    if there is None:
        _keep(call, node, new, given, made=True)
    return status


@tool
def mv(call: Call) -> int:
    """Move and rename (-f -v -n -u -t -T)."""
    given = read(call, "fvnut:TbiS:", COPY_LONG)
    if set(given.letters) & set("bS"):
        return call.refuse(f"mv -{next(letter for letter in given.letters if letter in 'bS')}")
    status = 0
    for source, target in _targets(call, given):
        status = max(status, _move(call, source, target, given))
    return status


def _move(call: Call, source: str, target: str, given: Given) -> int:
    view, old, new = call.files, call.path(source), posixpath.normpath(call.path(target))
    shown = target if "/" in target or "t" in given or "/" in source else target
    try:
        node = view.find(old, follow=False)
    except FileError as error:
        return call.fail(f"cannot stat '{source}': {error}")
    there = _kind(call, new, follow=False)
    if there is not None and view.find(new, follow=False) is node:
        return call.fail(f"'{source}' and '{shown}' are the same file")
    if there is not None and "n" in given:
        return 0
    if there == DIRECTORY and node.kind != DIRECTORY:
        return call.fail(f"cannot overwrite directory '{shown}' with non-directory")
    if there is not None and there != DIRECTORY and node.kind == DIRECTORY:
        return call.fail(f"cannot overwrite non-directory '{shown}' with directory '{source}'")
    if node.kind == DIRECTORY and (new + "/").startswith(posixpath.normpath(old) + "/"):
        return call.fail(f"cannot move '{source}' to a subdirectory of itself, '{shown}'")
    if target.endswith("/") and there is None and node.kind != DIRECTORY:
        return call.fail(f"cannot move '{source}' to '{shown}': Not a directory")
    try:
        if there == DIRECTORY and view.find(new).names:
            return call.fail(f"cannot move '{source}' to '{shown}': Directory not empty")
        view.rename(old, new)
    except FileError as error:
        return call.fail(f"cannot move '{source}' to '{shown}': {error}")
    if "v" in given:
        call.write(f"renamed '{source}' -> '{shown}'\n")
    return 0


def asking(work: Tool, letters: str) -> Callable[[Call], int | Steps[int]]:
    """Have cp or mv ask, with -i, before it overwrites a file. letters: its options as `read` takes them."""

    def run(call: Call) -> int | Steps[int]:
        try:
            given = read(call, letters, COPY_LONG)
            if "i" not in given or set(given.letters) & set("fn") or len(given.operands) < 2:
                return work(call)
            return _asked(call, work, given, _targets(call, given))
        except BadUsage as error:
            return complain(call, error)

    return run


def _asked(call: Call, work: Tool, given: Given, pairs: list[tuple[str, str]]) -> Steps[int]:
    status, options = 0, [f"-{letter}" for letter in given.letters if letter not in "itT"]
    source = call.streams.stdin or call.streams.keyboard
    for old, new in pairs:
        if _kind(call, call.path(new)) == FILE and _kind(call, call.path(old)) is not None:
            call.write(f"{call.name}: overwrite '{new}'? ", "stderr")
            answer = (yield from source.read(b"\n")) if source is not None else None
            if not (answer or b"").strip().lower().startswith(b"y"):
                continue
        status = max(status, work(Call(call.shell, call.name, [*options, "-T", old, new], call.env, call.streams)))
    return status


@tool
def ln(call: Call) -> int:
    """Make links (-s -f -n -v)."""
    given = read(call, "sfnvTr", {"symbolic": "s", "force": "f", "no-dereference": "n", "verbose": "v", "relative": "r"})
    words = list(given.operands)
    if not words:
        raise missing(call, "missing file operand")
    target = words.pop() if len(words) > 1 else "."
    folder = _kind(call, call.path(target)) == DIRECTORY and not (
        ("n" in given or "T" in given) and _kind(call, call.path(target), follow=False) == LINK)
    status = 0
    for word in words:
        name = posixpath.join(target, posixpath.basename(word.rstrip("/"))) if folder else target
        path = call.path(name)
        pointing = posixpath.relpath(call.path(word), posixpath.dirname(path)) if "r" in given else word
        try:
            if "f" in given and _kind(call, path, follow=False) is not None:
                call.files.remove(path)
            if "s" in given:
                call.files.symlink(pointing, path)
            else:
                call.files.link(call.path(word), path)
        except FileError as error:
            if "s" not in given and _kind(call, call.path(word)) is None:
                status = call.fail(f"failed to access '{word}': {error}")
            elif "s" not in given and _kind(call, call.path(word)) == DIRECTORY:
                status = call.fail(f"{word}: hard link not allowed for directory")
            else:
                status = call.fail(f"failed to create {'symbolic' if 's' in given else 'hard'} link '{name}': {error}")
            continue
        if "v" in given:
            call.write(f"'{name}' -> '{pointing}'\n" if "s" in given else f"'{name}' => '{word}'\n")
    return status


@tool
def unlink(call: Call) -> int:
    """Remove one name."""
    given = read(call, "")
    if len(given.operands) != 1:
        raise missing(call, "missing operand" if not given.operands else f"extra operand ‘{given.operands[1]}’")
    try:
        if call.files.find(call.path(given.operands[0]), follow=False).kind == DIRECTORY:
            return call.fail(f"cannot unlink '{given.operands[0]}': Is a directory")
        call.files.remove(call.path(given.operands[0]))
    except FileError as error:
        return call.fail(f"cannot unlink '{given.operands[0]}': {error}")
    return 0


@tool
def install(call: Call) -> int:
    """Copy files with a mode and an owner (-m -o -g -d -D -v)."""
    from sim.shell.system.files.attributes import group_id, user_id

    given = read(call, "m:o:g:dDvCp", {"mode": "m", "owner": "o", "group": "g", "directory": "d", "verbose": "v"})
    if not given.operands:
        raise missing(call, "missing file operand")
    pairs = [("", word) for word in given.operands] if "d" in given else None
    if pairs is None and "D" in given and len(given.operands) > 1:
        call.files.make_dir(posixpath.dirname(call.path(given.operands[-1])), parents=True)
    status = 0
    for source, target in pairs if pairs is not None else _targets(call, given):
        path = call.path(target)
        try:
            if "d" in given:
                call.files.make_dir(path, parents=True)
            else:
                call.files.open(path, keep=False).write(call.files.read(call.path(source)))
        except FileError as error:
            status = call.fail(f"cannot stat '{source}': {error}" if _kind(call, call.path(source)) is None and source
                               else f"cannot create regular file '{target}': {error}")
            continue
        mode = changed_mode(given.get("m", "755"), call.files.find(path), 0)
        if mode is None:
            return call.fail(f"invalid mode ‘{given.get('m')}’")
        call.files.chmod(path, mode)
        owner = user_id(call, given.get("o")) if "o" in given else None
        group = group_id(call, given.get("g")) if "g" in given else None
        node = call.files.find(path)
        if owner is not None or group is not None:
            call.files.chown(path, node.uid if owner is None else owner, node.gid if group is None else group)
    return status


MODE_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)\Z")


def changed_mode(text: str, node: Inode, umask: int) -> int | None:
    """Give the mode that a chmod text makes of a file's; None for a text that is none."""
    if re.fullmatch(r"[0-7]{1,5}", text):
        bits = int(text, 8)
        return bits | (node.mode & 0o6000 if node.kind == DIRECTORY and len(text) < 5 else 0)
    mode = node.mode
    for clause in text.split(","):
        found = MODE_CLAUSE.match(clause)
        if not found:
            return None
        who = found[1].replace("a", "ugo") or "ugo"
        for operator, letters in re.findall(r"([-+=])([rwxXst]*|[ugo])", found[2]):
            bits = 0
            for letter in letters:
                for each, shift in (("u", 6), ("g", 3), ("o", 0)):
                    if each in who:
                        bits |= _bit(letter, node, mode) << shift
                if letter == "s":
                    bits |= (0o4000 if "u" in who else 0) | (0o2000 if "g" in who else 0)
                if letter == "t":
                    bits |= 0o1000
            if not found[1]:
                bits &= ~umask
            area = sum(0o7 << shift for each, shift in (("u", 6), ("g", 3), ("o", 0)) if each in who)
            mode = mode | bits if operator == "+" else mode & ~bits if operator == "-" else mode & ~area | bits
    return mode


def _bit(letter: str, node: Inode, mode: int) -> int:
    if letter in "ugo":
        return mode >> {"u": 6, "g": 3, "o": 0}[letter] & 7
    if letter == "X":
        return 1 if node.kind == DIRECTORY or mode & 0o111 else 0
    return {"r": 4, "w": 2, "x": 1}.get(letter, 0)


COMMANDS.update({"mkdir": mkdir, "rmdir": rmdir, "rm": rm, "cp": asking(cp, "rRafvnput:TLPbilsdxHS:"), "mv": asking(mv, "fvnut:TbiS:"), "ln": ln, "unlink": unlink, "install": install})
