"""etcd's versions: cluster version, upgrade and downgrade."""

from sim.engine import Engine
from sim.etcd import upgrade
from sim.etcd.cluster import Cluster, DataDir
from sim.etcd.requests import EtcdError
from sim.etcd.snapshot import Member
from sim.etcd.store import Store


class Server:
    def __init__(self, version):
        self.version = version

    slow = False

    def reaches(self, other):
        return True


def servers(given):
    return [each and each["server"] for each in given["members"].values()]


def target(given):
    job = given.get("downgrade")
    return job["target"] if job and job["enabled"] else None


def decided(given):
    try:
        return {"cluster_version": upgrade.decide(servers(given), given["cluster_version"], target(given)), "error": None}
    except EtcdError as error:
        return {"cluster_version": given["cluster_version"], "error": str(error)}


def replaced(given):
    """Replace a real cluster's servers one by one."""
    store = Store(Engine())
    count = given["members"]
    members = [Member(number, f"m{number}", (f"http://m{number}:2380",)) for number in range(1, count + 1)]
    cluster = Cluster(store.engine, store, members, 1)
    data = {each.id: DataDir(cluster, each.id) for each in members}
    for number, directory in data.items():
        cluster.join(directory, Server(given["from"]))
    found = {}
    if given["downgrade_enabled"]:
        upgrade.check_request("enable", cluster.version, ".".join(given["to"].split(".")[:2]), in_progress=False)
        cluster.enable_downgrade(upgrade.cluster_text(given["to"]))
        found["cluster_version_before_first_replacement"] = cluster.version
    after = []
    for number, directory in data.items():
        cluster.leave(number)
        store.engine.advance(store.engine.now_us + 5_000_000)
        cluster.join(directory, Server(given["to"]))
        store.engine.advance(store.engine.now_us + 5_000_000)
        after.append(cluster.version)
    return {**found, "cluster_version_after_each_replacement": after, "storage_version_final": cluster.storage_version,
            "downgrade_job_cleared_at_end": not cluster.downgrade}


def requested(given):
    try:
        upgrade.check_request(given.get("command", "enable"), given.get("cluster", "3.6"), given.get("target", ""),
                              in_progress=given.get("in_progress", False))
    except EtcdError as error:
        return {"allowed": False, "error": str(error)}
    return {"allowed": True}


def converted(given):
    try:
        return {"error": False, "output": upgrade.cluster_text(given["input"])}
    except ValueError:
        return {"error": True, "output": ""}


def started(given):
    fine = upgrade.starts(given["server_version"], given["cluster_version"])
    return {"starts": fine, **({} if fine else {"panic": upgrade.LOWER})}


def cleared(given):
    job = given["downgrade"]
    done = job and job["enabled"] and upgrade.finished(job["target"], [each["cluster"] for each in given["members"].values()])
    return {"downgrade": None if done or not job else job}


OPS = {
    "valid_downgrade": lambda g: {"valid": upgrade.valid_downgrade(g["from"], g["to"])},
    "valid_cluster_version_change": lambda g: {"valid": upgrade.valid_change(g["from"], g["to"])},
    "server_start_version_check": started,
    "minimum_member_version": lambda g: {"version": upgrade.lowest(servers(g))},
    "downgrade_finished": lambda g: {"finished": upgrade.finished(
        g["target"], [each["cluster"] for each in g["members"].values()])},
    "decide_cluster_version": decided,
    "downgrade_state_after_monitor": cleared,
    "storage_version": lambda g: {"storage_version": upgrade.storage(g["cluster_version"], g["storage_version"])},
    "joining_member_compatible": lambda g: {"compatible": upgrade.may_join(
        g["local"], {name: each and (each["server"], each["cluster"]) for name, each in g["members"].items()},
        g["min_version"], g["max_version"])},
    "to_cluster_version": converted,
    "rolling_binary_replacement": replaced,
    "upgrade_path": lambda g: upgrade.path(g["from"], g["to"])._asdict(),
    "downgrade_request": requested,
}


def judge(given, expect):
    found = OPS[given["op"]](given)
    return [f"{name}: {found.get(name)!r}, should be {wanted!r}" for name, wanted in expect.items()
            if name != "detail" and found.get(name) != wanted]
