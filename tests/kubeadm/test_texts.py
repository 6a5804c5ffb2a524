"""Runs upgrades and compares every line with recorded runs of the same kubeadm (data/transcripts.yaml).

The data are the project's fact sheet of console outputs (sources named in it): ${name} varies. What stands in a version
table differs with the day, so there the layout is compared by the form of each cell.
"""

import re
from functools import cache
from pathlib import Path

import yaml

from sim.lab.lab import Lab
from sim.lab.scenario import parse

DATA = yaml.safe_load((Path(__file__).parent / "data/transcripts.yaml").read_text(encoding="utf-8"))["versions"]
SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: upgrade, topic: testing, level: 0, title: An upgrade}
spec:
  versions: [{kubernetes: "%s"}]
  date: %s
  clusters: [{nodes: [{name: controlplane, role: control-plane, taints: []}, {name: node01}]}]
  terminals: [{name: main, host: controlplane}, {name: worker, host: node01}]
  tasks: [{name: all, prompt: Upgrade., goals: [{object: node/node99, why: never}], solutions: [["true"]]}]
"""
VARIABLES = {
    "node": r"controlplane", "random": r"\d+", "stamp": r"\d{4}(-\d\d){5}", "hash": r"[0-9a-f]{32}", "hash_old": r"[0-9a-f]{32}",
    "hash_new": r"[0-9a-f]{32}", "mmdd": r"\d{4}", "time": r"[\d:.]+", "pid": r"\d+", "stable": r"v[\d.]+", "patch": r"v[\d.]+"}
VERSION = re.compile(r"v?\d+\.\d+\.\d+(?:-\d+)?")


def lab(version, date):
    return Lab(parse(SCENARIO % (version, date), "upgrade.yaml"))


def typed(lab, line, terminal="main"):
    chunks = []
    found = lab.run(line, terminal=terminal, sink=lambda data, stream: chunks.append(data))
    return found.status, b"".join(chunks).decode()


def install(lab, program, version, *hosts):
    for host in hosts:
        lab.world.network.hosts[host].files.view().write(f"/usr/bin/{program}", f"#!simulated {program} v{version}\n".encode())


@cache
def ran(old, new, date):
    """Upgrade a cluster; gives what each command printed."""
    own = lab(old, date)
    install(own, "kubeadm", new, "controlplane", "node01")
    found = {"plan": typed(own, "kubeadm upgrade plan"), "plan v": typed(own, f"kubeadm upgrade plan v{new}"),
             "apply": typed(own, f"kubeadm upgrade apply v{new} -y"), "again": typed(own, "kubeadm upgrade node"),
             "worker": typed(own, "kubeadm upgrade node", "worker"), "nodes": typed(own, "kubectl get nodes"),
             "pods": typed(own, "kubectl get pods -n kube-system -o jsonpath='{.items[*].spec.containers[*].image}'")}
    assert not own.refusals
    return found


def wanted(version, words):
    command = next(c for c in DATA[version]["commands"] if words in c["command"])
    return [row["t"] for row in command["lines"]]


def pattern(line, values):
    text = re.escape(line).replace(r"\$\{", "${").replace(r"\}", "}")
    text = text.replace("\\ \\ \\ ${pid", " +${pid")
    for name, value in {**VARIABLES, **{k: re.escape(v) for k, v in values.items()}}.items():
        text = text.replace("${%s}" % name, value)
    return re.compile(text)


def differences(lines, output, values, *, loose=False):
    got = [line for line in output.splitlines()]
    found = []
    for number, line in enumerate(lines):
        if line.endswith("[y/N]: y"):
            got.insert(number, line)
        have = got[number] if number < len(got) else "(nothing)"
        if loose:
            line, have = (VERSION.sub("V", re.sub(" +", " ", re.sub(r"\$\{(stable|patch)\}", "V", text))) for text in (line, have))
        if not pattern(line, values).fullmatch(have):
            found.append(f"{number}: wanted {line!r}, got {have!r}")
    return found + [f"and more: {line!r}" for line in got[len(lines):]]


def test_apply_of_1_26_says_what_a_recorded_one_said():
    values = {"from": "v1.25.0", "kubeadm": "v1.26.0", "to": "v1.26.0"}
    status, output = ran("1.25.0", "1.26.0", "2023-03-10")["apply"]
    assert status == 0
    assert differences(wanted("1.26", "apply"), output, values) == []


def test_plan_of_1_26_is_the_recorded_one():
    status, output = ran("1.25.0", "1.26.0", "2023-03-10")["plan"]
    assert status == 0
    assert differences(wanted("1.26", "plan"), output, {}) == []


def test_node_of_1_26():
    found = ran("1.25.0", "1.26.0", "2023-03-10")
    values = {"to": "v1.26.0"}
    assert differences(wanted("1.26", "node (worker)"), found["worker"][1], values) == []
    assert differences(wanted("1.26", "node (control plane"), found["again"][1], values) == []


def test_1_29():
    found = ran("1.28.0", "1.29.0", "2024-02-10")
    values = {"from": "v1.28.0", "kubeadm": "v1.29.0", "to": "v1.29.0"}
    assert differences(wanted("1.29", "plan"), found["plan v"][1], values) == []
    assert differences(wanted("1.29", "apply"), found["apply"][1], values) == []
    assert differences(wanted("1.29", "node (worker)"), found["worker"][1], values) == []


def test_1_34():
    found = ran("1.33.4", "1.34.0", "2025-08-28")
    values = {"from": "v1.33.4", "kubeadm": "v1.34.0", "to": "v1.34.0"}
    assert differences(wanted("1.34", "plan"), found["plan"][1], values, loose=True) == []
    assert differences(wanted("1.34", "apply"), found["apply"][1], values) == []
    assert differences(wanted("1.34", "node (worker)"), found["worker"][1], values) == []


def test_1_13():
    found = ran("1.12.2", "1.13.0", "2018-12-05")
    values = {"from": "v1.12.2", "kubeadm": "v1.13.0", "to": "v1.13.0"}
    # The page's sample came from a run with a version argument, which answers every label (its own note).
    lines = [line.replace("latest stable version:", "latest version in the v1.12 series:")
             if line.startswith("Upgrade") else line for line in wanted("1.13", "plan")]
    assert differences(lines, found["plan v"][1], values, loose=True) == []
    # Which component is pulled first is a matter of chance there, and a hash is shown at every look.
    patterns = [pattern(line, values) for line in wanted("1.13", "apply") if "[y/N]" not in line]
    got = found["apply"][1].splitlines()
    assert [each.pattern for each in patterns if not any(each.fullmatch(line) for line in got)] == []
    assert [line for line in got if not any(each.fullmatch(line) for each in patterns)] == []


def test_images_move_and_nodes_do_not():
    found = ran("1.25.0", "1.26.0", "2023-03-10")
    assert "v1.25.0" in found["nodes"][1] and "v1.26.0" not in found["nodes"][1]
    images = found["pods"][1].split()
    for name in ("kube-apiserver:v1.26.0", "kube-controller-manager:v1.26.0", "kube-scheduler:v1.26.0", "etcd:3.5.6-0"):
        assert sum(image.endswith(name) for image in images) == 1, (name, images)
