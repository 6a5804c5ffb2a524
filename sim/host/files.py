"""A host's files, as each user sees them: owners, modes, links, times on the simulated clock, change notices.

Models: the kernel's rules that labs meet (search and write permission of directories, sticky bit left out).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field

FILE, DIRECTORY, LINK = 0, 1, 2
NOT_FOUND, EXISTS, DENIED, INVALID, IS_DIR, NOT_DIR, NOT_EMPTY, TOO_BIG = 1, 2, 3, 4, 5, 6, 7, 8
TEXT = {
    NOT_FOUND: "No such file or directory", EXISTS: "File exists", DENIED: "Permission denied",
    INVALID: "Invalid argument", IS_DIR: "Is a directory", NOT_DIR: "Not a directory",
    NOT_EMPTY: "Directory not empty", TOO_BIG: "No space left on device",
}
Names = list[str]
FILE_BYTES_MAX = 64 * 1024 * 1024
LINKS_MAX = 20


class FileError(OSError):
    """What the kernel says of a path; kind is one of the constants above."""

    def __init__(self, kind: int) -> None:
        super().__init__(TEXT[kind])
        self.kind = kind


@dataclass(slots=True)
class Inode:
    """A file, directory or link. mtime_us: microseconds since 1970."""

    kind: int
    mode: int
    uid: int
    gid: int
    mtime_us: int
    data: bytes = b""
    names: dict[str, Inode] = field(default_factory=dict)


Entries = list[tuple[str, Inode]]


class HostFiles:
    """One tree of files. now_us gives microseconds since 1970."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.now_us = now_us
        self.root = Inode(DIRECTORY, 0o755, 0, 0, now_us())
        self._watches: list[tuple[str, Callable[[str], None]]] = []

    def view(self, uid: int = 0, gid: int = 0) -> View:
        """Give the files as a user sees them."""
        return View(self, uid, gid)

    def watch(self, folder: str, notice: Callable[[str], None]) -> Callable[[], None]:
        """Call `notice(path)` at each change in or of a folder (inotify); gives the way to stop."""
        entry = (folder.rstrip("/") + "/", notice)
        self._watches.append(entry)

        def stop() -> None:
            if entry in self._watches:
                self._watches.remove(entry)

        return stop

    def changed(self, path: str) -> None:
        """Tell the watchers."""
        for folder, notice in list(self._watches):
            if path.startswith(folder) or folder.startswith(path.rstrip("/") + "/"):
                notice(path)


class View:
    """The files as one user sees them. Paths are absolute; every method may raise FileError."""

    def __init__(self, files: HostFiles, uid: int, gid: int) -> None:
        self.host_files = files
        self.uid = uid
        self.gid = gid

    def _may(self, node: Inode, bit: int) -> bool:
        shift = 6 if node.uid == self.uid else 3 if node.gid == self.gid else 0
        return self.uid == 0 or bool(node.mode >> shift & bit)

    def find(self, path: str, *, follow: bool = True, depth: int = 0) -> Inode:
        """Give the inode of a path."""
        node = self.host_files.root
        parts = [part for part in posixpath.normpath("/" + path).split("/") if part]
        for at, part in enumerate(parts):
            if node.kind != DIRECTORY:
                raise FileError(NOT_DIR)
            if not self._may(node, 1):
                raise FileError(DENIED)
            child = node.names.get(part)
            if child is None:
                raise FileError(NOT_FOUND)
            if child.kind == LINK and (follow or at < len(parts) - 1):
                if depth > LINKS_MAX:
                    raise FileError(INVALID)
                target = posixpath.join("/" + "/".join(parts[:at]), child.data.decode(), *parts[at + 1:])
                return self.find(target, follow=follow, depth=depth + 1)
            node = child
        return node

    def _parent(self, path: str) -> tuple[Inode, str]:
        head, name = posixpath.split(posixpath.normpath("/" + path))
        node = self.find(head)
        if node.kind != DIRECTORY:
            raise FileError(NOT_DIR)
        return node, name

    def enter(self, path: str, node: Inode) -> None:
        """Put an inode at a path."""
        parent, name = self._parent(path)
        if not self._may(parent, 2):
            raise FileError(DENIED)
        parent.names[name] = node
        parent.mtime_us = self.host_files.now_us()
        self.host_files.changed(path)

    def read(self, path: str) -> bytes:
        """Give a file's bytes."""
        node = self.find(path)
        if node.kind == DIRECTORY:
            raise FileError(IS_DIR)
        if not self._may(node, 4):
            raise FileError(DENIED)
        return node.data

    def write(self, path: str, data: bytes) -> None:
        """Write a file; a new one gets mode 0644."""
        if len(data) > FILE_BYTES_MAX:
            raise FileError(TOO_BIG)
        try:
            node = self.find(path)
        except FileError as error:
            if error.kind != NOT_FOUND:
                raise
            self.enter(path, Inode(FILE, 0o644, self.uid, self.gid, self.host_files.now_us(), data))
            return
        if node.kind == DIRECTORY:
            raise FileError(IS_DIR)
        if not self._may(node, 2):
            raise FileError(DENIED)
        node.data, node.mtime_us = data, self.host_files.now_us()
        self.host_files.changed(path)

    def append(self, path: str, data: bytes) -> None:
        """Write at a file's end."""
        self.write(path, (self.read(path) if self.exists(path) else b"") + data)

    def exists(self, path: str) -> bool:
        """Tell whether there is anything at the path that this user can see."""
        try:
            self.find(path)
        except FileError:
            return False
        return True

    def is_dir(self, path: str) -> bool:
        """Tell whether the path is a directory."""
        return self.exists(path) and self.find(path).kind == DIRECTORY

    def list(self, path: str) -> Names:
        """Name what is in a directory, sorted."""
        return [name for name, _ in self.entries(path)]

    def entries(self, path: str) -> Entries:
        """Give what is in a directory, sorted by name."""
        node = self.find(path)
        if node.kind != DIRECTORY:
            raise FileError(NOT_DIR)
        if not self._may(node, 4):
            raise FileError(DENIED)
        return sorted(node.names.items(), key=lambda item: item[0])

    def make_dir(self, path: str, *, parents: bool = False) -> None:
        """Make a directory."""
        if self.exists(path):
            if parents:
                return
            raise FileError(EXISTS)
        head = posixpath.dirname(posixpath.normpath("/" + path))
        if parents and not self.exists(head):
            self.make_dir(head, parents=True)
        self.enter(path, Inode(DIRECTORY, 0o755, self.uid, self.gid, self.host_files.now_us()))

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file, link or directory."""
        node = self.find(path, follow=False)
        if node.kind == DIRECTORY and node.names and not recursive:
            raise FileError(NOT_EMPTY)
        parent, name = self._parent(path)
        if not self._may(parent, 2):
            raise FileError(DENIED)
        del parent.names[name]
        self.host_files.changed(path)

    def rename(self, old: str, new: str) -> None:
        """Move a path."""
        node = self.find(old, follow=False)
        self.remove(old, recursive=True)
        self.enter(new, node)

    def copy(self, old: str, new: str) -> None:
        """Copy a file with its mode."""
        self.write(new, self.read(old))
        self.find(new).mode = self.find(old).mode

    def symlink(self, target: str, link: str) -> None:
        """Make a symbolic link."""
        self.enter(link, Inode(LINK, 0o777, self.uid, self.gid, self.host_files.now_us(), target.encode()))

    def read_link(self, path: str) -> str:
        """Give a link's target."""
        node = self.find(path, follow=False)
        if node.kind != LINK:
            raise FileError(INVALID)
        return node.data.decode()

    def chmod(self, path: str, mode: int) -> None:
        """Change a mode."""
        node = self.find(path)
        if self.uid not in (0, node.uid):
            raise FileError(DENIED)
        node.mode = mode & 0o7777

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Change an owner; root only."""
        if self.uid != 0:
            raise FileError(DENIED)
        node = self.find(path)
        node.uid, node.gid = uid, gid
