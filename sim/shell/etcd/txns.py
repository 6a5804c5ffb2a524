"""etcdctl txn: conditions, and the requests for when they hold and when not, from standard input.

Models: etcdctl/ctlv3/command/txn_command.go.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from sim.engine import Steps
from sim.etcd.requests import Compare, Delete, Put, Range, RangeResult, Record, Txn, TxnResult
from sim.shell.etcd.frame import commands, shapes
from sim.shell.etcd.frame.client import Failure
from sim.shell.etcd.frame.ctl import Run, verb
from sim.shell.etcd.keys import prefix_end, raw

CONDITION = re.compile(r'\s*(\w+)\("((?:[^"\\]|\\.)*)"\)\s*([=!<>]+)\s*(.*)$')
TARGETS = {"ver": "version", "version": "version", "c": "create", "create": "create", "m": "mod", "mod": "mod",
           "val": "value", "value": "value", "lease": "lease"}
Operation = Range | Put | Delete | Txn


def condition(line: str) -> Compare:
    """Read `mod("key") > "0"`. Raises Failure."""
    found = CONDITION.match(line)
    if found is None:
        raise Failure(f"malformed comparison: {line}", 3)
    target = TARGETS.get(found[1])
    if target is None:
        raise Failure(f"malformed comparison: {line} (unknown target {found[1]})", 3)
    if found[3] not in ("=", "!=", "<", ">"):
        raise Failure(f"malformed comparison: {line} (unknown operator {found[3]})", 3)
    text = found[4].strip()
    value = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    if target == "value":
        return Compare(target, raw(found[2]), found[3], raw(value))
    try:
        return Compare(target, raw(found[2]), found[3], int(value, 16 if target == "lease" else 10))
    except ValueError:
        raise Failure(f'invalid txn compare request: {line} (strconv.ParseInt: parsing "{value}": invalid syntax)', 3) from None


def operation(run: Run, line: str) -> Operation:
    """Read `put key value`, `get key`, `del key` with their flags. Raises Failure."""
    try:
        words = shlex.split(line)
        command = run.commands.get(words[0]) if words and words[0] in ("put", "get", "del") else None
        if command is None:
            raise Failure(f"invalid txn request: {line} (unrecognized operation)", 3)
        given = commands.read(run.commands, command, words[1:])
    except (ValueError, commands.UsageError) as error:
        raise Failure(f"invalid txn request: {line} ({error})", 3) from None
    if not given.words:
        raise Failure(f"invalid txn request: {line} (missing key)", 3)
    key = raw(given.words[0])
    end = prefix_end(key) if given.on("prefix") else b"\0" if given.on("from-key") else (
        raw(given.words[1]) if len(given.words) > 1 else b"")
    if words[0] == "put":
        return Put(key, raw(given.words[1]) if len(given.words) > 1 else b"", int(given["lease"] or "0", 16), given.on("prev-kv"))
    if words[0] == "del":
        return Delete(key, end, given.on("prev-kv"))
    return Range(key, end, given.number("rev"), given.number("limit"))


@verb("txn")
def txn(run: Run) -> Steps[int]:
    """Run a transaction."""
    if run.words:
        raise Failure("txn command does not accept argument", 128)
    text = (yield from run.call.input()).decode(errors="surrogateescape")
    parts: list[list[str]] = [[], [], []]
    at = 0
    for line in text.split("\n"):
        if not line.strip():
            at += 1
            if at > 2:
                break
        else:
            parts[at].append(line)
    if run.given.on("interactive"):
        run.say("compares:\n")
    asked = Txn(tuple(map(condition, parts[0])), tuple(operation(run, line) for line in parts[1]),
                tuple(operation(run, line) for line in parts[2]))
    if run.given.on("interactive"):
        run.say("success requests (get, put, del):\nfailure requests (get, put, del):\n")
    member, found = yield from run.client().act("/etcdserverpb.KV/Txn", lambda member: member.cluster.store.keys.txn(asked))
    branch = list(zip(found.responses, asked.success if found.succeeded else asked.failure, strict=True))
    return shapes.show(
        run, simple=lambda: ("SUCCESS\n" if found.succeeded else "FAILURE\n") + "".join(_simple(run, *each) for each in branch),
        data=lambda: {"header": shapes.header(member), **({"succeeded": True} if found.succeeded else {}), **(
            {"responses": [_json(member.data.revision, *each) for each in branch]} if branch else {})},
        rows=lambda: [*shapes.header_fields(member), ("Succeeded", found.succeeded)])


Answer = RangeResult | Record | list[Record] | None | TxnResult


def _simple(run: Run, answer: Answer, asked: Operation) -> str:
    if isinstance(answer, RangeResult):
        return "\n" + "".join(shapes.kv_simple(run, each) for each in answer.kvs)
    if isinstance(answer, list):
        return f"\n{len(answer)}\n" + "".join(shapes.kv_simple(run, each) for each in answer if asked.prev)  # type: ignore[union-attr]
    before = answer if isinstance(answer, Record) and isinstance(asked, Put) and asked.prev else None
    return "\nOK\n" + (shapes.kv_simple(run, before) if before is not None else "")


def _json(revision: int, answer: Answer, asked: Operation) -> dict[str, Any]:
    header = {"header": {"revision": revision}}
    if isinstance(answer, RangeResult):
        body = {**header, **({"kvs": [shapes.kv_json(each) for each in answer.kvs], "count": answer.count} if answer.kvs else {})}
        return {"Response": {"ResponseRange": body}}
    if isinstance(answer, list):
        return {"Response": {"ResponseDeleteRange": {**header, **({"deleted": len(answer)} if answer else {})}}}
    return {"Response": {"ResponsePut": header}}
