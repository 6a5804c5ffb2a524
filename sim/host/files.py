"""A host's files, as each user sees them: owners, modes, links, times on the simulated clock, change notices.

Models: the kernel's rules that labs meet (search and write permission of directories, the sticky bit, hard links).
Left out: supplementary groups, ACLs, sparse files, access times.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field

FILE, DIRECTORY, LINK, DEVICE = 0, 1, 2, 3
NOT_FOUND, EXISTS, DENIED, INVALID, IS_DIR, NOT_DIR, NOT_EMPTY, NO_SPACE = 1, 2, 3, 4, 5, 6, 7, 8
NOT_PERMITTED, BAD_DESCRIPTOR, LOOP = 9, 10, 11
TEXT = {
    NOT_FOUND: "No such file or directory", EXISTS: "File exists", DENIED: "Permission denied",
    INVALID: "Invalid argument", IS_DIR: "Is a directory", NOT_DIR: "Not a directory",
    NOT_EMPTY: "Directory not empty", NO_SPACE: "No space left on device", NOT_PERMITTED: "Operation not permitted",
    BAD_DESCRIPTOR: "Bad file descriptor", LOOP: "Too many levels of symbolic links",
}
Names = list[str]
FILE_BYTES_MAX = 64 * 1024 * 1024
DISK_BYTES_MAX = 512 * 1024 * 1024
DEVICE_READ_BYTES = 65536
LINKS_MAX = 20
STICKY = 0o1000


class FileError(OSError):
    """What the kernel says of a path; kind is one of the constants above."""

    def __init__(self, kind: int) -> None:
        super().__init__(TEXT[kind])
        self.kind = kind


@dataclass(slots=True)
class Inode:
    """A file, directory, link or device. mtime_us: microseconds since 1970; links: names of a file."""

    kind: int
    mode: int
    uid: int
    gid: int
    mtime_us: int
    data: bytes = b""
    names: dict[str, Inode] = field(default_factory=dict)
    links: int = 1


class LiveFile(Inode):
    """A file that a running program writes all the time: its bytes are made when somebody reads them.

    stands_for: what the bytes are made of; None once somebody else has written to it. make: gives the bytes, `state`
    something that is equal while they are.
    """

    def __init__(
        self, mode: int, uid: int, gid: int, mtime_us: int, stands_for: object, make: Callable[[], bytes],
        state: Callable[[], object],
    ) -> None:
        self.stands_for: object = None
        self._bytes = b""
        super().__init__(FILE, mode, uid, gid, mtime_us)
        self.stands_for = stands_for
        self._make, self._state = make, state
        self._made_of: object = None

    @property  # type: ignore[override]
    def data(self) -> bytes:
        """Give the bytes as they are now."""
        if self.stands_for is not None:
            state = self._state()
            if state != self._made_of:
                self._bytes, self._made_of = self._make(), state
        return self._bytes

    @data.setter
    def data(self, data: bytes) -> None:
        self._bytes, self.stands_for = data, None


class LiveFolder(Inode):
    """A folder that a running program fills: what is in it is made when somebody looks; what others put there is not kept."""

    def __init__(self, mode: int, mtime_us: int, make: Callable[[], dict[str, Inode]]) -> None:
        self._make: Callable[[], dict[str, Inode]] = dict
        super().__init__(DIRECTORY, mode, 0, 0, mtime_us)
        self._make = make

    @property  # type: ignore[override]
    def names(self) -> dict[str, Inode]:
        """Give what is in it now."""
        return self._make()

    @names.setter
    def names(self, names: dict[str, Inode]) -> None:
        """Leave it as it is."""


Entries = list[tuple[str, Inode]]


class HostFiles:
    """One tree of files. now_us gives microseconds since 1970.

    full: whether the disk is full; then nothing grows. used_bytes: what the files hold.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self.now_us = now_us
        self.full = False
        self.used_bytes = 0
        self._noise = 0
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

    def grow(self, more: int) -> None:
        """Count bytes that are to be stored. Raises FileError when there is no room for them."""
        if more > 0 and (self.full or self.used_bytes + more > DISK_BYTES_MAX):
            raise FileError(NO_SPACE)
        self.used_bytes += more

    def install(self, path: str, data: bytes, *, mode: int = 0o755) -> None:
        """Put a file of root's at a path, with the folders it needs."""
        root = self.view()
        root.make_dir(posixpath.dirname(path), parents=True)
        root.write(path, data)
        root.chmod(path, mode)

    def make_device(self, path: str) -> None:
        """Put a device at a path; its name says what it is."""
        root = self.view()
        root.make_dir(posixpath.dirname(path), parents=True)
        if not root.exists(path):
            root.enter(path, Inode(DEVICE, 0o666, 0, 0, self.now_us(), posixpath.basename(path).encode()))

    def device_bytes(self, name: bytes) -> bytes:
        """Give what reading a device gives: nothing, zeros, or noise that is the same in every run."""
        if name in (b"zero", b"full"):
            return bytes(DEVICE_READ_BYTES)
        if name in (b"random", b"urandom"):
            self._noise += 1
            return hashlib.shake_256(f"{self._noise}.{self.now_us()}".encode()).digest(256)
        return b""


class Handle:
    """A file open for writing: it stays the same file when its name goes."""

    def __init__(self, view: View, node: Inode, path: str) -> None:
        self._view = view
        self.node = node
        self._path = path

    def write(self, data: bytes) -> None:
        """Write at the end. Raises FileError."""
        self._view.put(self.node, self._path, data if self.node.kind == DEVICE else self.node.data + data)


class View:
    """The files as one user sees them. Paths are absolute; every method may raise FileError."""

    def __init__(self, files: HostFiles, uid: int, gid: int) -> None:
        self.host_files = files
        self.uid = uid
        self.gid = gid
        self.umask = 0o022

    def may(self, node: Inode, bit: int) -> bool:
        """Tell whether this user may read (4), write (2), or run or search (1); root may run what anybody may."""
        if self.uid == 0:
            return bit != 1 or node.kind == DIRECTORY or bool(node.mode & 0o111)
        shift = 6 if node.uid == self.uid else 3 if node.gid == self.gid else 0
        return bool(node.mode >> shift & bit)

    def find(self, path: str, *, follow: bool = True, depth: int = 0) -> Inode:
        """Give the inode of a path."""
        node = self.host_files.root
        parts = [part for part in posixpath.normpath("/" + path).split("/") if part]
        for at, part in enumerate(parts):
            if node.kind != DIRECTORY:
                raise FileError(NOT_DIR)
            if not self.may(node, 1):
                raise FileError(DENIED)
            child = node.names.get(part)
            if child is None:
                raise FileError(NOT_FOUND)
            if child.kind == LINK and (follow or at < len(parts) - 1):
                if depth > LINKS_MAX:
                    raise FileError(LOOP)
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
        if not self.may(parent, 2):
            raise FileError(DENIED)
        parent.names[name] = node
        parent.mtime_us = self.host_files.now_us()
        self.host_files.changed(path)

    def read(self, path: str) -> bytes:
        """Give a file's bytes."""
        node = self.find(path)
        if node.kind == DIRECTORY:
            raise FileError(IS_DIR)
        if not self.may(node, 4):
            raise FileError(DENIED)
        return self.host_files.device_bytes(node.data) if node.kind == DEVICE else node.data

    def put(self, node: Inode, path: str, data: bytes) -> None:
        """Give an inode new bytes, and tell the watchers. Raises FileError."""
        if node.kind == DEVICE:
            if node.data == b"full" and data != node.data:
                raise FileError(NO_SPACE)
            return
        if len(data) > FILE_BYTES_MAX:
            raise FileError(NO_SPACE)
        self.host_files.grow(len(data) - len(node.data))
        node.data, node.mtime_us = data, self.host_files.now_us()
        self.host_files.changed(path)

    def open(self, path: str, *, keep: bool, mode: int = 0) -> Handle:
        """Open a file for writing at its end, emptied before unless `keep`; a new one gets the mode. Raises FileError."""
        try:
            node = self.find(path)
        except FileError as error:
            if error.kind != NOT_FOUND:
                raise
            node = Inode(FILE, mode or 0o666 & ~self.umask, self.uid, self.gid, self.host_files.now_us())
            self.enter(self._through(path), node)
        if node.kind == DIRECTORY:
            raise FileError(IS_DIR)
        if not self.may(node, 2):
            raise FileError(DENIED)
        if not keep and node.kind == FILE:
            self.put(node, path, b"")
        return Handle(self, node, path)

    def _through(self, path: str) -> str:
        """Follow a link that leads nowhere yet, as creating through it does."""
        for _ in range(LINKS_MAX):
            try:
                node = self.find(path, follow=False)
            except FileError:
                return path
            path = posixpath.join(posixpath.dirname(path), node.data.decode())
        raise FileError(LOOP)

    def write(self, path: str, data: bytes) -> None:
        """Write a file; a new one gets the mode that the mask leaves of 0666."""
        handle = self.open(path, keep=True)
        self.put(handle.node, path, data)

    def append(self, path: str, data: bytes) -> None:
        """Write at a file's end."""
        self.open(path, keep=True).write(data)

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
        if not self.may(node, 4):
            raise FileError(DENIED)
        return sorted(node.names.items(), key=lambda item: item[0])

    def make_dir(self, path: str, *, parents: bool = False) -> None:
        """Make a directory."""
        if self.exists(path):
            if parents and self.find(path).kind == DIRECTORY:
                return
            raise FileError(EXISTS)
        head = posixpath.dirname(posixpath.normpath("/" + path))
        if parents and not self.exists(head):
            self.make_dir(head, parents=True)
        self.enter(path, Inode(DIRECTORY, 0o777 & ~self.umask, self.uid, self.gid, self.host_files.now_us()))

    def _leave(self, path: str) -> Inode:
        """Take a name out of its directory; gives the inode. Raises FileError."""
        node = self.find(path, follow=False)
        parent, name = self._parent(path)
        if not self.may(parent, 2) or (parent.mode & STICKY and self.uid not in (0, node.uid, parent.uid)):
            raise FileError(NOT_PERMITTED if parent.mode & STICKY and self.may(parent, 2) else DENIED)
        del parent.names[name]
        parent.mtime_us = self.host_files.now_us()
        return node

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file, link or directory."""
        node = self.find(path, follow=False)
        if node.kind == DIRECTORY and node.names and not recursive:
            raise FileError(NOT_EMPTY)
        if node is not self.host_files.root:
            self._leave(path)
        self.host_files.used_bytes -= _forgotten_bytes(node)
        if node is self.host_files.root:
            node.names = {}
        self.host_files.changed(path)

    def rename(self, old: str, new: str) -> None:
        """Move a path; a file there before is replaced. Raises FileError."""
        node = self.find(old, follow=False)
        parent, name = self._parent(new)
        if not self.may(parent, 2):
            raise FileError(DENIED)
        there = parent.names.get(name)
        if there is node:
            return
        self._leave(old)
        if there is not None:
            self.host_files.used_bytes -= _forgotten_bytes(there)
        self.host_files.changed(old)
        self.enter(new, node)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name (a hard link)."""
        node = self.find(old, follow=False)
        if node.kind == DIRECTORY:
            raise FileError(NOT_PERMITTED)
        if self.exists(new):
            raise FileError(EXISTS)
        self.enter(new, node)
        node.links += 1

    def copy(self, old: str, new: str) -> None:
        """Copy a file with its mode."""
        self.write(new, self.read(old))
        self.find(new).mode = self.find(old).mode

    def symlink(self, target: str, link: str) -> None:
        """Make a symbolic link."""
        parent, name = self._parent(link)
        if name in parent.names:
            raise FileError(EXISTS)
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
            raise FileError(NOT_PERMITTED)
        node.mode = mode & 0o7777

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Change an owner and group; root only."""
        node = self.find(path)
        if self.uid != 0 and (uid != node.uid or node.uid != self.uid):
            raise FileError(NOT_PERMITTED)
        node.uid, node.gid = uid, gid

    def set_times(self, path: str, at_us: int, *, follow: bool = True) -> None:
        """Set when a file was changed last, in microseconds since 1970."""
        self.find(path, follow=follow).mtime_us = at_us


def _forgotten_bytes(node: Inode) -> int:
    """Give how many bytes go with a name: none while a file has another."""
    if node.kind == DIRECTORY:
        return sum(_forgotten_bytes(child) for child in node.names.values())
    node.links -= 1
    if isinstance(node, LiveFile) and node.stands_for is not None:
        return 0
    return len(node.data) if node.kind == FILE and node.links < 1 else 0
