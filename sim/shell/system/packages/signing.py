"""gpg and apt-key, as far as a repository's key needs them.

Models: gpg --dearmor, --import and --show-keys of a keyring file; apt-key add, list, del and its warning.
"""

from __future__ import annotations

from sim.engine import Steps
from sim.host.files import FileError
from sim.host.packages import keys
from sim.host.packages.keys import Key
from sim.shell.pipes import Call

DEPRECATED = "Warning: apt-key is deprecated. Manage keyring files in trusted.gpg.d instead (see apt-key(8)).\n"
NO_DATA = "gpg: no valid OpenPGP data found.\n"
TRUSTED, FOLDER = "/etc/apt/trusted.gpg", "/etc/apt/trusted.gpg.d"
QUIET = ("--batch", "--no-tty", "-q", "--quiet", "--no-default-keyring", "--no-keyring", "--dry-run", "-v", "--verbose", "--no-options")


def gpg(call: Call) -> Steps[int]:
    """Run gpg."""
    words, options, plain = list(call.argv), dict[str, str](), list[str]()
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name in ("-o", "--output", "--keyring", "--homedir", "--import-options", "--keyserver", "--recv-keys"):
            options[{"-o": "--output"}.get(name, name)] = value if equals else words.pop(0) if words else ""
        elif word in QUIET or word in ("--yes", "--dearmor", "--dearmour", "--import", "--show-keys", "--with-fingerprint",
                                       "--armor", "-a", "--export", "--list-keys", "-k", "--version"):
            options[{"--dearmour": "--dearmor"}.get(word, word)] = ""
        elif word.startswith("-") and word != "-":
            return call.refuse(f"gpg {word}")
        else:
            plain.append(word)
    if "--dearmor" in options:
        return (yield from _dearmor(call, options, plain))
    if "--show-keys" in options or "import-show" in options.get("--import-options", ""):
        return (yield from _show(call, plain))
    if "--version" in options:
        call.write(f"gpg (GnuPG) {call.host.packages.version('gpg').partition('-')[0]}\nlibgcrypt 1.9.4\n")
        return 0
    return call.refuse(f"gpg {' '.join(call.argv)}")


def _data(call: Call, plain: list[str]) -> Steps[bytes | None]:
    if plain and plain[0] != "-":
        try:
            return call.files.read(call.path(plain[0]))
        except FileError as error:
            call.write(f"gpg: can't open '{plain[0]}': {error}\n", "stderr")
            return None
    return (yield from call.input())


def _dearmor(call: Call, options: dict[str, str], plain: list[str]) -> Steps[int]:
    """Turn an armoured key into a binary one."""
    data = yield from _data(call, plain)
    if data is None:
        call.write("gpg: dearmoring failed: No such file or directory\n", "stderr")
        return 2
    output = options.get("--output") or (f"{plain[0]}.gpg" if plain and plain[0] != "-" else "")
    path = call.path(output) if output and output != "-" else ""
    if path and call.files.exists(path) and "--yes" not in options:
        if "--batch" in options:
            call.write("gpg: dearmoring failed: File exists\n", "stderr")
            return 2
        agreed = yield from _overwrite(call, output)
        if agreed:
            return agreed
    binary = keys.dearmoured(data)
    if binary is None:
        call.write(NO_DATA, "stderr")
        return 2
    if not path:
        call.write(binary)
        return 0
    try:
        call.files.write(path, binary)
    except FileError as error:
        call.write(f"gpg: can't create '{output}': {error}\ngpg: dearmoring failed: {error}\n", "stderr")
        return 2
    return 0


def _overwrite(call: Call, output: str) -> Steps[int]:
    """Ask at the terminal whether a file may be overwritten; gives 0 or the status."""
    if call.streams.keyboard is None:
        call.write("gpg: cannot open '/dev/tty': No such device or address\n", "stderr")
        return 2
    call.write(f"File '{output}' exists. Overwrite? (y/N) ", "stderr")
    answer = yield from call.streams.keyboard.read(b"\n")
    if answer is not None and answer.strip().lower() in (b"y", b"yes"):
        return 0
    call.write("Enter new filename: ", "stderr")
    yield from call.streams.keyboard.read(b"\n")
    call.write("gpg: signal Interrupt caught ... exiting\n", "stderr")
    return 2


def _rows(found: list[Key], trust: str = "[ unknown] ") -> str:
    return "".join(f"pub   {key.algorithm} {key.made} [SC]\n{_spaced(key)}\nuid           {trust}{key.user}\n\n" for key in found)


def _spaced(key: Key) -> str:
    groups = [key.fingerprint[at:at + 4] for at in range(0, 40, 4)]
    return "      " + " ".join(groups[:5]) + "  " + " ".join(groups[5:])


def _show(call: Call, plain: list[str]) -> Steps[int]:
    """Print the keys of a file."""
    data = yield from _data(call, plain)
    found = keys.read(keys.dearmoured(data) or data) if data else []
    if not found:
        call.write(NO_DATA, "stderr")
        return 2
    call.write("".join(f"pub   {key.algorithm} {key.made} [SC]\n      {key.fingerprint}\nuid                      {key.user}\n\n" for key in found))
    return 0


def apt_key(call: Call) -> Steps[int]:
    """Run apt-key."""
    call.write(DEPRECATED, "stderr")
    words = list(call.argv)
    ring = TRUSTED
    if words[:1] == ["--keyring"] and len(words) > 1:
        ring, words = words[1], words[2:]
    verb, rest = (words[0], words[1:]) if words else ("", [])
    if verb == "add":
        return (yield from _add(call, ring, rest))
    if verb in ("list", "finger"):
        return _list(call)
    if verb in ("del", "rm", "remove"):
        return _delete(call, rest)
    return call.refuse(f"apt-key {verb}".rstrip())


def _add(call: Call, ring: str, rest: list[str]) -> Steps[int]:
    data = yield from _data(call, rest)
    found = keys.read(keys.dearmoured(data) or data) if data else []
    if not found:
        call.write("gpg: no valid OpenPGP data found.\n", "stderr")
        return 2
    if call.login.uid != 0:
        call.write("E: This command can only be used by root.\n", "stderr")
        return 1
    path = call.path(ring)
    before = call.files.read(path) if call.files.exists(path) else b""
    for key in found:
        if key.binary() not in before:
            before += key.binary()
    call.host.files.install(path, before, mode=0o644)
    call.write("OK\n")
    return 0


def _rings(call: Call) -> list[str]:
    view = call.host.files.view()
    names = [f"{FOLDER}/{name}" for name in (view.list(FOLDER) if view.is_dir(FOLDER) else []) if name.endswith((".gpg", ".asc"))]
    return ([TRUSTED] if view.exists(TRUSTED) else []) + names


def _list(call: Call) -> int:
    view = call.host.files.view()
    for path in _rings(call):
        data = view.read(path)
        found = keys.read(keys.dearmoured(data) or data)
        if found:
            call.write(f"{path}\n{'-' * len(path)}\n{_rows(found)}")
    return 0


def _delete(call: Call, rest: list[str]) -> int:
    view = call.host.files.view()
    for word in rest:
        wanted = word.replace(" ", "").upper()
        for path in _rings(call):
            data = view.read(path)
            for key in keys.read(data):
                if key.fingerprint.endswith(wanted):
                    view.write(path, data.replace(key.binary(), b""))
    call.write("OK\n")
    return 0


