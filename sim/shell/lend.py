"""Lends a host's files to bashkit through its C file-system interface (`bashkit.FileSystem.v1`, 15 functions).

bashkit only asks; owners, modes, times and change notices stay ours. Only `sim.shell` may import bashkit.
Never let Rust hold a strong reference to a lab: views are kept by weak reference, or every shell leaks.
"""

from __future__ import annotations

import ctypes as C
import weakref
from collections.abc import Callable
from typing import Any

from bashkit import FileSystem

from sim.host.files import FileError, Inode, View


def lend(view: View) -> FileSystem:
    """Give bashkit a file system that asks the view."""
    handle = Handle(1, 0, next_id(view), RETAIN, RELEASE, C.pointer(VTABLE))
    KEEP[handle.instance] = weakref.ref(view)
    return FileSystem.from_capsule(new_capsule(C.addressof(handle), CAPSULE, None))


# ---- the C ABI: 15 functions, one table for all hosts and users -----------------------------------------------
class Bytes(C.Structure):
    _fields_ = [("ptr", C.c_void_p), ("len", C.c_size_t)]

    def get(self) -> bytes:
        return C.string_at(self.ptr, self.len) if self.len else b""


class Err(C.Structure):
    _fields_ = [("kind", C.c_uint32), ("message", Bytes)]


class Meta(C.Structure):
    _fields_ = [("type", C.c_uint8), ("_r", C.c_uint8 * 7), ("size", C.c_uint64), ("mode", C.c_uint32),
                ("m_s", C.c_int64), ("m_ns", C.c_uint32), ("c_s", C.c_int64), ("c_ns", C.c_uint32)]


class Entry(C.Structure):
    _fields_ = [("name", Bytes), ("meta", Meta)]


VP, P, B = C.c_void_p, C.POINTER, Bytes
KEEP: dict[int, weakref.ref[View]] = {}          # views lent out, by instance number
HELD: dict[int, list[object]] = {}    # buffers lent out, by address, until bashkit frees them
COUNT = [0]
FAULTS: list[Exception] = []          # bugs of ours met inside a callback; Lab.run raises the first
CAPSULE = b"bashkit.FileSystem.v1"
new_capsule = C.pythonapi.PyCapsule_New
new_capsule.restype, new_capsule.argtypes = C.py_object, [VP, C.c_char_p, VP]


def next_id(_: View) -> int:
    COUNT[0] += 1
    return COUNT[0]


def lend_bytes(data: bytes) -> tuple[int | None, int]:
    if not data:
        return None, 0
    address = C.cast(C.c_char_p(data), VP).value
    HELD.setdefault(address, []).append(data)
    return address, len(data)


def fill(meta: Meta, node: Inode) -> None:
    meta.type, meta.mode = node.kind, node.mode
    meta.size = 4096 if node.kind == 1 else len(node.data)
    meta.m_s = meta.c_s = node.mtime_us // 1_000_000
    meta.m_ns = meta.c_ns = node.mtime_us % 1_000_000 * 1000


def fill_entries(out: C.Structure, entries: list[tuple[str, Inode]]) -> None:
    array = (Entry * len(entries))()
    keep: list[object] = [array]
    for slot, (name, node) in zip(array, entries):
        raw = name.encode()
        keep.append(raw)
        slot.name.ptr, slot.name.len = C.cast(C.c_char_p(raw), VP).value, len(raw)
        fill(slot.meta, node)
    out.ptr, out.len = (C.addressof(array), len(entries)) if entries else (None, 0)
    if entries:
        HELD.setdefault(out.ptr, []).append(keep)


def entry(work: Callable[..., object], out_type: type | None, *arg_types: type) -> C._CFuncPtr:
    types = [VP, *arg_types, *([P(out_type)] if out_type else []), P(Err)]

    def call(instance: int, *args: object) -> int:
        try:
            given = [a.get().decode() if t is B else a for a, t in zip(args, arg_types)]
            value = work(KEEP[instance](), *given)
            if out_type is Bytes:
                args[-2][0].ptr, args[-2][0].len = lend_bytes(value)
            elif out_type is Meta:
                fill(args[-2][0], value)
            elif out_type is C.c_bool:
                args[-2][0] = C.c_bool(value)
            elif out_type:
                fill_entries(args[-2][0], value)
            return 0
        except FileError as error:
            args[-1][0].kind = error.kind
            args[-1][0].message.ptr, args[-1][0].message.len = lend_bytes(str(error).encode())
            return 1
        except Exception as error:          # ctypes would swallow it and bashkit would see a success
            FAULTS.append(error)
            return 1
    return C.CFUNCTYPE(C.c_uint32, *types)(call)


class Data(Bytes):          # the same struct, but content (not a path): passed on as bytes
    pass


class Entries(Bytes):
    pass


def free(instance: int, given: Bytes) -> None:
    held = HELD.get(given.ptr or 0)
    if held:
        held.pop()
        if not held:
            del HELD[given.ptr]


def drop(instance: int) -> None:
    KEEP.pop(instance, None)


FREE = C.CFUNCTYPE(None, VP, B)(free)
RETAIN = C.CFUNCTYPE(None, VP)(lambda instance: None)
RELEASE = C.CFUNCTYPE(None, VP)(drop)
V = View


def _make_dir(view: View, path: str, parents: Any) -> None:
    view.make_dir(path, parents=bool(parents))


def _remove(view: View, path: str, recursive: Any) -> None:
    view.remove(path, recursive=bool(recursive))


FUNCTIONS = [
    entry(V.read, Bytes, B), entry(lambda v, p, d: v.write(p, d.get()), None, B, Data),
    entry(lambda v, p, d: v.append(p, d.get()), None, B, Data), entry(_make_dir, None, B, C.c_bool),
    entry(_remove, None, B, C.c_bool), entry(V.find, Meta, B), entry(V.entries, Entries, B),
    entry(V.exists, C.c_bool, B), entry(V.rename, None, B, B), entry(V.copy, None, B, B),
    entry(V.symlink, None, B, B), entry(lambda v, p: v.read_link(p).encode(), Bytes, B),
    entry(V.chmod, None, B, C.c_uint32), FREE, FREE]


class Table(C.Structure):
    _fields_ = [(f"f{i}", VP) for i in range(15)]


class Handle(C.Structure):
    _fields_ = [("version", C.c_uint32), ("_r", C.c_uint32), ("instance", VP), ("retain", C.CFUNCTYPE(None, VP)),
                ("release", C.CFUNCTYPE(None, VP)), ("vtable", P(Table))]


VTABLE = Table(*[C.cast(f, VP) for f in FUNCTIONS])
