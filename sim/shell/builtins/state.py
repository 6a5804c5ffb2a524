"""Builtins that tell or change the state of the shell which bashkit does not keep: set, trap, umask, alias, type, hash."""

from __future__ import annotations

import posixpath
import re
import shlex

from sim.host.files import DIRECTORY, FileError
from sim.shell.pipes import BUILTINS, Call
from sim.shell.walker import commands
from sim.shell.walker.shell import OPTIONS

NAMES = sorted({*OPTIONS.values(), "pipefail", "posix", "emacs", "vi", "history", "ignoreeof", "interactive-comments", "keyword",
                "errtrace", "functrace", "nolog", "onecmd", "physical", "privileged"})
ON_AT_FIRST = frozenset(("braceexpand", "hashall", "interactive-comments"))
ON_WHEN_TYPED = frozenset(("emacs", "histexpand", "history", "monitor"))
TOLD_BASHKIT = frozenset(("nounset", "noglob", "allexport"))
REFUSED = frozenset(("posix", "keyword", "onecmd", "physical", "privileged"))
KEYWORDS = frozenset(("if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in",
                      "function", "time", "{", "}", "!", "[[", "]]", "coproc"))
SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "USR1": 10, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
           "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "WINCH": 28}
PSEUDO_SIGNALS = ("EXIT", "ERR", "RETURN", "DEBUG")


def options(call: Call) -> int:
    """Set options and positional parameters (`set`)."""
    shell, words = call.shell, list(call.argv)
    if not words:
        return _variables(call)
    while words:
        word = words.pop(0)
        if word in ("-o", "+o"):
            if not words:
                return _tell_options(call, again=word == "+o")
            if not _switch(call, words.pop(0), on=word == "-o"):
                return 2
        elif word in ("--", "-"):
            shell.arguments(words)
            return 0
        elif re.fullmatch(r"[-+]\w+", word):
            for letter in word[1:]:
                if letter == "o" and words:
                    if not _switch(call, words.pop(0), on=word[0] == "-"):
                        return 2
                elif letter not in OPTIONS and letter not in "ETo":
                    shell.complain(f"set: -{letter}: invalid option", call.streams)
                    call.write("set: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]\n", "stderr")
                    return 2
                elif letter in OPTIONS:
                    _switch(call, OPTIONS[letter], on=word[0] == "-")
        else:
            shell.arguments([word, *words])
            return 0
    return 0


def _switch(call: Call, name: str, *, on: bool) -> bool:
    if name not in NAMES:
        call.shell.complain(f"set: {name}: invalid option name", call.streams)
        return False
    if name in REFUSED and on:
        call.refuse(f"set -o {name}")
        return True
    call.shell.options[name] = on
    letters = [short for short, known in OPTIONS.items() if known in TOLD_BASHKIT and call.shell.option(known)]
    call.shell.preset = f"set -{''.join(letters)}\n" if letters else ""
    return True


def _tell_options(call: Call, *, again: bool) -> int:
    for name in NAMES:
        on = call.shell.options.get(name, name in ON_AT_FIRST or (call.shell.interactive and name in ON_WHEN_TYPED))
        call.write(f"set {'-' if on else '+'}o {name}\n" if again else f"{name:<15}\t{'on' if on else 'off'}\n")
    return 0


def _variables(call: Call) -> int:
    text = call.shell.bash.execute_sync("set").stdout
    for line in text.splitlines():
        if not line.startswith("__"):
            call.write(line + "\n")
    return 0


def change_folder(call: Call) -> int:
    """Change the working directory (`cd`): the host's permissions decide."""
    shell, words = call.shell, [word for word in call.argv if word not in ("-P", "-L", "--", "-e")]
    if len(words) > 1:
        return shell.complain("cd: too many arguments", call.streams)
    target = words[0] if words else shell.value("HOME")
    if not words and not target:
        return shell.complain("cd: HOME not set", call.streams)
    if target == "-":
        target = shell.value("OLDPWD")
        if not target:
            return shell.complain("cd: OLDPWD not set", call.streams)
    path = posixpath.normpath(shell.path(target or "."))
    try:
        node = call.files.find(path)
        if node.kind != DIRECTORY:
            return shell.complain(f"cd: {target}: Not a directory", call.streams)
        if not call.files.may(node, 1):
            return shell.complain(f"cd: {target}: Permission denied", call.streams)
    except FileError as error:
        return shell.complain(f"cd: {target}: {error}", call.streams)
    shell.bash.execute_sync(f"cd {shlex.quote(path)}")
    if words == ["-"]:
        call.write(f"{path}\n")
    return 0


def shift(call: Call) -> int:
    """Drop the first positional parameters."""
    shell, word = call.shell, call.argv[0] if call.argv else "1"
    if not word.isdigit():
        return shell.complain(f"shift: {word}: numeric argument required", call.streams)
    if int(word) > len(shell.positional):
        return 1
    shell.arguments(shell.positional[int(word):])
    return 0


def trap(call: Call) -> int:
    """Say what to do at a signal or at the end. DEBUG is refused."""
    shell, words = call.shell, list(call.argv)
    if words and words[0] == "--":
        words.pop(0)
    if words and words[0] == "-l":
        return signals(call)
    if not words or words[0] == "-p":
        wanted = [_signal(word) for word in words[1:]]
        for name, text in sorted(shell.traps.items(), key=lambda item: SIGNALS.get(item[0], 0)):
            if not wanted or name in wanted:
                call.write(f"trap -- {_single(text)} {'' if name in PSEUDO_SIGNALS else 'SIG'}{name}\n")
        return 0
    text, names = (words[0], words[1:]) if len(words) > 1 else ("-", words)
    status = 0
    for word in names:
        name = _signal(word) or ""
        if not name:
            status = shell.complain(f"trap: {word}: invalid signal specification", call.streams)
        elif name == "DEBUG":
            status = call.refuse("trap DEBUG")
        elif text == "-":
            shell.traps.pop(name, None)
        else:
            shell.traps[name] = text
    return status


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _signal(word: str) -> str | None:
    name = word.upper().removeprefix("SIG")
    if word == "0":
        return "EXIT"
    if word.isdigit():
        return next((known for known, number in SIGNALS.items() if number == int(word)), None)
    return name if name in SIGNALS or name in PSEUDO_SIGNALS else None


def signals(call: Call) -> int:
    """List the signals (`trap -l`, `kill -l`)."""
    return call.shell.native("kill -l", call.streams)


def umask(call: Call) -> int:
    """Tell or set the mask of new files."""
    words = [word for word in call.argv if word not in ("-S", "-p")]
    if not words:
        mask = call.shell.umask
        if "-S" in call.argv:
            bits = ["".join(letter for at, letter in enumerate("rwx") if not mask >> shift & 4 >> at) for shift in (6, 3, 0)]
            call.write(f"u={bits[0]},g={bits[1]},o={bits[2]}\n")
        else:
            call.write(f"{mask:04o}\n")
        return 0
    if not re.fullmatch(r"[0-7]{1,4}", words[0]):
        return call.shell.complain(f"umask: `{words[0][:1]}': invalid symbolic mode character", call.streams)
    call.shell.umask = int(words[0], 8)
    call.login.view.umask = call.shell.umask
    return 0


def alias(call: Call) -> int:
    """Tell or define aliases; those of a line take effect on the next."""
    shell, status = call.shell, 0
    for word in call.argv or sorted(shell.aliases):
        name, mark, value = word.partition("=")
        if name == "-p":
            continue
        if mark:
            shell.aliases[name] = value
        elif name in shell.aliases:
            call.write(f"alias {name}={_single(shell.aliases[name])}\n")
        else:
            status = shell.complain(f"alias: {name}: not found", call.streams)
    return status


def unalias(call: Call) -> int:
    """Forget aliases."""
    status = 0
    for word in call.argv:
        if word == "-a":
            call.shell.aliases.clear()
        elif call.shell.aliases.pop(word, None) is None:
            status = call.shell.complain(f"unalias: {word}: not found", call.streams)
    return status


def unset(call: Call) -> int:
    """Forget variables and functions."""
    names = [word for word in call.argv if not word.startswith("-")]
    flags = "".join(word[1:] for word in call.argv if word.startswith("-"))
    shell, status = call.shell, 0
    for name in names:
        known = shell.bash.execute_sync(f"declare -p {shlex.quote(name)} 2>/dev/null").exit_code == 0
        if "v" not in flags and name in shell.functions and ("f" in flags or not known):
            del shell.functions[name]
            shell.bash.execute_sync(f"unset -f {shlex.quote(name)}")
        elif "f" not in flags:
            status = max(status, shell.native(f"unset {shlex.quote(name)}", call.streams))
    return status


# ---- what a name means ---------------------------------------------------------------------------------------------
def kind(call: Call) -> int:
    """Tell what names mean (`type`)."""
    words = list(call.argv)
    flags = ""
    while words and re.fullmatch(r"-[afptP]+", words[0]):
        flags += words.pop(0)[1:]
    if not ("t" in flags or "p" in flags or "P" in flags):
        return describe(call, words, short=False, every="a" in flags)
    status = 0
    for word in words:
        what, where = _meaning(call, word)
        if not what:
            status = 1
        elif "t" in flags:
            call.write(what + "\n")
        elif what == "file" or ("P" in flags and (where := commands.find(call.shell, word) or "")):
            call.write(where + "\n")
    return status


def _meaning(call: Call, word: str) -> tuple[str, str]:
    shell = call.shell
    if word in shell.aliases and shell.interactive:
        return "alias", shell.aliases[word]
    if word in KEYWORDS:
        return "keyword", ""
    if word in shell.functions:
        return "function", ""
    if word in BUILTINS or word in commands.NATIVE_BUILTINS or word in commands.REFUSED_BUILTINS or word in (
            "declare", "typeset", "local"):
        return "builtin", ""
    if "/" in word:
        try:
            return ("file", word) if call.files.may(call.files.find(call.path(word)), 1) else ("", "")
        except FileError:
            return "", ""
    found = commands.find(shell, word)
    return ("file", found) if found else ("", "")


def describe(call: Call, words: list[str], *, short: bool, every: bool = False) -> int:
    """Say what names mean, as `type` and `command -v` do."""
    status = 0
    for word in words:
        what, where = _meaning(call, word)
        hashed = call.shell.hashed.get(word) == where and "/" not in word
        texts = {
            "alias": f"alias {word}={_single(where)}" if short else f"{word} is aliased to `{where}'",
            "keyword": word if short else f"{word} is a shell keyword", "builtin": word if short else f"{word} is a shell builtin",
            "function": word if short else f"{word} is a function\n{_source(call, word)}",
            "file": where if short else f"{word} is hashed ({where})" if hashed and not every else f"{word} is {where}"}
        if what:
            call.write(texts[what] + "\n")
            if every and what != "file" and (path := commands.find(call.shell, word)):
                call.write(f"{word} is {path}\n")
        else:
            status = 1 if short else call.shell.complain(f"{call.name}: {word}: not found", call.streams)
    return status


def _source(call: Call, name: str) -> str:
    return call.shell.bash.execute_sync(f"declare -f {shlex.quote(name)}").stdout.rstrip("\n")


def remembered(call: Call) -> int:
    """Tell or forget where programs were found (`hash`)."""
    shell, status = call.shell, 0
    if "-r" in call.argv:
        shell.hashed.clear()
    elif not call.argv:
        rows = "".join(f"   1\t{path}\n" for path in shell.hashed.values())
        call.write(f"hits\tcommand\n{rows}" if rows else "hash: hash table empty\n")
    for word in call.argv:
        if not word.startswith("-"):
            path = commands.find(shell, word)
            if path is None:
                status = shell.complain(f"hash: {word}: not found", call.streams)
            else:
                shell.hashed[word] = path
    return status


def times(call: Call) -> int:
    """Tell processor times, which are not modelled: all zero."""
    call.write("0m0.000s 0m0.000s\n0m0.000s 0m0.000s\n")
    return 0


def history(call: Call) -> int:
    """List the lines typed at this login; -c forgets them, a number shows so many."""
    lines = call.login.history
    words = list(call.argv)
    if words == ["-c"]:
        lines.clear()
        return 0
    if call.shell.depth:  # a script has no history
        return 0
    if words and not words[0].isdigit():
        return call.refuse(f"history {words[0]}")
    first = max(0, len(lines) - int(words[0])) if words else 0
    for number, line in enumerate(lines[first:], first + 1):
        call.write(f"{number:5}  {line}\n")
    return 0


def refused(call: Call) -> int:
    """Say that a builtin is not modelled."""
    return call.refuse(f"bash {call.name}")


BUILTINS.update({
    "set": options, "trap": trap, "umask": umask, "alias": alias, "unalias": unalias, "unset": unset, "shift": shift, "cd": change_folder, "type": kind,
    "hash": remembered, "times": times, "history": history, "fc": refused})
