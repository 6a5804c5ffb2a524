"""etcd's members: strict reconfiguration checks, quorum, restored snapshots."""

from dataclasses import replace

from sim.engine import Engine
from sim.etcd import ids, rules, snapshot
from sim.etcd.cluster import Cluster, DataDir, from_image
from sim.etcd.requests import EtcdError, Put, Range
from sim.etcd.snapshot import Member
from sim.etcd.store import Store
from sim.shell.etcd.snapshots import MISSING_HASH


def members(rows):
    return [Member(row["id"], "started" if row["started"] else "", (f"http://m{row['id']}:2380",), (), row["learner"])
            for row in rows]


def answer(check):
    try:
        check()
    except EtcdError as error:
        return {"allowed": False, "error": str(error)}
    return {"allowed": True, "error": None}


def ready(fine):
    return {"allowed": True} if fine else {"allowed": False, "error": rules.NOT_ENOUGH}


def validated(given):
    cluster, change = given["cluster"], given["change"]
    there = [Member(row["id"], "m", (row["peer_url"],), (), row["learner"]) for row in cluster["members"]]
    urls = [change["peer_url"]] if change.get("peer_url") else []
    return answer(lambda: rules.validate(
        there, cluster.get("removed_ids", ()), change["type"], change["id"], urls, max_learners=cluster.get("max_learners", 1)))


class Server:
    version = "3.5.21"

    slow = False

    def reaches(self, other):
        return True


def writes(given):
    """Start so many members of a real cluster and try."""
    store = Store(Engine())
    voters, learners = given["voters"], given.get("learners_up", 0)
    all_of = [Member(number, "m", (f"http://m{number}:2380",), (), number > voters) for number in range(1, voters + learners + 1)]
    cluster = Cluster(store.engine, store, all_of, 1)
    up = [each.id for each in all_of if each.learner or each.id <= given["voters_up"]]
    for number in up:
        cluster.join(DataDir(cluster, number), Server())
    store.engine.advance(store.engine.now_us + 5_000_000)
    fine = cluster.leader != 0
    assert fine == rules.can_commit(voters, given["voters_up"])
    return {"writable": fine, "linearizable_reads": fine}


def changed(given):
    target, voters = given.get("target") or {}, given.get("voters", 3)
    started = given.get("voters_started", voters)
    rows = [Member(number, "m" if number <= started else "", (f"http://m{number}:2380",)) for number in range(1, voters + 1)]
    learners = max(given.get("learners", 0), 1 if target.get("role") == "learner" or (
        given["request"] == "promote" and target.get("role") != "voter") else 0)
    rows += [Member(100 + number, "m", (f"http://l{number}:2380",), (), True) for number in range(learners)]
    connected = given.get("voters_connected_for_5s" if given["request"].startswith("add") else "voters_connected", voters)
    version = tuple(int(part) for part in given.get("etcd_version", "3.5.0").split("."))
    health = rules.Health(connected, given.get("strict_reconfig_check", True), target.get("reachable", True), version)
    about = 100 if learners and target.get("role") != "voter" else started
    if given["request"].startswith("add"):
        learner = given["request"] == "add_learner"

        def check():
            rules.check_add(rows, health, learner=learner)
            rules.validate(rows, (), given["request"], 999, ["http://new:2380"])
    elif given["request"] == "remove":
        def check():
            rules.check_remove(rows, health, about)
    else:
        def check():
            rules.check_promote(rows, health, about, learner_match=given.get("learner_match", 1),
                                leader_match=given.get("leader_match", 1))
    return answer(check)


def restored(given):
    """Save a snapshot of a cluster, restore it, start from it."""
    store = Store(Engine())
    while store.revision < given.get("snapshot_revision", 5):
        store.keys.put(Put(b"before"))
    names = given.get("initial_cluster") or given.get("members") or ["default"]
    old_urls = {name: (f"https://{name}:2380",) for name in names}
    before = [Member(ids.member_id(urls, "saved"), name, urls) for name, urls in old_urls.items()]
    cluster = Cluster(store.engine, store, before, ids.cluster_id(each.id for each in before), "saved")
    data = snapshot.encode(cluster.image(), digest=given.get("snapshot_from", "snapshot_save") == "snapshot_save")
    if given.get("object_created_after_snapshot"):
        store.keys.put(Put(b"after"))
    if not given.get("data_dir_empty", True):
        return {"error": f"data-dir \"{given['data_dir']}\" not empty or could not be read"}
    if not snapshot.has_digest(data) and not given.get("skip_hash_check"):
        return {"error": MISSING_HASH}
    image = snapshot.restored(
        snapshot.decode(data[:-32] if snapshot.has_digest(data) else data), bump=given.get("bump_revision", 0),
        mark_compacted=given.get("mark_compacted", False))
    token = given.get("initial_cluster_token", ids.TOKEN)
    after = [Member(ids.member_id(urls, token), name, urls) for name, urls in old_urls.items()]
    made = from_image(Engine(), replace(image, members=tuple(after), cluster=ids.cluster_id(each.id for each in after)), {})
    for each in after[:given.get("members_restored", len(after))]:
        made.join(DataDir(made, each.id), Server())
    made.engine.advance(5_000_000)
    try:
        made.store.keys.range(Range(b"before", revision=given.get("snapshot_revision", 5) - 1))
        compacted = False
    except EtcdError as error:
        compacted = "compacted" in str(error)
    return {"cluster_id_changed": made.id != cluster.id, "revision": made.store.revision,
            "member_ids_changed": not {each.id for each in before} & {each.id for each in after},
            "old_members_can_join": bool({each.id for each in before} & made.members.keys()),
            "older_revisions_compacted": compacted, "object_present": bool(made.store.keys.range(Range(b"after")).kvs),
            "writable": made.leader != 0}


OPS = {
    "ready_to_add_voting_member": lambda g: ready(rules.ready_to_add(members(g["members"]))),
    "ready_to_remove_voting_member": lambda g: ready(rules.ready_to_remove(members(g["members"]), g["member"])),
    "ready_to_promote_member": lambda g: ready(rules.ready_to_promote(members(g["members"]))),
    "validate_config_change": validated,
    "quorum": lambda g: {"quorum": rules.quorum(g["cluster_size"]), "failure_tolerance": rules.tolerance(g["cluster_size"])},
    "can_write": writes,
    "member_change": changed,
    "snapshot_restore": restored,
}


def judge(given, expect):
    found = OPS[given["op"]](given)
    return [f"{name}: {found.get(name)!r}, should be {wanted!r}" for name, wanted in expect.items()
            if name != "detail" and found.get(name) != wanted]
