"""Builtins that read: read, mapfile. From a terminal they wait for what is typed."""

from __future__ import annotations

import re
import shlex

from sim.engine import Steps, microseconds
from sim.shell.pipes import BUILTINS, Call, Pipe

READ_VALUES = "adinNptu"
TIMED_OUT = 142


def _source(call: Call, descriptor: str) -> Pipe | None:
    if descriptor:
        end = call.streams.others.get(int(descriptor)) if descriptor != "0" else call.streams.stdin
        return end if isinstance(end, Pipe) else None
    return call.streams.stdin or call.streams.keyboard


def read(call: Call) -> Steps[int]:
    """Read one line into variables (-r -a -d -n -N -p -s -t -u)."""
    flags, names, given = "", [], {}
    words = list(call.argv)
    while words:
        word = words.pop(0)
        if not re.fullmatch(r"-[A-Za-z]+.*", word) or word == "-":
            names = [word, *words]
            break
        for at, letter in enumerate(word[1:], 1):
            if letter in READ_VALUES:
                given[letter] = word[at + 1:] or (words.pop(0) if words else "")
                break
            if letter not in "rse":
                call.shell.complain(f"read: -{letter}: invalid option", call.streams)
                call.write("read: usage: read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] "
                           "[-t timeout] [-u fd] [name ...]\n", "stderr")
                return 2
            flags += letter
    for name in names:
        if not re.fullmatch(r"[A-Za-z_]\w*(\[.*\])?", name):
            return call.shell.complain(f"read: `{name}': not a valid identifier", call.streams)
    if given.get("u", "0") != "0" and (not given["u"].isdigit() or int(given["u"]) not in call.streams.others):
        return call.shell.complain(f"read: {given['u']}: invalid file descriptor: Bad file descriptor", call.streams)
    source = _source(call, given.get("u", ""))
    if "p" in given and source is not None and source.terminal:
        call.write(given["p"], "stderr")
    return (yield from _assigned(call, source, flags, names, given))


def _assigned(call: Call, source: Pipe | None, flags: str, names: list[str], given: dict[str, str]) -> Steps[int]:
    mark = given["d"].encode()[:1] or b"\0" if "d" in given else b"\n"
    line: bytes | None = None
    if source is not None:
        limit = int(given.get("n") or given.get("N") or 0)
        steps = source.read(b"" if "N" in given else mark, limit=limit)
        line = yield from (_in_time(call, steps, source, given["t"]) if "t" in given else steps)
        if line is None and "t" in given and not source.closed:
            return TIMED_OUT
    ended = line is not None and (line.endswith(mark) or ("n" in given and len(line) == int(given["n"])) or (
        "N" in given and len(line) == int(given["N"])))
    text = (line or b"").removesuffix(mark).replace(b"\0", b"")
    while line is not None and "r" not in flags and mark == b"\n" and re.search(rb"(?<!\\)(\\\\)*\\\Z", text) and ended:
        assert source is not None
        more = yield from source.read(mark)
        text = text[:-1] + (more or b"").removesuffix(mark)
    target = [f"-a {shlex.quote(given['a'])}"] if "a" in given else [shlex.quote(name) for name in names]
    separators = f"IFS={shlex.quote(call.env['IFS'])} " if "IFS" in call.env else ""
    if "N" in given:
        call.shell.bash.execute_sync(f"{names[0] if names else 'REPLY'}={shlex.quote(text.decode(errors='replace'))}")
        return 0 if ended else 1
    raw = "-r " if "r" in flags or not target else ""
    if not target:
        call.shell.bash.execute_sync(f"REPLY={shlex.quote(text.decode(errors='replace'))}")
        return 0 if ended else 1
    status = call.shell.native(f"{separators}read {raw}{' '.join(target)}", call.streams, text + b"\n")
    return status if ended else 1


def _in_time(call: Call, steps: Steps[bytes | None], source: Pipe, seconds: str) -> Steps[bytes | None]:
    """Read for so long at most; None when the time ran out."""
    process = call.login.spawn(steps, call.shell.job)
    limit = call.engine.sleep(microseconds(float(seconds) if re.fullmatch(r"[\d.]+", seconds) else 0))
    yield call.engine.any_of([process, limit])
    if process.is_alive:
        process.interrupt()
        return None
    value = process.value
    return value if isinstance(value, bytes) else None


def lines(call: Call) -> Steps[int]:
    """Read all lines into an array (`mapfile`, `readarray`)."""
    source = _source(call, "")
    data = (yield from source.rest()) if source is not None else b""
    return call.shell.native(shlex.join([call.name, *call.argv]), call.streams, data.replace(b"\0", b""))


BUILTINS.update({"read": read, "mapfile": lines, "readarray": lines})
