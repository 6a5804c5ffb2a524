"""etcdctl watch. Models: etcdctl/ctlv3/command/watch_command.go."""

from __future__ import annotations

from sim.engine import Steps
from sim.etcd.requests import EtcdError, Record
from sim.shell.etcd.frame import printing, shapes
from sim.shell.etcd.frame.client import Failure
from sim.shell.etcd.frame.ctl import Run, verb
from sim.shell.etcd.keys import prefix_end, raw


def target(run: Run) -> tuple[bytes, bytes, list[str]]:
    """Give key, end and the command to run at each event. Raises Failure."""
    words, command = list(run.words), list[str]()
    if "--" in words:
        at = words.index("--")
        words, command = words[:at], words[at + 1:]
    env = run.call.env
    if not words and env.get("ETCDCTL_WATCH_KEY"):
        words = [env["ETCDCTL_WATCH_KEY"], *filter(None, [env.get("ETCDCTL_WATCH_RANGE_END", "")])]
    if not 1 <= len(words) <= 2:
        raise Failure("bad number of arguments", 128)
    key = raw(words[0])
    end = prefix_end(key) if run.given.on("prefix") else raw(words[1]) if len(words) > 1 else b""
    if run.given.on("prefix") and len(words) > 1:
        raise Failure("`range_end` and `--prefix` are mutually exclusive", 128)
    return key, end, command


@verb("watch")
def watch(run: Run) -> Steps[int]:
    """Print the changes of keys until it is interrupted."""
    if run.given.on("interactive"):
        return run.call.refuse("etcdctl watch -i")
    key, end, command = target(run)
    client, engine = run.client(), run.call.engine
    member = yield from client.serving("/etcdserverpb.Watch/Watch")
    found: list[tuple[Record, Record | None]] = []
    woken = engine.event()

    def seen(record: Record, before: Record | None) -> None:
        found.append((record, before))
        if not woken.triggered:
            woken.succeed()

    try:
        stop = member.cluster.store.keys.watch(key, end, seen, run.given.number("rev"))
    except EtcdError:
        run.say("watch was canceled (etcdserver: mvcc: required revision has been compacted)\n", "stderr")
        raise Failure("watch is canceled by the server", 5) from None
    try:
        while True:
            if not found:
                woken = engine.event()
                yield woken
            events, found[:] = list(found), []
            run.say("".join(_shown(run, member.cluster.id, *each) for each in events))
            for _ in events if command else ():
                yield from run.call.run(command)
    finally:
        stop()


def _shown(run: Run, cluster: int, record: Record, before: Record | None) -> str:
    with_before = before is not None and run.given.on("prev-kv")
    kind = "PUT" if record.value is not None else "DELETE"
    if run.form == "json":
        event = {**({"type": 1} if kind == "DELETE" else {}), "kv": shapes.kv_json(record),
                 **({"prev_kv": shapes.kv_json(before)} if with_before and before is not None else {})}
        return printing.dump({"Header": {"cluster_id": cluster, "revision": record.main}, "Events": [event],
                              "CompactRevision": 0, "Canceled": False, "Created": False}) + "\n"
    if run.form == "fields":
        rows = [*(shapes.kv_fields(before, "Prev") if with_before and before is not None else []), *shapes.kv_fields(record)]
        return shapes.fields([("Type", kind), *rows])
    shown = shapes.kv_simple(run, before) if with_before and before is not None else ""
    return f"{kind}\n{shown}{shapes.kv_simple(run, record)}"
