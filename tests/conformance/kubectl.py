"""Replays the kubectl tour: about 1,150 commands with three real clients, compared in text and status.

python -m tests.conformance.kubectl [--golden DIR] [--folder F] [--client 1.36] [--section TEXT] [--show N] [--json OUT]

The form of the folders: golden/kubectl-setup/README.md. Every section starts from the same cluster (a fork of the lab that
set it up); READ-ONLY sections share one. A command is `equal`, `listed` (known, with its reason in divergences.yaml), `refused` (status 120: not modelled, said so), `skipped`
(with the reason below) or `different`. Masks: masks.py, and those below; they are what a run cannot have in common with
another (ages, generated names, addresses, uids, times).
"""

import argparse
import difflib
import gzip
import json
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests.conformance import masks
from tests.conformance.replay import Recorded, recorded

HERE = Path(__file__).parent
FOLDERS = ("kubectl-get-tables", "kubectl-describe", "kubectl-errors", "kubectl-cluster", "kubectl-create-run-apply")
TRANSCRIPTS = {"1.36": "transcript.txt", "1.33": "transcript-kubectl-1.33.txt", "1.28": "transcript-kubectl-1.28.txt"}
PATCH = {"1.36": "1.36.2", "1.33": "1.33.1", "1.28": "1.28.15"}
MANIFESTS = ("base", "00-kube-system", "01-static", "10-default", "20-shop", "40-kubernetes-endpoints", "30-broken")
SKIPPED_SECTIONS = {"kubelet not reachable": "the stand-in kubelets could not be reached; ours answer"}
SETUPS = {
    "edit": "kubectl apply -f a1.yaml", "set": "kubectl apply -f a1.yaml", "rollout-sts-ds": "kubectl apply -f sd.yaml",
    "pods-deleted-under": "kubectl apply -f slow.yaml", "conflict": "kubectl create cm cc --from-literal=a=1",
    "pod-terminating": "kubectl apply -f stuck.yaml", "rollout-describe": "kubectl apply -f roll.yaml",
    "terminating-namespace": "kubectl create ns going; kubectl apply -n going -f stuck.yaml",
    "config": "mkdir -p lab; cp .kube/config lab/kc; cp lab/kc kc; export KUBECONFIG=/root/lab/kc",
}
"""What was done before the first line of a section and is not recorded."""
SETTLE_US = 10_000_000
LAST_LINE = "kubectl rollout status"
"""Verbs of which the last line counts: how many states a watch shows on the way is a matter of milliseconds."""
IGNORED = re.compile(r"openshift|KubeAPIReadyz|^\[\d+\][ +-]")
"""Lines of the recording machine, and notices of jobs, which only an interactive shell writes."""
WORD_MASKS = [
    (re.compile(r"^\?\?\? "), ""),
    (re.compile(r"^([EWI])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ "), r"\1TIME PID "),
    (re.compile(r"\b\d{1,4}(?:[dhm](?:\d{1,2}[hms])?|s)(?=$|[\s,)\]])"), "AGE"),
    (re.compile(r"<invalid>|<unknown>(?= *$)"), "AGE"),
    (re.compile(r"(uid: )\S+"), r"\1UID"),
    (re.compile(r"\b10\.(?:244|96)\.\d+\.\d+|\b172\.\d+\.\d+\.\d+|\b10\.\d+\.\d+\.\d+"), "IP"),
    (re.compile(r"https?://(?:\[?[\w.:]+\]?):\d+|\b(?:127\.0\.0\.1|IP|localhost):6443"), "SERVER"),
    (re.compile(r"/tmp/(LIVE|MERGED)-\d+"), r"/tmp/\1"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \+0000"), "TIME"),
    (re.compile(r"(kubectl-edit)-\d+"), r"\1-N"),
    (re.compile(r"(resourceVersion\"?:\s*\"?|Resource Version:\s+)[\w]+"), r"\1N"),
    (re.compile(r"(controller\.kubernetes\.io/hash=)\w+"), r"\1HASH"),
    (re.compile(r"(imageID\"?: \"?)[^\",\n]+"), r"\1ID"),
    (re.compile(r"docker\.io/library/([\w.-]+(?::[\w.-]+)?)(?:@sha256:[0-9a-f]{64})?"), r"\1"),
]


@dataclass
class Section:
    title: str
    commands: list[Recorded]

    @property
    def stateful(self) -> bool:
        return self.title.startswith("SEQUENCE")


def read(path: Path) -> list[Section]:
    """Read a transcript (or its .gz) by its sections."""
    packed = path.with_name(path.name + ".gz")
    text = gzip.decompress(packed.read_bytes()).decode() if packed.exists() else path.read_text()
    found: list[Section] = []
    for part in re.split(r"^(?=\[\+[\d.]+s\] # (?:READ-ONLY|SEQUENCE) )", text, flags=re.M)[1:]:
        title = re.match(r"\[\+[\d.]+s\] # (.*)", part)[1]
        found.append(Section(title, recorded(part)))
    return found


def scenario(golden: Path) -> str:
    files = {"controlplane:/root/lab/empty.yaml": ""}
    setup = golden / "kubectl-setup"
    for path in sorted((setup / "files").rglob("*")):
        if path.is_file():
            files[f"controlplane:/root/{path.relative_to(setup / 'files').as_posix().removeprefix('dirs/')}"] = path.read_text()
    for name in MANIFESTS:
        path = setup / "manifests" / f"{name}.yaml"
        path = path if path.exists() else golden / "manifests" / f"{name}.yaml"
        files[f"controlplane:/root/{name}.yaml"] = path.read_text()
        for number, document in enumerate(re.split(r"^---\n", path.read_text(), flags=re.M)):
            files[f"controlplane:/opt/manifests/{name}/{number:02d}.yaml"] = document
    nodes = [
        {"name": "controlplane", "role": "control-plane", "address": "172.30.1.2", "cpu": 2, "memory": "4Gi",
         "taints": ["node-role.kubernetes.io/control-plane:NoSchedule"],
         "labels": {"node.kubernetes.io/exclude-from-external-load-balancers": ""}},
        {"name": "node01", "role": "worker", "address": "172.30.2.2", "cpu": 2, "memory": "4Gi",
         "labels": {"disk": "ssd", "env": "prod"}},
        {"name": "node02", "role": "worker", "address": "172.30.2.3", "cpu": 2, "memory": "4Gi",
         "labels": {"disk": "hdd", "env": "dev"}, "taints": ["dedicated=batch:PreferNoSchedule"]},
    ]
    return yaml.safe_dump({
        "apiVersion": "kubedrill.dev/v1", "kind": "Scenario",
        "metadata": {"name": "kubectl-tour", "topic": "golden", "level": 1, "title": "kubectl tour"},
        "spec": {
            "minutes": 60, "versions": [{"kubernetes": "1.36.2"}],
            "clusters": [{"name": "kubernetes", "installer": "systemd", "addons": [], "nodes": nodes}],
            "terminals": [{"name": "main", "host": "controlplane", "user": "root"}],
            "images": {"default": {"start_seconds": 1.0, "stop_seconds": 1.0}}, "files": files, "setup": [],
            "tasks": [{"name": "none", "prompt": "none", "goals": [], "solutions": [["true"]]}],
        }}, sort_keys=False)


def cluster(golden: Path, client: str):
    """Build the cluster of kubectl-setup/README.md; give the lab and what went wrong."""
    from sim.lab.lab import Lab
    from sim.lab.scenario import load

    with tempfile.TemporaryDirectory() as temp:
        path = Path(temp) / "tour.yaml"
        path.write_text(scenario(golden))
        lab = Lab(load(path))
    problems = []

    def do(line: str) -> None:
        result = lab.run(line, patience_seconds=300)
        if result.status:
            problems.append(f"set-up: {line}: {result.stderr.strip()[:300]}")

    do(f"echo '#!simulated kubectl v{PATCH[client]}' > /usr/bin/kubectl")
    for name in MANIFESTS:
        for path in lab.run(f"ls /opt/manifests/{name}").stdout.split():
            do(f"kubectl apply -f /opt/manifests/{name}/{path}")
    do("kubectl create configmap openshift-service-ca.crt -n shop")  # the recording machine put one into every namespace
    lab.advance(lab.now_us + 40_000_000)
    do("kubectl cordon node02")
    lab.advance(lab.now_us + 30_000_000)
    return lab, problems


def fresh(golden: Path, client: str):
    """Give a fork of the cluster. What did not come through a terminal is not in a fork, so pods break here."""
    world = base(golden, client)[0].fork()
    keep_broken(world.server())
    break_pods(world, golden)
    return world


def keep_broken(server) -> None:
    """Have kubelets act as the stand-ins did: leave what is posted for the pods of namespace broken, and a pod that says so."""
    from sim.api.client import Response

    handle = server.handle

    def guarded(request):
        if request.key.namespace == "broken" and request.subresource == "status" and request.agent:
            return Response(200, server.store.get(request.key))
        if request.verb == "delete" and request.key.resource == "pods" and request.agent == "kubelet":
            pod = server.store.get(request.key)
            if pod and "oracle/ignore-delete" in pod["metadata"].get("annotations", {}):
                return Response(200, pod)
        return handle(request)

    server.handle = guarded


def break_pods(lab, golden: Path) -> None:
    """Give the pods of namespace broken the statuses that a real kubelet would report."""
    from sim.api import times
    from sim.api.client import Key, Request

    path = golden / "kubectl-setup" / "manifests" / "30-broken-status.json"

    def dated(value):
        if isinstance(value, dict):
            return {name: dated(inner) for name, inner in value.items() if inner != []}
        if isinstance(value, list):
            return [dated(inner) for inner in value]
        if isinstance(value, str) and (m := re.fullmatch(r"@(-?\d+)", value)):
            return times.stamp(lab.engine.unix_us + int(m[1]) * 1_000_000)
        return value

    server = lab.server()
    for name, status in json.loads(path.read_text()).items():
        status = {**posted(name, status), **status}
        key = Key("pods", "broken", name)
        if lab.store().get(key) is not None:
            server.handle(Request("patch", key, subresource="status", body={"status": dated(status)},
                                  query={"patchType": "merge"}))


def mask(lines: list[str]) -> list[str]:
    out = []
    for line in lines:
        if IGNORED.search(line) or STAND_IN.match(line):
            continue
        line = masks.text(line)
        for pattern, replacement in WORD_MASKS:
            line = pattern.sub(replacement, line)
        indent = len(line) - len(line.lstrip(" "))
        out.append(" " * indent + re.sub(r" {2,}", "  ", line.strip()))
    return out


def posted(name: str, status: dict) -> dict:
    """Give what the stand-in kubelets posted besides: addresses, the time of the start, conditions."""
    over = status["phase"] in ("Failed", "Succeeded")
    truths = (not over, not name.startswith("init-"), False, False, True)
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    ips = {} if name == "evicted" else {"podIP": "192.168.1.99", "podIPs": [{"ip": "192.168.1.99"}]}
    return {"hostIP": "172.30.2.2", "startTime": "@-60", **ips, "conditions": [
        {"type": kind, "status": str(truth), "lastProbeTime": None, "lastTransitionTime": "@-60"}
        for kind, truth in zip(kinds, truths)]}


STAND_IN = re.compile(r" *(?:Normal|Warning) +(?:Starting|Pulled|Pulling|Created|Started|Killing) ")
"""Events of kubelets: theirs were stand-ins (RUN.md, mask `events`)."""
FOREIGN = re.compile(
    r" *- configMap:\n *items:\n *- key: service-ca.crt\n *path: service-ca.crt\n *name: openshift-service-ca.crt\n|"
    r' *\{\n *"configMap": \{\n *"items": \[\n *\{\n *"key": "service-ca.crt",\n *"path": "service-ca.crt"\n *\}\n *\],\n'
    r' *"name": "openshift-service-ca.crt"\n *\}\n *\},?\n|'
    r" *ConfigMapName: +openshift-service-ca.crt\n *(?:ConfigMap)?Optional: +\S+\n")
"""A ConfigMap that the recording machine mounted into every pod."""


def cleaned(rows: list[str]) -> list[str]:
    return FOREIGN.sub("", "".join(f"{row}\n" for row in rows)).splitlines()


def same(ours: list[str], real: list[str]) -> bool:
    a, b = mask(ours), mask(cleaned(real))
    if a == b:
        return True
    if len(a) != len(b) or not any("-*" in line for line in b):
        return False
    loose = lambda rows: Counter(re.sub(r"\bnode0[12]\b", "NODE", row) for row in rows)
    return loose(a) == loose(b)


def outcome(result, row: Recorded) -> str:
    if result.status == 120:
        return "refused"
    if row.line.startswith(LAST_LINE):
        return "equal" if result.status == row.exit and same(result.stdout.splitlines()[-1:], row.out[-1:]) else "different"
    equal = result.status == row.exit and same(result.stdout.splitlines(), row.out) and (
        same(result.stderr.splitlines(), row.err))
    return "equal" if equal else "different"


def difference(result, row: Recorded) -> str:
    text = [f"    exit {result.status}, real {row.exit}"] if result.status != row.exit else []
    for name, ours, real in (("out", result.stdout, row.out), ("err", result.stderr, row.err)):
        a, b = mask(ours.splitlines()), mask(cleaned(real))
        if a != b:
            text += [f"    {name} {line}" for line in difflib.unified_diff(b, a, "real", "ours", lineterm="", n=0)][:24]
    return "\n".join(text)


@cache
def known() -> dict[str, str]:
    """Give the differences that are known, with their reasons."""
    return (yaml.safe_load((HERE / "divergences.yaml").read_text()) or {}).get("kubectl") or {}


@cache
def base(golden: Path, client: str):
    return cluster(golden, client)


def replay(golden: Path, folder: str, client: str, section: str = ""):
    """Give (section, command, outcome, difference) of every command of a folder."""
    shared = None
    for part in read(golden / folder / TRANSCRIPTS[client]):
        if section not in part.title:
            continue
        reason = next((why for words, why in SKIPPED_SECTIONS.items() if words in part.title), "")
        if reason:
            yield from ((part.title, row, "skipped", reason) for row in part.commands)
            continue
        if part.stateful:
            world = fresh(golden, client)
            if setup := SETUPS.get(part.title.split()[1]):
                world.run(setup, patience_seconds=60)
                world.advance(world.now_us + SETTLE_US)
            shift = part.commands[0].at if part.commands else 0
            zero = world.now_us
        else:
            world = shared = shared or fresh(golden, client)
        for row in part.commands:
            if part.stateful:
                world.advance(max(world.now_us, zero + round((row.at - shift) * 1e6)))
            try:
                result = world.run(row.line, patience_seconds=120)
            except Exception as error:  # a crash is a bug, and must not hide the rest
                yield part.title, row, "crashed", f"    {type(error).__name__}: {error}"
                continue
            found = outcome(result, row)
            if found == "different" and any(part in row.line for part in known()):
                found = "listed"
            yield part.title, row, found, difference(result, row) if found == "different" else result.stderr.strip()[:100]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--golden", type=Path, default=HERE / "golden")
    parser.add_argument("--folder", action="append")
    parser.add_argument("--client", default="1.36", choices=TRANSCRIPTS)
    parser.add_argument("--section", default="")
    parser.add_argument("--show", type=int, default=0, help="how many differences to print")
    parser.add_argument("--refused", action="store_true", help="print what refused, too")
    parser.add_argument("--grep", default="", help="only differences of commands that hold this text")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    for problem in base(args.golden, args.client)[1]:
        print(problem)
    report, left = {}, args.show
    for folder in args.folder or FOLDERS:
        if not (args.golden / folder).exists():
            continue
        rows = list(replay(args.golden, folder, args.client, args.section))
        counts = Counter(found for _, _, found, _ in rows)
        report[folder] = {"counts": dict(counts), "commands": [
            {"section": title, "line": row.line, "outcome": found} for title, row, found, _ in rows]}
        print(f"{folder} {args.client}: " + ", ".join(f"{counts[name]} {name}" for name in sorted(counts)))
        refusals = Counter(text for _, _, found, text in rows if found == "refused")
        for text, count in refusals.most_common() if args.refused else ():
            print(f"  {count:4d} {text}")
        for _, row, found, text in rows:
            if found in ("different", "crashed") and left > 0 and args.grep in row.line:
                print(f"  {found}: {row.line}\n{text}")
                left -= 1
    if args.json:
        args.json.write_text(json.dumps(report, indent=1))
    sys.exit(0)


if __name__ == "__main__":
    main()
