"""etcdctl get, put and del. Models: etcdctl/ctlv3/command/{get,put,del}_command.go."""

from __future__ import annotations

from sim.engine import Steps
from sim.etcd import accounts
from sim.etcd.requests import Delete, Put, Range, RangeResult, Record
from sim.host.etcd import MemberServer
from sim.shell.etcd.frame import shapes
from sim.shell.etcd.frame.client import Failure
from sim.shell.etcd.frame.ctl import BAD_FEATURE, Run, verb

GET_METHOD, PUT_METHOD, DEL_METHOD = "/etcdserverpb.KV/Range", "/etcdserverpb.KV/Put", "/etcdserverpb.KV/DeleteRange"
ALL = b"\0"


def prefix_end(key: bytes) -> bytes:
    """Give the end of the range of all keys with a prefix."""
    trimmed = key.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else ALL


def raw(text: str) -> bytes:
    """Give a word as bytes."""
    return text.encode(errors="surrogateescape")


def span(run: Run, what: str) -> tuple[bytes, bytes]:
    """Give key and end of what was named. Raises Failure."""
    words, given = run.words, run.given
    key = raw(words[0])
    if given.on("prefix") and given.on("from-key"):
        raise Failure("`--prefix` and `--from-key` cannot be set at the same time, choose one", 128)
    if len(words) > 1:
        if given.on("prefix") or given.on("from-key"):
            raise Failure("too many arguments, only accept one argument when `--prefix` or `--from-key` is set", 128)
        return key, raw(words[1])
    if given.on("prefix"):
        return (key, prefix_end(key)) if key else (ALL, ALL)
    if given.on("from-key"):
        return key or ALL, ALL
    return key, b""


@verb("get")
def get(run: Run) -> Steps[int]:
    """Read keys."""
    given = run.given
    if not 1 <= len(run.words) <= 2:
        raise Failure("get command needs one argument as key and an optional argument as range_end", 128)
    key, end = span(run, "get")
    if given["consistency"] not in ("s", "l"):
        raise Failure(f'unknown consistency flag "{given["consistency"]}"', BAD_FEATURE)
    order, target = given["order"].upper(), given["sort-by"].upper()
    if order not in ("", "ASCEND", "DESCEND"):
        raise Failure(f"bad sort order {order}", BAD_FEATURE)
    if target not in ("", "CREATE", "KEY", "MODIFY", "VALUE", "VERSION"):
        raise Failure(f"bad sort target {target}", BAD_FEATURE)
    client = run.client()
    serializable = given["consistency"] == "s"
    keys_only, count_only = given.on("keys-only"), given.on("count-only")

    def deed(member: MemberServer) -> RangeResult:
        accounts.check_key(member.cluster, client.config.user, key, end, write=False)
        return member.cluster.store.keys.range(Range(
            key, end, given.number("rev"), given.number("limit"), target.lower() if order or target else "", order == "DESCEND",
            count_only), at=member.data.revision)

    member, found = yield from client.act(GET_METHOD, deed, leader=not serializable)
    if run.form == "simple" and count_only:
        return 0
    return shapes.show(
        run, simple=lambda: "".join(
            shapes.kv_simple(run, each, value_only=given.on("print-value-only"), keys_only=keys_only) for each in found.kvs),
        data=lambda: {"header": shapes.header(member), **(
            {"kvs": [shapes.kv_json(each, keys_only=keys_only) for each in found.kvs]} if found.kvs else {}),
            **({"more": True} if found.more else {}), **({"count": found.count} if found.count else {})},
        rows=lambda: [*shapes.header_fields(member), *(
            pair for each in found.kvs for pair in shapes.kv_fields(each, keys_only=keys_only)),
            ("More", found.more), ("Count", found.count)])


@verb("put")
def put(run: Run) -> Steps[int]:
    """Write a key."""
    given = run.given
    if not run.words:
        raise Failure("put command needs 1 argument and input from stdin or 2 arguments", 128)
    key = raw(run.words[0])
    if len(run.words) > 1 and given.on("ignore-value"):
        raise Failure("put command needs only 1 argument when 'ignore-value' is set", 128)
    value = b""
    if len(run.words) > 1:
        value = raw(run.words[1])
    elif not given.on("ignore-value"):
        value = yield from run.call.input()
        if not value:
            raise Failure("put command needs 1 argument and input from stdin or 2 arguments", 128)
    lease = _lease(given["lease"])
    client = run.client()
    asked = Put(key, value, lease, given.on("prev-kv"), given.on("ignore-value"), given.on("ignore-lease"))

    def deed(member: MemberServer) -> Record | None:
        accounts.check_key(member.cluster, client.config.user, key, b"", write=True)
        return member.cluster.store.keys.put(asked)

    member, before = yield from client.act(PUT_METHOD, deed)
    shown = [before] if before is not None and given.on("prev-kv") else []
    return shapes.show(
        run, simple=lambda: "OK\n" + "".join(shapes.kv_simple(run, each) for each in shown),
        data=lambda: {"header": shapes.header(member), **({"prev_kv": shapes.kv_json(shown[0])} if shown else {})},
        rows=lambda: [*shapes.header_fields(member), *(pair for each in shown for pair in shapes.kv_fields(each, "Prev"))])


def _lease(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise Failure(f'bad lease ID (strconv.ParseInt: parsing "{text}": invalid syntax), expecting ID in Hex', 128) from None


@verb("del")
def delete(run: Run) -> Steps[int]:
    """Delete keys."""
    if not 1 <= len(run.words) <= 2:
        raise Failure("del command needs one argument as key and an optional argument as range_end", 128)
    key, end = span(run, "del")
    client = run.client()

    def deed(member: MemberServer) -> list[Record]:
        accounts.check_key(member.cluster, client.config.user, key, end, write=True)
        return member.cluster.store.keys.delete(Delete(key, end))

    member, found = yield from client.act(DEL_METHOD, deed)
    shown = found if run.given.on("prev-kv") else []
    return shapes.show(
        run, simple=lambda: f"{len(found)}\n" + "".join(shapes.kv_simple(run, each) for each in shown),
        data=lambda: {"header": shapes.header(member), **({"deleted": len(found)} if found else {}), **(
            {"prev_kvs": [shapes.kv_json(each) for each in shown]} if shown else {})},
        rows=lambda: [*shapes.header_fields(member), ("Deleted", len(found)), *(
            pair for each in shown for pair in shapes.kv_fields(each, "Prev"))])
