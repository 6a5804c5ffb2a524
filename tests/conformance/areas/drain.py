"""Drain: each case is a line of kubectl at a host with an API server, or one of drain's own parts with a given world."""

from sim.api import times
from sim.api.client import Key, Response
from sim.api.errors import StatusError
from sim.engine import microseconds
from sim.shell.kubectl.nodes import filters
from tests.shell.kubectl.desk import Desk, failing

RESOURCES = {"ReplicaSet": "replicasets", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs",
             "ReplicationController": "replicationcontrollers"}
WORDS = {
    "drain": ({"args", "node", "pods", "missing_controllers", "api_fails_on_eviction_or_delete"},
              {"node_unschedulable_after", "exit_error", "removed", "stdout_contains", "stderr_contains", "error_message",
               "warning"}),
    "cordon": ({"args", "nodes_existing", "unschedulable_before"}, {"exit_error", "unschedulable_after", "api_updated", "stdout"}),
    "skip_deleted_filter": ({"deletion_timestamp_age_seconds", "skip_wait_for_delete_timeout_seconds"}, {"delete"}),
    "wait_for_delete": ({"get_answers", "deletion_timestamp_age_s", "skip_wait_for_delete_timeout_s", "timeout_s",
                         "cancelled_after_s"}, {"pending", "error"}),
    "delete_or_evict": ({"eviction_supported", "disable_eviction", "grace_period", "pods", "remove"},
                        {"method", "grace_period_seconds_sent", "remaining"}),
    "filter_pods": ({"force", "pod", "additional_filters_after_the_builtin_ones"}, {"pods_to_delete"}),
    "cordon_update_required": ({"unschedulable", "desired"}, {"updated"}),
    "evict_in_terminating_namespace": ({"pod", "get_answers", "eviction_code", "eviction_cause", "timeout_s"}, {"error"}),
}
WORDS["uncordon"] = WORDS["cordon"]
PATIENCE_US = microseconds(600)


def judge(given, expect):
    given = dict(given)
    op = given.pop("op")
    for unknown in (set(given) - WORDS[op][0]) | (set(expect) - WORDS[op][1] - {"detail"}):
        raise KeyError(unknown)
    actual = {"drain": drain, "cordon": cordon, "uncordon": cordon, "skip_deleted_filter": skip_deleted,
              "wait_for_delete": wait_for_delete, "delete_or_evict": delete_or_evict, "filter_pods": filter_pods,
              "cordon_update_required": cordon_update, "evict_in_terminating_namespace": terminating_namespace}[op](op, given, expect)
    return [f"{word}: {actual[word]!r}, should be {expect[word]!r}" for word in actual
            if word in expect and actual[word] != expect[word]]


def a_pod(desk, name, node, namespace="default", **more):
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}", **more.get("metadata", {})}
    desk.put("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node, **more.get("spec", {})},
                      "status": {"phase": more.get("phase", "Running")}})


def a_node(desk, name, *, cordoned=False):
    desk.put("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                       "spec": {"unschedulable": True} if cordoned else {}, "status": {}})


def world(given):
    desk = Desk()
    a_node(desk, given["node"]["name"], cordoned=given["node"].get("unschedulable", False))
    for pod in given.get("pods", []):
        metadata, owner = {}, pod.get("controller")
        if owner:
            uid = f"uid-{owner['kind']}-{owner['name']}"
            metadata["ownerReferences"] = [{"apiVersion": owner.get("apiVersion", "v1"), "kind": owner["kind"],
                                            "name": owner["name"], "uid": uid, "controller": True}]
            gone = f"{owner['kind']}/{owner['name']}" in given.get("missing_controllers", [])
            if owner["kind"] in RESOURCES and not gone:
                desk.put(RESOURCES[owner["kind"]], {"kind": owner["kind"], "metadata": {
                    "name": owner["name"], "namespace": pod.get("namespace", "default"), "uid": uid}})
        if pod.get("mirror"):
            metadata["annotations"] = {"kubernetes.io/config.mirror": "x"}
        spec = {"volumes": [{"name": "scratch", "emptyDir": {}}]} if pod.get("emptyDir") else {}
        a_pod(desk, pod["name"], pod["node"], pod.get("namespace", "default"), metadata=metadata, spec=spec,
              phase=pod.get("phase", "Running"))
    if given.get("api_fails_on_eviction_or_delete"):
        desk.answers.append(failing((500, "InternalError", "the server failed"), ("create", "pods", "eviction"),
                                    ("delete", "pods", "")))
    return desk


def drain(op, given, expect):
    desk = world(given)
    status, out, err = desk.run(f"kubectl drain {' '.join(given['args'])}")
    node = desk.store.get(Key("nodes", "", given["node"]["name"]))
    asked = len(desk.sent("create", "pods", "eviction") + desk.sent("delete", "pods"))
    lines, wanted = err.splitlines(), expect.get("error_message")
    reason = next((line.partition("due to error: ")[2].removesuffix(", continuing command...") for line in lines
                   if "due to error: " in line), None)
    return {
        "node_unschedulable_after": bool(node["spec"].get("unschedulable")), "exit_error": status != 0, "removed": asked == 1,
        "stdout_contains": expect.get("stdout_contains") if expect.get("stdout_contains", "") in out else out,
        "stderr_contains": expect.get("stderr_contains") if expect.get("stderr_contains", "") in err else err,
        "error_message": reason if wanted else None,
        "warning": expect.get("warning") if expect.get("warning") in lines else lines,
    }


def cordon(op, given, expect):
    desk = Desk()
    for name in given["nodes_existing"]:
        a_node(desk, name, cordoned=given["unschedulable_before"])
    before = desk.store.revision
    status, out, _ = desk.run(f"kubectl {op} {' '.join(given['args'])}")
    after = [bool((desk.store.get(Key("nodes", "", name)) or {"spec": {}})["spec"].get("unschedulable")) for name in given["args"]]
    return {"exit_error": status != 0, "unschedulable_after": all(after), "api_updated": desk.store.revision > before,
            "stdout": out.splitlines()}


def skip_deleted(op, given, expect):
    now_us = times.parse("2025-06-15T12:00:00Z")
    age = given["deletion_timestamp_age_seconds"]
    metadata = {} if age is None else {"deletionTimestamp": times.stamp(now_us - microseconds(age))}
    settings = filters.Settings(36, now_us, skip_deleted_seconds=given["skip_wait_for_delete_timeout_seconds"])
    steps = filters.skip_deleted(settings, {"metadata": metadata}, None)
    try:
        next(steps)
    except StopIteration as end:
        return {"delete": end.value.delete}


def wait_for_delete(op, given, expect):
    """Drain a node with one pod of which the server then says what the case says."""
    desk = Desk()
    a_node(desk, "node")
    a_pod(desk, "pod", "node", metadata={"ownerReferences": [{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs", "controller": True}]})
    pod = desk.store.get(Key("pods", "default", "pod"))
    if "deletion_timestamp_age_s" in given:
        age_us = microseconds(given["deletion_timestamp_age_s"])
        pod = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": times.stamp(desk.engine.unix_us - age_us)}}
    answers = list(given["get_answers"])

    def answer(request):
        if request.subresource == "eviction":
            return Response(201, {})
        if request.verb != "get" or request.key != Key("pods", "default", "pod"):
            return None
        word = answers.pop(0) if len(answers) > 1 else answers[0]
        if word == "not_found":
            raise StatusError(404, "NotFound", 'pods "pod" not found')
        if word == "error":
            raise StatusError(500, "InternalError", "the server failed")
        more = {"other_uid": {"uid": "another"}, "terminating": {"deletionTimestamp": times.stamp(desk.engine.unix_us)}}
        return Response(200, {**pod, "metadata": {**more.get(word, {}), **pod["metadata"]} if word == "terminating" else {
            **pod["metadata"], **more.get(word, {})}})

    desk.answers.append(answer)
    flags = f" --timeout={given['timeout_s']}s" if "timeout_s" in given else ""
    if given.get("skip_wait_for_delete_timeout_s"):
        flags += f" --skip-wait-for-delete-timeout={given['skip_wait_for_delete_timeout_s']}"
    limit_us = microseconds(given["cancelled_after_s"]) if "cancelled_after_s" in given else PATIENCE_US
    status, _, err = desk.run(f"kubectl drain node{flags}", limit_us)
    error = None
    if status is None:
        error = "cancelled" if "cancelled_after_s" in given else "never"
    elif status:
        error = "timeout" if "deadline exceeded" in err else "error_of_get"
    return {"pending": status != 0, "error": error}


def delete_or_evict(op, given, expect):
    """Drain a node on which only the pods lie that are to be removed."""
    desk = Desk()
    a_node(desk, "node")
    for name in given["pods"]:
        a_pod(desk, name, "node" if name in given["remove"] else "other", metadata={"ownerReferences": [{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs", "controller": True}]})
    without = "" if given["eviction_supported"] and not given["disable_eviction"] else " --disable-eviction"
    desk.run(f"kubectl drain node --grace-period={given['grace_period']}{without}")
    evicted, deleted = desk.sent("create", "pods", "eviction"), desk.sent("delete", "pods")
    grace = {request.body["deleteOptions"].get("gracePeriodSeconds") for request in evicted} | {
        int(request.query["gracePeriodSeconds"]) for request in deleted}
    return {"method": "evict" if evicted else "delete", "grace_period_seconds_sent": grace.pop(),
            "remaining": [each["metadata"]["name"] for each in desk.store.list("pods")]}


def filter_pods(op, given, expect):
    """Judge a pod with more filters behind the built-in ones."""
    def saying(word):
        def check(settings, pod, find):
            return {"skip": filters.SKIP, "okay": filters.OKAY}[word]
            yield

        return check

    more = [saying(word) for word in given.get("additional_filters_after_the_builtin_ones", [])]
    settings = filters.Settings(36, times.parse("2025-06-15T12:00:00Z"), force=given["force"])
    pod = {"metadata": dict(given["pod"]), "status": {"phase": "Running"}}
    try:
        next(filters.judge(settings, pod, None, (*filters.FILTERS, *more)))
    except StopIteration as end:
        return {"pods_to_delete": int(end.value.delete)}


def cordon_update(op, given, expect):
    word = "cordon" if given["desired"] else "uncordon"
    row = {"args": ["node"], "nodes_existing": ["node"], "unschedulable_before": given["unschedulable"]}
    return {"updated": cordon(word, row, {})["api_updated"]}


def terminating_namespace(op, given, expect):
    """Evict a pod while the server answers that its namespace goes."""
    desk = Desk()
    a_node(desk, "node")
    name, namespace = given["pod"]["name"], given["pod"]["namespace"]
    a_pod(desk, name, "node", namespace, metadata={"ownerReferences": [{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs", "controller": True}]})
    pod, answers = desk.store.get(Key("pods", namespace, name)), list(given["get_answers"])

    def answer(request):
        if request.subresource == "eviction":
            raise StatusError(given["eviction_code"], "Forbidden", "the namespace goes", {
                "causes": [{"reason": given["eviction_cause"], "message": "the namespace goes"}]})
        if request.verb != "get" or request.key != Key("pods", namespace, name):
            return None
        word = answers.pop(0) if len(answers) > 1 else answers[0]
        if word == "not_found":
            raise StatusError(404, "NotFound", f'pods "{name}" not found')
        stamp = times.stamp(desk.engine.unix_us)
        return Response(200, {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": stamp}} if (
            word == "terminating") else pod)

    desk.answers.append(answer)
    status, _, err = desk.run("kubectl drain node" + (f" --timeout={given['timeout_s']}s" if "timeout_s" in given else ""),
                              PATIENCE_US)
    found = next((line.partition("due to error: ")[2].removesuffix(", continuing command...")
                  for line in err.splitlines() if "due to error: " in line), None)
    return {"error": found if status else None}
