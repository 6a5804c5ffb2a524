"""Lends a host's files to bashkit through its C file-system interface (`bashkit.FileSystem.v1`, 15 functions).

bashkit only asks; owners, modes, times and change notices stay ours. Only `sim.shell` may import bashkit.
Never let Rust hold a strong reference to a lab: lent files are kept by weak reference, or every shell leaks.
"""

from __future__ import annotations

import ctypes as C
import weakref
from collections.abc import Callable
from typing import Any

from bashkit import FileSystem

from sim.host.files import DEVICE, DIRECTORY, FILE, NOT_FOUND, FileError, Inode, View

SCRATCH = "/dev/.kubedrill-"
"""Where a tool of bashkit finds its standard input and leaves its output: byte for byte, and nobody's file."""
DESCRIPTORS = f"{SCRATCH}fd-"


def _descriptor(path: str) -> str:
    """Give the file of `<( )`: bashkit would look for /dev/fd itself, so it is told another name."""
    return path.replace(DESCRIPTORS, "/dev/fd/", 1) if path.startswith(DESCRIPTORS) else path


class Lent:
    """A view, and beside it the bytes that go in and out of a tool."""

    def __init__(self, view: View, scratch: dict[str, bytes]) -> None:
        self.view = view
        self.scratch = scratch

    def read(self, path: str) -> bytes:
        path = _descriptor(path)
        if path.startswith(SCRATCH):
            return self.scratch.get(path[len(SCRATCH):], b"")
        return self.view.read(path)

    def write(self, path: str, data: Any) -> None:
        path = _descriptor(path)
        if path.startswith(SCRATCH):
            self.scratch[path[len(SCRATCH):]] = data.get()
        else:
            self.view.write(path, data.get())

    def append(self, path: str, data: Any) -> None:
        if path.startswith(SCRATCH):
            self.scratch[path[len(SCRATCH):]] = self.scratch.get(path[len(SCRATCH):], b"") + data.get()
        else:
            self.view.append(path, data.get())

    def find(self, path: str) -> Inode:
        path = _descriptor(path)
        if path.startswith(SCRATCH):
            name = path[len(SCRATCH):]
            if name not in self.scratch:
                raise FileError(NOT_FOUND)
            return Inode(FILE, 0o600, self.view.uid, 0, 0, self.scratch[name])
        return self.view.find(path)

    def exists(self, path: str) -> bool:
        path = _descriptor(path)
        return path[len(SCRATCH):] in self.scratch if path.startswith(SCRATCH) else self.view.exists(path)

    def make_dir(self, path: str, parents: Any) -> None:
        self.view.make_dir(path, parents=bool(parents))

    def remove(self, path: str, recursive: Any) -> None:
        self.view.remove(path, recursive=bool(recursive))

    def entries(self, path: str) -> list[tuple[str, Inode]]:
        return self.view.entries(path)

    def rename(self, old: str, new: str) -> None:
        self.view.rename(old, new)

    def copy(self, old: str, new: str) -> None:
        self.view.copy(old, new)

    def symlink(self, target: str, link: str) -> None:
        self.view.symlink(target, link)

    def read_link(self, path: str) -> bytes:
        return self.view.read_link(path).encode()

    def chmod(self, path: str, mode: int) -> None:
        self.view.chmod(path, mode)


def lend(lent: Lent) -> FileSystem:
    """Give bashkit a file system that asks `lent`, which the caller keeps alive."""
    COUNT[0] += 1
    number = COUNT[0]
    KEEP[number] = weakref.ref(lent, lambda _: KEEP.pop(number, None))
    handle = Handle(1, 0, number, NOTHING, NOTHING, C.pointer(VTABLE))
    return FileSystem.from_capsule(new_capsule(C.addressof(handle), CAPSULE, None))


# ---- the C ABI: 15 functions, one table for all hosts and users -----------------------------------------------
class Bytes(C.Structure):
    """Bytes of the other side."""

    _fields_ = [("ptr", C.c_void_p), ("len", C.c_size_t)]

    def get(self) -> bytes:
        return C.string_at(self.ptr, self.len) if self.len else b""


class Err(C.Structure):
    """What went wrong."""

    _fields_ = [("kind", C.c_uint32), ("message", Bytes)]


class Meta(C.Structure):
    """What `stat` tells."""

    _fields_ = [("type", C.c_uint8), ("_r", C.c_uint8 * 7), ("size", C.c_uint64), ("mode", C.c_uint32),
                ("m_s", C.c_int64), ("m_ns", C.c_uint32), ("c_s", C.c_int64), ("c_ns", C.c_uint32)]


class Entry(C.Structure):
    """A name in a directory."""

    _fields_ = [("name", Bytes), ("meta", Meta)]


class Data(Bytes):
    """The same struct, but content and not a path: passed on as it is."""


class Entries(Bytes):
    """The same struct, for the names of a directory."""


VP = C.c_void_p
KEEP: dict[int, weakref.ref[Lent]] = {}  # what was lent out, by instance number
HELD: dict[int, list[object]] = {}  # buffers lent out, by address, until bashkit frees them
COUNT = [0]
FAULTS: list[Exception] = []  # bugs of ours met inside a callback; Terminal.check raises the first
CAPSULE = b"bashkit.FileSystem.v1"
new_capsule: Any = C.pythonapi.PyCapsule_New
new_capsule.restype, new_capsule.argtypes = C.py_object, [VP, C.c_char_p, VP]
KIND_MAX = 8


def _lend_bytes(data: bytes) -> tuple[int | None, int]:
    if not data:
        return None, 0
    address = C.cast(C.c_char_p(data), VP).value
    assert address is not None
    HELD.setdefault(address, []).append(data)
    return address, len(data)


def _fill(meta: Any, node: Inode) -> None:
    meta.type, meta.mode = FILE if node.kind == DEVICE else node.kind, node.mode
    meta.size = 4096 if node.kind == DIRECTORY else 0 if node.kind == DEVICE else len(node.data)
    meta.m_s = meta.c_s = node.mtime_us // 1_000_000
    meta.m_ns = meta.c_ns = node.mtime_us % 1_000_000 * 1000


def _fill_entries(out: Any, entries: list[tuple[str, Inode]]) -> None:
    array = (Entry * len(entries))()
    keep: list[object] = [array]
    for slot, (name, node) in zip(array, entries, strict=True):
        raw = name.encode()
        keep.append(raw)
        slot.name.ptr, slot.name.len = C.cast(C.c_char_p(raw), VP).value, len(raw)
        _fill(slot.meta, node)
    out.ptr, out.len = (C.addressof(array), len(entries)) if entries else (None, 0)
    if entries:
        HELD.setdefault(out.ptr, []).append(keep)


def _entry(work: Callable[..., Any], out_type: Any, *arg_types: Any) -> Any:
    """Make a C function of a method of Lent: paths are decoded, results and errors are filled in."""
    types = [VP, *arg_types, *([C.POINTER(out_type)] if out_type else []), C.POINTER(Err)]

    def call(instance: int, *args: Any) -> int:
        try:
            given = [a.get().decode() if t is Bytes else a for a, t in zip(args, arg_types, strict=False)]
            value = work(KEEP[instance](), *given)
            if out_type is Bytes:
                args[-2][0].ptr, args[-2][0].len = _lend_bytes(value)
            elif out_type is Meta:
                _fill(args[-2][0], value)
            elif out_type is C.c_bool:
                args[-2][0] = C.c_bool(value)
            elif out_type:
                _fill_entries(args[-2][0], value)
            return 0
        except FileError as error:
            args[-1][0].kind = min(error.kind, KIND_MAX)
            args[-1][0].message.ptr, args[-1][0].message.len = _lend_bytes(str(error).encode())
            return 1
        except UnicodeDecodeError:
            args[-1][0].kind = NOT_FOUND
            args[-1][0].message.ptr, args[-1][0].message.len = _lend_bytes(b"No such file or directory")
            return 1
        except Exception as error:  # ctypes would swallow it and bashkit would see a success
            FAULTS.append(error)
            return 1

    return C.CFUNCTYPE(C.c_uint32, *types)(call)


def _free(instance: int, given: Any) -> None:
    held = HELD.get(given.ptr or 0)
    if held:
        held.pop()
        if not held:
            del HELD[given.ptr]


FREE = C.CFUNCTYPE(None, VP, Bytes)(_free)
NOTHING = C.cast(C.pythonapi.Py_IsInitialized, C.CFUNCTYPE(None, VP))
"""What is to be done when bashkit takes or drops a file system: a function in C, for the last are dropped while Python
itself ends and can run nothing any more."""
FUNCTIONS = [
    _entry(Lent.read, Bytes, Bytes), _entry(Lent.write, None, Bytes, Data), _entry(Lent.append, None, Bytes, Data),
    _entry(Lent.make_dir, None, Bytes, C.c_bool), _entry(Lent.remove, None, Bytes, C.c_bool),
    _entry(Lent.find, Meta, Bytes), _entry(Lent.entries, Entries, Bytes), _entry(Lent.exists, C.c_bool, Bytes),
    _entry(Lent.rename, None, Bytes, Bytes), _entry(Lent.copy, None, Bytes, Bytes),
    _entry(Lent.symlink, None, Bytes, Bytes), _entry(Lent.read_link, Bytes, Bytes),
    _entry(Lent.chmod, None, Bytes, C.c_uint32), FREE, FREE]


class Table(C.Structure):
    """The functions, in the interface's order."""

    _fields_ = [(f"f{i}", VP) for i in range(15)]


class Handle(C.Structure):
    """What the capsule holds."""

    _fields_ = [("version", C.c_uint32), ("_r", C.c_uint32), ("instance", VP), ("retain", C.CFUNCTYPE(None, VP)),
                ("release", C.CFUNCTYPE(None, VP)), ("vtable", C.POINTER(Table))]


VTABLE = Table(*[C.cast(function, VP) for function in FUNCTIONS])
