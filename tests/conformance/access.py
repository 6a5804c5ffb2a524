"""How the golden replay reaches into a lab: faults, counts, the scheduler's dice, the history."""

from contextlib import contextmanager

from sim.api import objects, selectors
from sim.api.client import Key
from sim.apiserver.verbs import create
from sim.controllers.workloads import pods
from sim.lab.faults import FaultError
from sim.lab.install.files import executable

ETCD_UNIT = "/etc/systemd/system/etcd.service"


def inject(lab, fault, target, *, end=False):
    lab.fault(fault, target, end=end)


@contextmanager
def deletion_ties(order):
    """Let the recording choose among pods that no rule of scale-down tells apart: chance upstream too."""
    plain = pods.tie
    pods.tie = lambda pod: (order(objects.name(pod), objects.dig(pod, "spec.nodeName", "")), plain(pod))
    try:
        yield
    finally:
        pods.tie = plain


@contextmanager
def generated_names(end):
    """Let the recording choose the ends of pods' generated names, by which lists are ordered."""
    plain = create.generated

    def generated(server, row, metadata):
        found = end(metadata.get("namespace", ""), metadata["generateName"]) if row.resource == "pods" else None
        name = f"{metadata['generateName']}{found}"
        free = found and server.store.get(Key("pods", metadata["namespace"], name)) is None
        return name if free else plain(server, row, metadata)

    create.generated = generated
    try:
        yield
    finally:
        create.generated = plain


def component(lab, word, names, step):
    """Kill, stop or start components (etcd may have a member's `name` and a `data_dir`)."""
    if step.get("data_dir"):
        lab.run(f"sed -i 's#--data-dir[= ][^ ]*#--data-dir={step['data_dir']}#' {ETCD_UNIT} && systemctl daemon-reload")
    for name in [step["name"]] if step.get("name") else [names] if isinstance(names, str) else names:
        if step.get("supervised") is False:
            lab.fault("supervise", name, end=True)
        try:
            lab.fault(word, name)
        except FaultError as error:
            if word != "stop" or "does not run" not in str(error):
                raise  # what had ended by itself was stopped all the same by who recorded it
        if word == "start" and name == "kube-apiserver" and not isinstance(names, str):
            # Who recorded it started one after another, each when the one before was there.
            lab.world.advance(lab.now_us + 15_000_000, stop=lambda: lab.server() is not None)


def supervise(lab, names):
    """From now on the components are restarted as a kubelet does. Raises NotSimulated where the lab cannot."""
    lab.fault("supervise", " ".join(names))


def set_kubectl(lab, host, version):
    """Replace a host's kubectl by one of another version; `none` takes no part."""
    if version != "none":
        executable(lab.network.hosts[host], "/usr/bin/kubectl", version)


def set_kubelet(lab, host, version):
    """Replace a host's kubelet by one of another version."""
    machine = lab.network.hosts[host]
    machine.files.view().write("/usr/bin/kubelet", f"#!simulated kubelet v{version}\n".encode())
    for kubelet in list(machine.kubelets):
        kubelet.version = version
        kubelet.look()


def ready_count(lab, namespace, selector):
    chosen = selectors.parse(selector)
    return sum(
        1 for pod in lab.store().list("pods", namespace)
        if chosen.matches(objects.labels(pod)) and objects.pod_ready(pod)
    )


def set_scheduler_pick(lab, pick):
    lab.set_scheduler_pick(pick)


def happenings(lab):
    """Give (seconds, kind, name, change, node) rows of the history, in the words of RUN.md."""
    for change in lab.world.changes():
        at = change.at_us / 1e6
        yield from ((at, *row) for row in _rows(change))


def _conditions(obj):
    return {c["type"]: c for c in objects.dig(obj or {}, "status.conditions", [])}


def _taints(obj):
    return [f"{t['key']}:{t['effect']}" for t in objects.dig(obj or {}, "spec.taints", [])]


def _rows(change):
    obj, old, new = change.object, change.old, change.new
    kind = obj.get("kind", "")
    namespace = change.key.namespace
    name = change.key.name if namespace in ("", "default") else f"{namespace}/{change.key.name}"
    node = objects.dig(obj, "spec.nodeName", "") if kind == "Pod" else ""
    if kind == "Event":
        if change.type != "DELETED":
            about = obj["involvedObject"]
            space = about.get("namespace", "")
            full = about["name"] if space in ("", "default") else f"{space}/{about['name']}"
            yield about["kind"], full, f"event {obj['reason']}", ""
        return
    if change.type == "ADDED":
        yield kind, name, "created", node
    if change.type == "DELETED":
        yield kind, name, "deleted", node
        return
    before, after = _conditions(old), _conditions(new)
    if kind == "Pod":
        if node and not objects.dig(old or {}, "spec.nodeName"):
            yield kind, name, f"bound {node}", node
        if objects.deleting(new) and not (old and objects.deleting(old)):
            yield kind, name, "deletionTimestamp", node
        if objects.dig(new, "status.phase") != objects.dig(old or {}, "status.phase"):
            yield kind, name, f"phase {objects.dig(new, 'status.phase')}", node
        target = after.get("DisruptionTarget")
        if target and target.get("status") == "True" and "DisruptionTarget" not in before:
            yield kind, name, f"DisruptionTarget {target.get('reason')}", node
        if after.get("Ready", {}).get("status") != before.get("Ready", {}).get("status") and "Ready" in after:
            yield kind, name, f"Ready {after['Ready']['status']}", node
    elif kind == "Node":
        for each in ("Ready", "MemoryPressure"):
            now, then = after.get(each), before.get(each)
            if now and (not then or (now["status"], now["reason"]) != (then["status"], then["reason"])):
                yield kind, name, f"{each} {now['status']} {now['reason']}", ""
        for taint in _taints(new):
            if taint not in _taints(old):
                yield kind, name, f"taint {taint}", ""
        for taint in _taints(old):
            if taint not in _taints(new):
                yield kind, name, f"untaint {taint}", ""
        flag = bool(objects.dig(new, "spec.unschedulable"))
        if flag != bool(objects.dig(old or {}, "spec.unschedulable")):
            yield kind, name, f"unschedulable {str(flag).lower()}", ""
        version = objects.dig(new, "status.nodeInfo.kubeletVersion")
        if version and version != objects.dig(old or {}, "status.nodeInfo.kubeletVersion"):
            yield kind, name, f"version {version}", ""
    else:
        status, past = new.get("status") or {}, (old or {}).get("status") or {}
        for field, value in status.items():
            if isinstance(value, int) and value != past.get(field):
                yield kind, name, f"{field} {value}", ""
        if objects.dig(new, "spec.replicas") != objects.dig(old or {}, "spec.replicas"):
            yield kind, name, f"spec {objects.dig(new, 'spec.replicas')}", ""
