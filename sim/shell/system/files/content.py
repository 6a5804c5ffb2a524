"""cat, tee, tail -f, yes, dd, less: what passes bytes on, perhaps without end. Models: GNU coreutils, less."""

from __future__ import annotations

import re
import shlex

from sim.engine import Steps, microseconds
from sim.host.files import DEVICE, FILE, FileError
from sim.shell.pipes import COMMANDS, BrokenPipe, Call
from sim.shell.system.options import BadUsage, complain, read

CHUNK_SECONDS = 0.001
FOLLOW_SECONDS = 1.0
YES_BYTES = 8192
UNITS = {"": 1, "c": 1, "k": 1024, "K": 1024, "M": 1024**2, "G": 1024**3, "kB": 1000, "MB": 1000**2}
COPY_BYTES_MAX = 64 * 1024 * 1024


def cat(call: Call) -> Steps[int]:
    """Write files one after another; options that change what is shown are bashkit's."""
    names = [word for word in call.argv if not word.startswith("-") or word == "-"]
    if any(word.startswith("-") and word not in ("-", "-u") for word in call.argv):
        return (yield from call.native())
    status = 0
    for name in names or ["-"]:
        if name == "-":
            source = call.streams.stdin or call.streams.keyboard
            while source is not None and (chunk := (yield from source.read())):
                call.write(chunk)
            continue
        try:
            node = call.files.find(call.path(name))
            if node.kind == DEVICE and node.data in (b"zero", b"full", b"random", b"urandom"):
                yield from _endless(call, name)
            call.write(call.files.read(call.path(name)))
        except FileError as error:
            status = call.fail(f"{name}: {error}")
    yield call.engine.sleep(microseconds(CHUNK_SECONDS))
    return status


def _endless(call: Call, name: str) -> Steps[None]:
    """Pass on a device that never ends; whoever reads decides how much is enough."""
    while True:
        call.write(call.files.read(call.path(name)))
        yield call.engine.sleep(microseconds(CHUNK_SECONDS))
        yield from call.room()


def tee(call: Call) -> Steps[int]:
    """Copy standard input to files and on (-a)."""
    try:
        given = read(call, "aip", {"append": "a", "ignore-interrupts": "i"})
    except BadUsage as error:
        return complain(call, error)
    status, handles = 0, []
    for name in given.operands:
        try:
            handles.append(call.files.open(call.path(name), keep="a" in given))
        except FileError as error:
            status = call.fail(f"{name}: {error}")
    source = call.streams.stdin or call.streams.keyboard
    while source is not None and (chunk := (yield from source.read())):
        call.write(chunk)
        for name, handle in zip(given.operands, handles, strict=False):
            try:
                handle.write(chunk)
            except FileError as error:
                status = call.fail(f"{name}: {error}")
    return status


def yes(call: Call) -> Steps[int]:
    """Repeat a line until nobody reads it."""
    chunk = (" ".join(call.argv) or "y").encode() + b"\n"
    try:
        while True:
            call.write(chunk * max(1, YES_BYTES // len(chunk)))
            yield call.engine.sleep(microseconds(CHUNK_SECONDS))
            yield from call.room()
    except BrokenPipe:
        return 141


def tail(call: Call) -> Steps[int]:
    """Show the ends of files, and with -f what is added to them; without -f it is bashkit's."""
    follows = [word for word in call.argv if word in ("-f", "-F", "--follow") or re.fullmatch(r"-\d+f|-fn?\d*|-\d*F", word)]
    if not follows:
        return (yield from _plain_tail(call))
    words: list[str] = []
    for word in call.argv:
        number = re.sub(r"[fF]", "", word) if word in follows else word
        if word not in follows or number not in ("-", "--ollow"):
            words.append(number)
    values = {word for before, word in zip(words, words[1:], strict=False) if before in ("-n", "-c")}
    names = [word for word in words if not word.startswith("-") and word not in values]
    if not names:
        return (yield from call.shell.filtered("tail", shlex.join(["tail", *words]), words, call.streams))
    yield from call.shell.filtered("tail", shlex.join(["tail", *words]), words, call.streams)
    sizes = {name: _size(call, name) for name in names}
    if all(size < 0 for size in sizes.values()):
        call.write("tail: no files remaining\n", "stderr")
        return 1
    while True:
        yield call.engine.sleep(microseconds(FOLLOW_SECONDS))
        for name in names:
            size = _size(call, name)
            if size > sizes[name] >= 0:
                head = f"\n==> {name} <==\n" if len(names) > 1 else ""
                call.write(head.encode() + call.files.read(call.path(name))[sizes[name]:])
            elif size < sizes[name]:
                call.write(f"tail: {name}: file truncated\n", "stderr")
            sizes[name] = size


def _plain_tail(call: Call) -> Steps[int]:
    values = {number + 1 for number, word in enumerate(call.argv) if re.fullmatch(r"-[a-z]*[nc]|--lines|--bytes", word)}
    names = [word for number, word in enumerate(call.argv) if not word.startswith(("-", "+")) and number not in values]
    missing = [name for name in names if not call.files.exists(call.path(name))]
    for word in missing:
        call.write(f"tail: cannot open '{word}' for reading: No such file or directory\n", "stderr")
    if missing and missing == names:
        return 1
    words = [word for number, word in enumerate(call.argv) if word not in missing or number in values]
    status = yield from call.shell.filtered("tail", shlex.join(["tail", *words]), words, call.streams)
    return 1 if missing else status


def _size(call: Call, name: str) -> int:
    try:
        return len(call.files.read(call.path(name)))
    except FileError:
        return -1


def less(call: Call) -> Steps[int]:
    """Show files whole: a pager that nobody pages."""
    names = [word for word in call.argv if not word.startswith(("-", "+"))]
    if not names:
        call.write((yield from call.input()))
        return 0
    for name in names:
        try:
            if call.files.is_dir(call.path(name)):
                call.write(f"{name} is a directory\n")
                continue
            call.write(call.files.read(call.path(name)))
        except FileError as error:
            call.write(f"{name}: {error}\n")
    return 0


def _put_blocks(call: Call, given: dict[str, str], data: bytes, size: int) -> None:
    """Write dd's output: behind so many blocks of what is there; what comes after stays with conv=notrunc. Raises FileError."""
    at = (_amount(given.get("seek", "0")) or 0) * size
    handle = call.files.open(call.path(given["of"]), keep=True)
    there = handle.node.data if handle.node.kind == FILE else b""
    rest = there[at + len(data):] if "notrunc" in given.get("conv", "") else b""
    call.files.put(handle.node, call.path(given["of"]), there[:at].ljust(at, b"\0") + data + rest)


def dd(call: Call) -> Steps[int]:
    """Copy blocks (if, of, bs, count, skip, seek, status; conv only notrunc)."""
    given = dict(word.split("=", 1) for word in call.argv if "=" in word)
    if bad := [word for word in call.argv if word.partition("=")[0] not in ("if", "of", "bs", "count", "skip", "seek", "status", "conv", "oflag", "iflag")]:
        call.write(f"dd: unrecognized operand ‘{bad[0]}’\nTry 'dd --help' for more information.\n", "stderr")
        return 1
    size = _amount(given.get("bs", "512"))
    count = _amount(given["count"]) if "count" in given else None
    if size is None or size == 0 or ("count" in given and count is None):
        call.write(f"dd: invalid number: ‘{given.get('bs') if not size else given.get('count')}’\n", "stderr")
        return 1
    skip = (_amount(given.get("skip", "0")) or 0) * size
    endless = given.get("if") in ("/dev/zero", "/dev/urandom", "/dev/random")
    if endless and (count is None or count * size > COPY_BYTES_MAX):
        call.write(f"dd: error writing '{given.get('of', 'standard output')}': No space left on device\n", "stderr")
        return 1
    try:
        data = bytes(count * size) if endless and count is not None and given["if"] == "/dev/zero" else (
            call.files.read(call.path(given["if"])) if "if" in given else (yield from call.input()))
    except FileError as error:
        call.write(f"dd: failed to open '{given['if']}': {error}\n", "stderr")
        return 1
    while endless and count is not None and len(data) < count * size:
        data += call.files.read(call.path(given["if"]))
    data = data[skip:] if count is None else data[skip:skip + count * size]
    blocks, written, status = f"{len(data) // size}+{int(len(data) % size > 0)}", len(data), 0
    out_blocks = blocks
    try:
        if "of" in given:
            _put_blocks(call, given, data, size)
        else:
            call.write(data)
    except FileError as error:
        what = "error writing" if "space" in str(error) else "failed to open"
        call.write(f"dd: {what} '{given['of']}': {error}\n", "stderr")
        if what == "failed to open":
            return 1
        status, written, out_blocks = 1, 0, "0+0"
        blocks = "1+0"
    seconds = max(written / 1e9, 1e-5)
    yield call.engine.sleep(microseconds(seconds))
    if given.get("status") != "none":
        call.write(f"{blocks} records in\n{out_blocks} records out\n{_amounts(written)} copied, {seconds:g} s, "
                   f"{'1.0 GB' if written else '0.0 kB'}/s\n", "stderr")
    return status


def _amount(text: str) -> int | None:
    found = re.fullmatch(r"(\d+)(c|k|K|M|G|kB|MB|)", text)
    return int(found[1]) * UNITS[found[2]] if found else None


def _amounts(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    power = next(power for power in (1, 2, 3) if size < 1000 ** (power + 1))
    decimal, binary = size / 1000**power, size / 1024**power
    return (f"{size} bytes ({decimal:.{1 if decimal < 10 else 0}f} {' kMG'[power]}B, "
            f"{binary:.{1 if binary < 10 else 0}f} {' KMG'[power]}iB)" if binary >= 1 else f"{size} bytes ({decimal:.1f} kB)")


COMMANDS.update({"cat": cat, "tee": tee, "yes": yes, "tail": tail, "less": less, "more": less, "dd": dd})
