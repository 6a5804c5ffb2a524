"""tar and gzip -t. Models: GNU tar: -c -x -t -v -z -f -C -p -k --strip-components, and its complaints.

An archive is a real tar file, byte for byte the same in every run; owners, modes and times come back.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import re
import tarfile
import zlib
from dataclasses import dataclass, field

from sim.engine import Steps
from sim.host.files import DIRECTORY, LINK, FileError, Inode
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.files.attributes import letters_of, user_name, written

HINT = "Try 'tar --help' or 'tar --usage' for more information.\n"
NO_ACTION = "You must specify one of the '-Acdtrux', '--delete' or '--test-label' options\n" + HINT
LONG = {"create": "c", "extract": "x", "get": "x", "list": "t", "verbose": "v", "gzip": "z", "file": "f", "directory": "C",
        "preserve-permissions": "p", "keep-old-files": "k", "strip-components": "S", "exclude": "X", "absolute-names": "P",
        "overwrite": "o", "no-same-owner": "o", "same-owner": "o", "wildcards": "o", "numeric-owner": "o"}
FATAL = "Error is not recoverable: exiting now"
DELAYED = "Exiting with failure status due to previous errors"


@dataclass
class Asked:
    """What was asked of tar."""

    flags: str = ""
    file: str = ""
    folder: str = ""
    strip: int = 0
    excluded: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def _read(words: list[str]) -> Asked | str:
    """Read tar's words; gives what is not modelled as text."""
    asked = Asked()
    if words and not words[0].startswith("-"):
        words = ["-" + words[0], *words[1:]]
        old_letters = words[0]
        values = [letter for letter in old_letters if letter in "fC"]
        rest = words[1 + len(values):]
        for letter, value in zip(values, words[1:], strict=False):
            rest = [f"-{letter}", value, *rest]
        words = ["-" + re.sub("[-fC]", "", old_letters), *rest]
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            if name not in LONG:
                return word
            letter = LONG[name]
            if letter in "fCSX":
                _value(asked, letter, value or (words.pop(0) if words else ""))
            else:
                asked.flags += letter
        elif word.startswith("-") and len(word) > 1:
            for at, letter in enumerate(word[1:], 1):
                if letter in "fC":
                    _value(asked, letter, word[at + 1:] or (words.pop(0) if words else ""))
                    break
                if letter not in "cxtvzpkPom":
                    return f"-{letter}"
                asked.flags += letter
        else:
            asked.names.append(word)
    return asked


def _value(asked: Asked, letter: str, value: str) -> None:
    if letter == "f":
        asked.file = value
    elif letter == "C":
        asked.folder = value
    elif letter == "S":
        asked.strip = int(value) if value.isdigit() else 0
    else:
        asked.excluded.append(value)


def tar(call: Call) -> Steps[int]:
    """Pack, unpack and list archives."""
    asked = _read([word for word in call.argv if word != "-"] if call.argv[-1:] != ["-"] else list(call.argv))
    if isinstance(asked, str):
        return call.refuse(f"tar {asked}")
    action = next((letter for letter in asked.flags if letter in "cxt"), "")
    if not action:
        call.write(f"tar: {NO_ACTION}", "stderr")
        return 2
    if asked.folder and not call.files.is_dir(call.path(asked.folder)):
        call.write(f"tar: {asked.folder}: Cannot open: No such file or directory\ntar: {FATAL}\n", "stderr")
        return 2
    if action == "c":
        return _create(call, asked)
    data = yield from _archive(call, asked)
    if isinstance(data, int):
        return data
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            members = [member for member in archive.getmembers() if _wanted(asked, member.name)]
            missing = [name for name in asked.names if not any(_under(member.name, name) for member in members)]
            status = _list(call, asked, members) if action == "t" else _extract(call, asked, archive, members)
    except (tarfile.TarError, EOFError):
        call.write(f"tar: This does not look like a tar archive\ntar: {DELAYED}\n", "stderr")
        return 2
    for name in missing:
        call.write(f"tar: {name}: Not found in archive\n", "stderr")
    if missing:
        call.write(f"tar: {DELAYED}\n", "stderr")
    return 2 if missing else status


def _under(member: str, name: str) -> bool:
    return (member.rstrip("/") + "/").startswith(name.strip("/").removeprefix("./") + "/") or member == name


def _wanted(asked: Asked, name: str) -> bool:
    return not asked.names or any(_under(name, each) for each in asked.names)


def _archive(call: Call, asked: Asked) -> Steps[bytes | int]:
    """Read the archive, unzipped; an int is the status of a failure."""
    if asked.file in ("", "-"):
        data = yield from call.input()
    else:
        try:
            data = call.files.read(call.path(asked.file))
        except FileError as error:
            who = "tar (child)" if "z" in asked.flags else "tar"
            call.write(f"{who}: {asked.file}: Cannot open: {error}\n{who}: {FATAL}\n", "stderr")
            if who != "tar":
                call.write(f"tar: Child returned status 2\ntar: {FATAL}\n", "stderr")
            return 2
    if data[:2] == b"\x1f\x8b":
        try:
            return gzip.decompress(data)
        except (OSError, EOFError):
            call.write(f"\ngzip: stdin: unexpected end of file\ntar: Unexpected EOF in archive\ntar: {FATAL}\n", "stderr")
            return 2
    if "z" in asked.flags:
        call.write(f"\ngzip: stdin: not in gzip format\ntar: Child returned status 1\ntar: {FATAL}\n", "stderr")
        return 2
    return data


def _create(call: Call, asked: Asked) -> int:
    if not asked.names:
        call.write(f"tar: Cowardly refusing to create an empty archive\n{HINT}", "stderr")
        return 2
    buffer = io.BytesIO()
    base = call.path(asked.folder) if asked.folder else call.shell.folder
    status, stripped = 0, False
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in asked.names:
            path = name if name.startswith("/") else posixpath.join(base, name)
            if name.startswith("/") and "P" not in asked.flags and not stripped:
                stripped = call.files.exists(path)
                call.write("tar: Removing leading `/' from member names\n" if stripped else "", "stderr")
            try:
                node = call.files.find(path, follow=False)
            except FileError as error:
                call.write(f"tar: {name}: Cannot stat: {error}\n", "stderr")
                status = 2
                continue
            status = max(status, _pack(call, asked, archive, (name.rstrip("/") if name != "/" else "", path), node))
    data = buffer.getvalue()
    data = gzip.compress(data, mtime=0) if "z" in asked.flags else data
    if asked.file in ("", "-"):
        call.write(data)
    else:
        try:
            call.files.open(call.path(asked.file), keep=False).write(data)
        except FileError as error:
            who = "tar (child)" if "z" in asked.flags else "tar"
            call.write(f"{who}: {asked.file}: Cannot open: {error}\n{who}: {FATAL}\n", "stderr")
            if who != "tar":
                call.write(f"tar: Child returned status 2\ntar: {FATAL}\n", "stderr")
            return 2
    if status:
        call.write(f"tar: {DELAYED}\n", "stderr")
    return status


def _pack(call: Call, asked: Asked, archive: tarfile.TarFile, names: tuple[str, str], node: Inode) -> int:
    shown, path = names
    if any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), part) for each in asked.excluded
           for part in (shown, posixpath.basename(shown))):
        return 0
    inside = shown if "P" in asked.flags else shown.lstrip("/")
    member = tarfile.TarInfo(inside + ("/" if node.kind == DIRECTORY else ""))
    member.mode, member.uid, member.gid, member.mtime = node.mode, node.uid, node.gid, node.mtime_us // 1_000_000
    member.uname, member.gname = user_name(call, node.uid), user_name(call, node.gid)
    if node.kind == DIRECTORY:
        member.type = tarfile.DIRTYPE
    elif node.kind == LINK:
        member.type, member.linkname = tarfile.SYMTYPE, node.data.decode(errors="replace")
    if not call.files.may(node, 4):
        call.write(f"tar: {shown}: Cannot open: Permission denied\n", "stderr")
        return 2
    data = b"" if node.kind in (DIRECTORY, LINK) else call.files.read(path)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
    if "v" in asked.flags:
        call.write(member.name + ("/" if node.kind == DIRECTORY and not member.name.endswith("/") else "") + "\n",
                   "stderr" if asked.file in ("", "-") else "stdout")
    status = 0
    for name, child in sorted(node.names.items()):
        status = max(status, _pack(call, asked, archive, (f"{shown}/{name}", f"{path}/{name}"), child))
    return status


def _shown(member: tarfile.TarInfo) -> str:
    return member.name + ("/" if member.isdir() and not member.name.endswith("/") else "")


def _list(call: Call, asked: Asked, members: list[tarfile.TarInfo]) -> int:
    for member in members:
        if "v" in asked.flags:
            node = Inode(DIRECTORY if member.isdir() else LINK if member.issym() else 0, member.mode, member.uid, member.gid, 0)
            owner = f"{member.uname or member.uid}/{member.gname or member.gid}"
            when = written(int(member.mtime) * 1_000_000, "%Y-%m-%d %H:%M")[:16]
            size = str(member.size)
            call.write(f"{letters_of(node)} {owner} {size:>{max(0, 19 - len(owner)) or 1}} {when} {_shown(member)}"
                       f"{' -> ' + member.linkname if member.issym() else ''}\n")
        else:
            call.write(_shown(member) + "\n")
    return 0


def _extract(call: Call, asked: Asked, archive: tarfile.TarFile, members: list[tarfile.TarInfo]) -> int:
    base, status = call.path(asked.folder) if asked.folder else call.shell.folder, 0
    for member in members:
        name = "/".join(member.name.strip("/").split("/")[asked.strip:])
        if not name or ".." in name.split("/"):
            continue
        path = posixpath.join(base, name)
        try:
            if member.isdir():
                call.files.make_dir(path, parents=True)
            else:
                call.files.make_dir(posixpath.dirname(path), parents=True)
                if call.files.exists(path) and "k" in asked.flags:
                    call.write(f"tar: {name}: Cannot open: File exists\n", "stderr")
                    status = 2
                    continue
                if member.issym():
                    call.files.symlink(member.linkname, path)
                    continue
                source = archive.extractfile(member)
                call.files.open(path, keep=False).write(source.read() if source else b"")
            call.files.chmod(path, member.mode if call.login.uid == 0 else member.mode & ~call.shell.umask)
            if call.login.uid == 0:
                call.files.chown(path, member.uid, member.gid)
            call.files.set_times(path, int(member.mtime) * 1_000_000)
        except FileError as error:
            call.write(f"tar: {name}: Cannot open: {error}\n", "stderr")
            status = 2
        if "v" in asked.flags:
            call.write(_shown(member) + "\n")
    if status:
        call.write(f"tar: {DELAYED}\n", "stderr")
    return status


def gzip_(call: Call) -> Steps[int]:
    """Pack and unpack one file (-d -c -k -f -t -v; levels make no difference); `zcat` unpacks to the output."""
    unpack, flags = call.name in ("gunzip", "zcat"), "c" if call.name == "zcat" else ""
    names = []
    for word in call.argv:
        if word.startswith("-") and len(word) > 1:
            flags += {"--decompress": "d", "--stdout": "c", "--keep": "k", "--test": "t", "--force": "f"}.get(word, word[1:])
        else:
            names.append(word)
    if odd := set(flags) - set("dcktfvnq123456789"):
        return call.refuse(f"{call.name} -{min(odd)}")
    unpack = unpack or "d" in flags or "t" in flags
    if not names or names == ["-"]:
        data = yield from call.input()
        done = _zipped(data, unpack=unpack)
        if done is None:
            call.write("\ngzip: stdin: not in gzip format\n", "stderr")
            return 1
        call.write(b"" if "t" in flags else done)
        return 0
    status = 0
    for name in names:
        status = max(status, _zip_file(call, name, flags, unpack=unpack))
    return status


def _zipped(data: bytes, *, unpack: bool) -> bytes | None:
    if not unpack:
        return gzip.compress(data, mtime=0)
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, ValueError, zlib.error):
        return None


def _zip_file(call: Call, name: str, flags: str, *, unpack: bool) -> int:
    path, to_output = call.path(name), "c" in flags or "t" in flags
    if unpack and not call.files.exists(path) and call.files.exists(f"{path}.gz"):
        name, path = f"{name}.gz", f"{path}.gz"
    target = path.removesuffix(".gz") if unpack else f"{path}.gz"
    if unpack and target == path and not to_output:
        return call.fail(f"{name}: unknown suffix -- ignored", 2)
    if not unpack and name.endswith(".gz") and "f" not in flags:
        return call.fail(f"{name} already has .gz suffix -- unchanged", 2)
    try:
        if call.files.is_dir(path):
            return call.fail(f"{name} is a directory -- ignored", 2)
        done = _zipped(call.files.read(path), unpack=unpack)
        if done is None:
            call.write(f"\ngzip: {name}: not in gzip format\n", "stderr")
            return 1
        if to_output:
            call.write(b"" if "t" in flags else done)
            return 0
        if call.files.exists(target) and "f" not in flags:
            return call.fail(f"{posixpath.basename(target)} already exists;\tnot overwritten", 2)
        node = call.files.find(path)
        call.files.open(target, keep=False).write(done)
        call.files.chmod(target, node.mode)
        call.files.set_times(target, node.mtime_us)
        if "k" not in flags:
            call.files.remove(path)
    except FileError as error:
        call.write(f"{call.name}: {name}: {error}\n", "stderr")
        return 1
    return 0


COMMANDS.update({"tar": tar, "gzip": gzip_, "gunzip": gzip_, "zcat": gzip_})
