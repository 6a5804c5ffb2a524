"""find, which, whereis, locate's refusal. Models: GNU findutils, debianutils; a test or action not here is refused."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sim.engine import Steps
from sim.host.files import DEVICE, DIRECTORY, FILE, LINK, FileError, Inode
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.files.attributes import letters_of, size_bytes, user_id, user_name
from sim.shell.system.files.moving import changed_mode
from sim.shell.walker import commands

KINDS = {"f": FILE, "d": DIRECTORY, "l": LINK, "c": DEVICE}
UNITS = {"c": 1, "k": 1024, "M": 1024**2, "G": 1024**3, "b": 512, "w": 2}
MINUTE_US, DAY_US = 60_000_000, 86_400_000_000


@dataclass
class Found:
    """A name being judged."""

    shown: str
    path: str
    node: Inode
    depth: int


Judge = Callable[[Found], "bool | Steps[bool]"]


class Wrong(Exception):
    """The expression is wrong: (what to say, status)."""


@dataclass
class Search:
    """A parsed expression; `batches` are the words of `-exec … +` with the names they are for."""

    call: Call
    words: list[str]
    most: int = 1000
    least: int = 0
    deep: bool = False
    acts: bool = False
    pruned: bool = False
    quits: bool = False
    status: int = 0
    batches: list[tuple[list[str], list[str]]] = field(default_factory=list)

    def any(self) -> Judge:
        """Parse `a -o b`."""
        left = self.all()
        while self.words[:1] in (["-o"], ["-or"]):
            self.words.pop(0)
            left = _either(left, self.all())
        return left

    def all(self) -> Judge:
        """Parse `a b`."""
        left = self.one()
        while self.words and self.words[0] not in ("-o", "-or", ")"):
            if self.words[0] in ("-a", "-and"):
                self.words.pop(0)
            left = _both(left, self.one())
        return left

    def one(self) -> Judge:
        """Parse a test or an action. Raises Wrong."""
        if not self.words:
            raise Wrong("find: expected an expression\n", 1)
        word = self.words.pop(0)
        if word in ("!", "-not"):
            return _neither(self.one())
        if word == "(":
            inner = self.any()
            if not self.words or self.words.pop(0) != ")":
                raise Wrong("find: invalid expression; I was expecting to find a ')' somewhere but did not see one.\n", 1)
            return inner
        if word in PLAIN:
            return PLAIN[word](self)
        if word in ("-exec", "-execdir", "-ok"):
            return self._exec(word)
        if word in VALUED:
            if not self.words:
                raise Wrong(f"find: missing argument to `{word}'\n", 1)
            return VALUED[word](self, self.words.pop(0))
        raise Wrong(f"find: unknown predicate `{word}'\n" if word.startswith("-") else
                    f"find: paths must precede expression: `{word}'\n", 1)

    def _exec(self, word: str) -> Judge:
        argv: list[str] = []
        while self.words and self.words[0] != ";" and not (self.words[0] == "+" and argv[-1:] == ["{}"]):
            argv.append(self.words.pop(0))
        if not self.words or not argv:
            raise Wrong(f"find: missing argument to `{word}'\n", 1)
        self.acts = True
        if self.words.pop(0) == "+":
            names: list[str] = []
            self.batches.append((argv[:-1], names))

            def collect(found: Found) -> bool:
                names.append(found.shown)
                return True

            return collect

        def run(found: Found) -> Steps[bool]:
            words = [each.replace("{}", found.shown) for each in argv]
            if not self.call.shell.finds(words[0]):
                self.call.fail(f"‘{words[0]}’: No such file or directory")
                self.status = 1
                return False
            return (yield from self.call.run(words)) == 0

        return run


def _steps(judged: bool | Steps[bool]) -> Steps[bool]:
    if isinstance(judged, bool):
        return judged
    return (yield from judged)


def _either(left: Judge, right: Judge) -> Judge:
    def judge(found: Found) -> Steps[bool]:
        return (yield from _steps(left(found))) or (yield from _steps(right(found)))

    return judge


def _both(left: Judge, right: Judge) -> Judge:
    def judge(found: Found) -> Steps[bool]:
        return (yield from _steps(left(found))) and (yield from _steps(right(found)))

    return judge


def _neither(inner: Judge) -> Judge:
    def judge(found: Found) -> Steps[bool]:
        return not (yield from _steps(inner(found)))

    return judge


def _action(act: Callable[[Search, Found], bool]) -> Callable[[Search], Judge]:
    def make(search: Search) -> Judge:
        search.acts = True
        return lambda found: act(search, found)

    return make


def _print(search: Search, found: Found) -> bool:
    search.call.write(found.shown + "\n")
    return True


def _print0(search: Search, found: Found) -> bool:
    search.call.write(found.shown + "\0")
    return True


def _delete(search: Search, found: Found) -> bool:
    try:
        search.call.files.remove(found.path)
        return True
    except FileError as error:
        search.call.fail(f"cannot delete ‘{found.shown}’: {error}")
        search.status = 1
        return False


def _list(search: Search, found: Found) -> bool:
    from sim.shell.system.files.attributes import written

    node, call = found.node, search.call
    call.write(f"   131072 {-(-size_bytes(node) // 1024):6} {letters_of(node)} {node.links:3} {user_name(call, node.uid):<8} "
               f"{user_name(call, node.gid):<8} {size_bytes(node):8} {written(node.mtime_us, '%b %e %H:%M')[:12]} {found.shown}\n")
    return True


def _set(name: str, value: object) -> Callable[[Search], Judge]:
    def make(search: Search) -> Judge:
        setattr(search, name, value)
        return lambda found: True

    return make


def _prune(search: Search) -> Judge:
    def judge(found: Found) -> bool:
        search.pruned = True
        return True

    return judge


def _quit(search: Search) -> Judge:
    search.acts = True

    def judge(found: Found) -> bool:
        search.quits = True
        return True

    return judge


def _deleting(search: Search) -> Judge:
    search.deep = True
    return _action(_delete)(search)


PLAIN: dict[str, Callable[[Search], Judge]] = {
    "-print": _action(_print), "-print0": _action(_print0), "-delete": _deleting, "-ls": _action(_list), "-prune": _prune,
    "-quit": _quit, "-depth": _set("deep", True), "-xdev": _set("least", 0), "-mount": _set("least", 0),
    "-true": lambda search: lambda found: True, "-false": lambda search: lambda found: False,
    "-empty": lambda search: lambda found: not found.node.data and not found.node.names,
    "-readable": lambda search: lambda found: search.call.files.may(found.node, 4),
    "-writable": lambda search: lambda found: search.call.files.may(found.node, 2),
    "-executable": lambda search: lambda found: search.call.files.may(found.node, 1),
}


def _name(search: Search, text: str, *, fold: bool = False, whole: bool = False) -> Judge:
    pattern = re.compile(fnmatch.translate(text), re.IGNORECASE if fold else 0)
    return lambda found: bool(pattern.match(found.shown if whole else posixpath.basename(found.shown.rstrip("/")) or "/"))


def _number(text: str, value: Callable[[Found], int]) -> Judge:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise Wrong(f"find: invalid argument `{text}' to a numeric test\n", 1)
    wanted = int(text.lstrip("+-"))
    if text.startswith("+"):
        return lambda found: value(found) > wanted
    return (lambda found: value(found) < wanted) if text.startswith("-") else (lambda found: value(found) == wanted)


def _size(search: Search, text: str) -> Judge:
    found = re.fullmatch(r"([+-]?\d+)([ckMGbw]?)", text)
    if not found:
        raise Wrong(f"find: Invalid argument `{text}' to -size\n", 1)
    unit = UNITS[found[2] or "b"]
    return _number(found[1], lambda each: -(-size_bytes(each.node) // unit))


def _age(search: Search, text: str, unit_us: int) -> Judge:
    return _number(text, lambda found: (search.call.engine.unix_us - found.node.mtime_us) // unit_us)


def _newer(search: Search, text: str) -> Judge:
    try:
        than = search.call.files.find(search.call.path(text)).mtime_us
    except FileError as error:
        raise Wrong(f"find: ‘{text}’: {error}\n", 1) from None
    return lambda found: found.node.mtime_us > than


def _permission(search: Search, text: str) -> Judge:
    mode = changed_mode(text.lstrip("-/"), Inode(0, 0, 0, 0, 0), 0)
    if mode is None:
        raise Wrong(f"find: invalid mode ‘{text}’\n", 1)
    if text.startswith("-"):
        return lambda found: found.node.mode & mode == mode
    return (lambda found: bool(found.node.mode & mode)) if text.startswith("/") else (lambda found: found.node.mode == mode)


def _owner(search: Search, text: str, *, group: bool) -> Judge:
    number = user_id(search.call, text)
    if number is None:
        raise Wrong(f"find: ‘{text}’ is not the name of a known {'group' if group else 'user'}\n", 1)
    return lambda found: (found.node.gid if group else found.node.uid) == number


def _depths(name: str) -> Callable[[Search, str], Judge]:
    def make(search: Search, text: str) -> Judge:
        if not text.isdigit():
            raise Wrong(f"find: Expected a positive decimal integer argument to -{name}depth, but got ‘{text}’\n", 1)
        setattr(search, "most" if name == "max" else "least", int(text))
        return lambda found: True

    return make


def _kinds(search: Search, text: str) -> Judge:
    wanted = {KINDS.get(letter) for letter in text.split(",")}
    if None in wanted:
        raise Wrong(f"find: Unknown argument to -type: {text}\n", 1)
    return lambda found: found.node.kind in wanted


def _formatted(search: Search, text: str) -> Judge:
    search.acts = True
    shape = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")

    def act(found: Found) -> bool:
        fields = {"p": found.shown, "f": posixpath.basename(found.shown), "h": posixpath.dirname(found.shown) or ".",
                  "s": str(size_bytes(found.node)), "m": f"{found.node.mode:o}", "u": user_name(search.call, found.node.uid),
                  "g": user_name(search.call, found.node.gid), "y": "fdlc"[found.node.kind], "d": str(found.depth), "M": letters_of(found.node),
                  "%": "%", "P": found.shown.partition("/")[2]}
        search.call.write(re.sub(r"%([pfhsmugydMP%])", lambda each: fields[each[1]], shape))
        return True

    return act


VALUED: dict[str, Callable[[Search, str], Judge]] = {
    "-name": _name, "-iname": lambda s, t: _name(s, t, fold=True), "-path": lambda s, t: _name(s, t, whole=True),
    "-wholename": lambda s, t: _name(s, t, whole=True), "-ipath": lambda s, t: _name(s, t, whole=True, fold=True),
    "-type": _kinds, "-size": _size, "-mmin": lambda s, t: _age(s, t, MINUTE_US), "-mtime": lambda s, t: _age(s, t, DAY_US),
    "-cmin": lambda s, t: _age(s, t, MINUTE_US), "-ctime": lambda s, t: _age(s, t, DAY_US), "-amin": lambda s, t: _age(s, t, MINUTE_US),
    "-newer": _newer, "-perm": _permission, "-user": lambda s, t: _owner(s, t, group=False),
    "-group": lambda s, t: _owner(s, t, group=True), "-maxdepth": _depths("max"), "-mindepth": _depths("min"),
    "-printf": _formatted, "-links": lambda s, t: _number(t, lambda found: found.node.links),
    "-regex": lambda s, t: lambda found: bool(re.fullmatch(t, found.shown)),
}


def find(call: Call) -> Steps[int]:
    """Walk trees and judge every name."""
    words = list(call.argv)
    while words and words[0] in ("-L", "-P", "-H"):
        words.pop(0)
    starts: list[str] = []
    while words and not words[0].startswith("-") and words[0] not in ("!", "("):
        starts.append(words.pop(0))
    search = Search(call, words)
    try:
        judge: Judge = search.any() if words else lambda found: True
        if search.words:
            raise Wrong("find: invalid expression; you have too many ')'\n", 1)
    except Wrong as error:
        call.write(str(error.args[0]), "stderr")
        return int(error.args[1])
    if not search.acts:
        judge = _both(judge, lambda found: _print(search, found))
    for start in starts or ["."]:
        try:
            node = call.files.find(call.path(start), follow=start.endswith("/"))
        except FileError as error:
            search.status = call.fail(f"‘{start}’: {error}")
            continue
        yield from _walk(search, judge, Found(start, call.path(start), node, 0))
    for argv, names in search.batches:
        if names and (yield from call.run([*argv, *names])):
            search.status = 1
    return search.status


def _walk(search: Search, judge: Judge, found: Found) -> Steps[None]:
    if search.quits:
        return
    within = search.least <= found.depth <= search.most
    search.pruned = False
    if within and not search.deep:
        yield from _steps(judge(found))
    if found.node.kind == DIRECTORY and found.depth < search.most and not search.pruned:
        if not search.call.files.may(found.node, 4):
            search.status = search.call.fail(f"‘{found.shown}’: Permission denied")
        else:
            for name, child in sorted(found.node.names.items()):
                yield from _walk(search, judge, Found(
                    posixpath.join(found.shown, name), posixpath.join(found.path, name), child, found.depth + 1))
    if within and search.deep and not search.quits:
        yield from _steps(judge(found))


def which(call: Call) -> int:
    """Tell where programs are (-a)."""
    status, names = 0, [word for word in call.argv if not word.startswith("-")]
    for name in names:
        found = commands.find(call.shell, name) if "/" not in name else name if call.shell.finds(name) else None
        if found:
            call.write(found + "\n")
        else:
            status = 1
    return status if names else 1


def whereis(call: Call) -> int:
    """Tell where programs are, in whereis's form; manuals and sources are not modelled."""
    for name in [word for word in call.argv if not word.startswith("-")]:
        found = commands.find(call.shell, name)
        call.write(f"{name}:{' ' + found if found else ''}\n")
    return 0


COMMANDS.update({"find": find, "which": which, "whereis": whereis})
