"""The commented scenario that `kubedrill new` writes."""

from __future__ import annotations

from pathlib import Path

TEXT = """\
# yaml-language-server: $schema=scenario.schema.json      (kubedrill schema > scenario.schema.json)
# A lab is one file: a simulated cluster, tasks with goals, and the proof that they work.
#   kubedrill lint {file}            finds mistakes in the file
#   kubedrill prove {file}           untouched fails, every solution passes, every mistake is told why
#   kubedrill play {file} --watch    plays it, and loads it anew whenever you save
# docs/authoring.md has every key with an example.
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata:
  name: {name}
  topic: os-upgrade
  level: 1
  title: {{en: "Drain a node"}}               # a text for all, or one per language
spec:
  minutes: 10
  versions: [{{kubernetes: "1.33.1"}}]        # full patch versions, in quotes; the lab is proved on each
  clusters:
  - nodes: [{{name: controlplane, role: control-plane}}, {{name: node01}}, {{name: node02}}]
  setup:                                    # lines and steps that are done before the learner comes
  - kubectl create deployment web --image=nginx --replicas=4
  - {{until: {{object: deployment/web, where: {{status.readyReplicas: 4}}}}, at_most: 3m}}
  goals:                                    # must hold over the whole lab
  - always: {{object: deployment/web, where: {{status.readyReplicas: {{gte: 1}}}}}}
    why: web was down
  tasks:
  - name: count                             # a question
    prompt: {{en: "How many pods of web run on node01?"}}
    goals:
    - answer: {{correct: {{from: "kubectl get pods -o wide --no-headers | grep -c node01"}}}}
    hints: ["The wide output has a column NODE."]
    solutions: [[kubectl get pods -o wide, {{answer: {{from: correct}}}}]]
    mistakes: [{{steps: [{{answer: "17"}}], why: that is not the answer}}]
  - name: drain                             # a job
    prompt: {{en: "node01 needs a new kernel. Empty it of applications, and let no new pod come."}}
    points: 3
    goals:
    - {{object: node/node01, where: {{spec.unschedulable: true}}, why: node01 still accepts new pods}}
    - {{object: "pods?fieldSelector=spec.nodeName=node01", count: 0, why: pods of web are still on node01}}
    hints: ["kubectl drain does both.", "Which pods does it refuse to touch, and which flag names them?"]
    solutions: [[kubectl drain node01 --ignore-daemonsets]]
    mistakes:                               # must fail, and the learner must be told this
    - {{steps: [kubectl cordon node01], why: pods of web are still on node01}}
"""


def skeleton(name: str, path: Path) -> str:
    """Give a commented scenario of that name, which lint and prove accept. path: where it will stand."""
    return TEXT.format(name=name, file=path)
