"""bash, env, xargs, nohup and their kin: programs that run other programs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.options import BadUsage, complain, read

DEPTH_MAX = 16
OPTIONS = frozenset("ceuxlsivfC")
TAKES_VALUE = {"nice": ("-n",), "nohup": (), "setsid": (), "stdbuf": ("-o", "-e", "-i")}


def bash(call: Call) -> Steps[int]:
    """Run a script, a text (-c) or standard input in a new shell; without any of them, a new prompt."""
    words, options = list(call.argv), ""
    named: list[str] = []
    while words and (words[0].startswith("-") or words[0].startswith("+o")) and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        if option in ("-o", "+o") and words:
            named.append(f"{option} {words.pop(0)}")
        elif option not in ("--login", "--norc", "--noprofile", "--posix"):
            options += option[1:]
    if option_left := set(options) - OPTIONS - {"o"}:
        call.write(f"{call.name}: -{min(option_left)}: invalid option\n", "stderr")
        return 2
    if "o" in options and words:
        named.append(f"-o {words.pop(0)}")
    name, text = call.name, ""
    if "c" in options:
        if not words:
            call.write(f"{name}: -c: option requires an argument\n", "stderr")
            return 2
        text, name, words = words[0], words[1] if len(words) > 1 else name, words[2:]
    elif words and "s" not in options:
        name, *words = words
        found = _script(call, name)
        if isinstance(found, int):
            return found
        text = found
    elif call.streams.stdin is not None:
        text = (yield from call.streams.stdin.rest()).decode(errors="replace")
    elif call.streams.keyboard is not None:
        return (yield from enter(call, call.login.user, farewell="exit"))
    if call.shell.depth >= DEPTH_MAX:
        call.write(f"{call.name}: fork: retry: Resource temporarily unavailable\n", "stderr")
        return 254
    setting = " ".join([*(f"-{letter}" for letter in options if letter in "euxvfC"), *named])
    return (yield from call.shell.apart(text, call.env, call.streams, name=name, is_text="c" in options, arguments=words,
                                        first=f"set {setting}" if setting else ""))


def enter(call: Call, user: str, *, farewell: str, name: str = "bash", home: bool = False) -> Steps[int]:
    """Put a login of a user on this host on top of the terminal; gives the status of its end."""
    from sim.shell.login import Login

    login = Login(call.login.terminal, call.host, user, farewell=farewell, name=name)
    if not home:
        login.shell.go_to(call.shell.folder)
    assert call.shell.job is not None
    return (yield from call.login.terminal.enter(login, call.shell.job))


def as_user(call: Call, user: str, argv: list[str], env: Mapping[str, str], *, home: bool = False, text: str = "") -> Steps[int]:
    """Run a program, or a text, on this host as another user."""
    from sim.shell.login import Login

    login = Login(call.login.terminal, call.host, user, name="bash")
    login.sink, login.job = call.login.sink, call.login.job
    login.shell.job, login.shell.interactive, login.shell.is_text = call.shell.job, False, True
    if not home:
        login.shell.go_to(call.shell.folder)
    known = {**env, "HOME": login.home, "USER": user, "LOGNAME": user}
    if text:
        return (yield from login.shell.apart(text, known, call.streams, name="bash", is_text=True))
    return (yield from login.shell.invoke(argv, known, call.streams))


def _script(call: Call, name: str) -> str | int:
    try:
        data = call.files.read(call.path(name))
    except FileError as error:
        said = "Is a directory" if str(error) == "Is a directory" else str(error)
        call.write(f"{call.name}: {name}: {said}\n", "stderr")
        return 127 if "No such" in said else 126
    if b"\0" in data[:80] or data.startswith(b"#!simulated"):
        call.write(f"{name}: {name}: cannot execute binary file\n", "stderr")
        return 126
    return data.decode(errors="replace")


def env(call: Call) -> Steps[int]:
    """Print the environment, or run a command in another one (-i, -u NAME, NAME=VALUE)."""
    words, known = list(call.argv), dict(call.env)
    while words and (words[0].startswith("-") or "=" in words[0]):
        word = words.pop(0)
        if word in ("-i", "-", "--ignore-environment"):
            known.clear()
        elif word in ("-u", "--unset") and words:
            known.pop(words.pop(0), None)
        elif "=" in word and not word.startswith("-"):
            known[word.partition("=")[0]] = word.partition("=")[2]
        elif word == "-S" and words:
            words = words[0].split() + words[1:]
        else:
            return call.refuse(f"env {word}")
    if not words:
        for name, value in sorted(known.items()):
            call.write(f"{name}={value}\n")
        return 0
    if not call.shell.finds(words[0]):
        return call.fail(f"‘{words[0]}’: No such file or directory", 127)
    return (yield from call.shell.invoke(words, known, call.streams))


def printenv(call: Call) -> int:
    """Print variables of the environment."""
    names = [word for word in call.argv if not word.startswith("-")]
    for name in names or sorted(call.env):
        if name in call.env:
            call.write(f"{call.env[name]}\n" if names else f"{name}={call.env[name]}\n")
    return int(any(name not in call.env for name in names))


def plainly(call: Call) -> Steps[int]:
    """Run the rest of the words: nohup, nice, setsid, stdbuf."""
    words = list(call.argv)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in TAKES_VALUE[call.name] and words:
            words.pop(0)
    if not words:
        if call.name == "nice":
            call.write("0\n")
            return 0
        call.write(f"{call.name}: missing operand\nTry '{call.name} --help' for more information.\n", "stderr")
        return 125
    if not call.shell.finds(words[0]):
        return call.fail(f"failed to run command '{words[0]}': No such file or directory", 127)
    if call.name == "nohup" and call.streams.keyboard is not None and call.streams.stdin is None:
        call.write("nohup: ignoring input\n", "stderr")
    return (yield from call.run(words))


# ---- xargs ---------------------------------------------------------------------------------------------------------
def xargs(call: Call) -> Steps[int]:
    """Run a command with words from standard input (-n -L -I -i -0 -d -r -t -P -a -s)."""
    try:
        given = read(call, "n:L:I:0d:rtP:a:s:xpE:", {"null": "0", "max-args": "n", "max-lines": "L", "replace": "I", "delimiter": "d",
                                                  "no-run-if-empty": "r", "verbose": "t", "max-procs": "P", "arg-file": "a"}, mixed=False)
    except BadUsage as error:
        return complain(call, error)
    if "p" in given:
        return call.refuse("xargs -p")
    if "a" in given:
        try:
            text = call.files.read(call.path(given.get("a"))).decode(errors="replace")
        except FileError as error:
            return call.fail(f"Cannot open input file '{given.get('a')}': {error}")
    else:
        text = (yield from call.input()).decode(errors="replace")
    mark = given.get("I") if "I" in given else ""
    items = _items(text, mark, given.get("d").encode().decode("unicode_escape") if "d" in given else "\0" if "0" in given else "",
                   by_line="L" in given)
    if isinstance(items, str):
        return call.fail(items)
    base = given.operands or ["echo"]
    size = 1 if mark or "L" in given and given.get("L") == "1" else int(given.get("n") or given.get("L") or 0) or len(items) or 1
    if not call.shell.finds(base[0]):
        return call.fail(f"{base[0]}: No such file or directory", 127)
    status = 0
    for at in range(0, max(len(items), 0 if mark or "r" in given else 1), size):
        chunk = items[at:at + size]
        chunk = [word for line in chunk for word in line.split()] if "L" in given else chunk
        argv = [word.replace(mark, chunk[0]) for word in base] if mark else [*base, *chunk]
        if "t" in given:
            call.write(" ".join(argv) + "\n", "stderr")
        done = yield from call.run(argv)
        if done == 255:
            return call.fail(f"{base[0]}: exited with status 255; aborting", 124)
        status = done if done in (126, 127) else 123 if done else status
    return status


def _items(text: str, mark: str, separator: str, *, by_line: bool) -> list[str] | str:
    """Cut the input into words as xargs does; a text is what is wrong with it."""
    if separator:
        items = text.split(separator)
        return items[:-1] if items[-1] in ("", "\n") else items
    if by_line:
        return [line for line in text.split("\n") if line.strip()]
    if mark:
        return [line.lstrip() for line in text.split("\n") if line.strip()]
    items, word, at, begun = [], "", 0, False
    while at < len(text):
        letter = text[at]
        if letter in "'\"":
            end = text.find(letter, at + 1)
            if end < 0 or "\n" in text[at:end]:
                kind = "single" if letter == "'" else "double"
                return f"unmatched {kind} quote; by default quotes are special to xargs unless you use the -0 option"
            word, at, begun = word + text[at + 1:end], end, True
        elif letter == "\\":
            word, at, begun = word + text[at + 1:at + 2], at + 1, True
        elif re.match(r"\s", letter):
            items += [word] if begun or word else []
            word, begun = "", False
        else:
            word, begun = word + letter, True
        at += 1
    return [*items, word] if begun or word else items


COMMANDS.update({
    "bash": bash, "sh": bash, "dash": bash, "env": env, "printenv": printenv, "xargs": xargs, "nohup": plainly, "nice": plainly,
    "setsid": plainly, "stdbuf": plainly})
