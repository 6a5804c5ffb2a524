"""create deployment, job, cronjob.

Models: kubectl/pkg/cmd/create/create_{deployment,job,cronjob}.go.
"""

from __future__ import annotations

from sim.api import objects
from sim.api.client import Key, Object
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.generate.generator import after_dash, before_dash, finish, mapping, metadata, name_of
from sim.shell.kubectl.words.verbs import Verb

DEPLOYMENT, JOB, CRON_JOB = (mapping("deployments", "Deployment", "apps"), mapping("jobs", "Job", "batch"),
                             mapping("cronjobs", "CronJob", "batch"))


def image_name(image: str) -> str:
    """Name a container after its image: the last part of the path, without tag and digest."""
    return image.rpartition("/")[2].partition(":")[0].partition("@")[0]


def deployment(inv: Invocation) -> Steps[int]:
    """Run `kubectl create deployment`."""
    name = name_of(inv, before_dash(inv))
    images, command = [image for image in inv.flags["image"] if image], after_dash(inv)
    if len(images) > 1 and command:
        raise UsageError("cannot specify multiple --image options and command")
    labels = {"app": name}
    containers: list[Object] = []
    for image in images:
        container: Object = {"name": image_name(image), "image": image}
        if command:
            container["command"] = command
        containers.append({**container, "resources": {}})
    if inv.flags["port"] >= 0 and containers:
        containers[0] = _with_port(containers[0], inv.flags["port"])
    obj = {
        "metadata": metadata(inv, DEPLOYMENT, name, labels=labels),
        "spec": {"replicas": inv.flags["replicas"], "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}, "strategy": {}},
        "status": {}}
    return (yield from finish(inv, DEPLOYMENT, obj, wrapped="deployment"))


def _with_port(container: Object, port: int) -> Object:
    resources = container.pop("resources")
    return {**container, "ports": [{"containerPort": port}], "resources": resources}


def job(inv: Invocation) -> Steps[int]:
    """Run `kubectl create job`."""
    name = name_of(inv, before_dash(inv))
    image, source = inv.flags["image"], inv.flags["from"]
    if bool(image) == bool(source):
        raise UsageError("either --image or --from must be specified")
    if source:
        if after_dash(inv):
            raise UsageError("cannot specify --from and command")
        return (yield from _job_from(inv, name, source))
    container: Object = {"name": name, "image": image}
    if after_dash(inv):
        container["command"] = after_dash(inv)
    obj = {"metadata": metadata(inv, JOB, name),
           "spec": {"template": {"metadata": {}, "spec": {"containers": [{**container, "resources": {}}],
                                                          "restartPolicy": "Never"}}},
           "status": {}}
    return (yield from finish(inv, JOB, obj, wrapped="job"))


def _job_from(inv: Invocation, name: str, source: str) -> Steps[int]:
    """Make a job of a cron job's template, as its controller would."""
    word, slash, origin = source.rpartition("/")
    found = yield from inv.resolve(word if slash else source)
    if not slash:
        raise UsageError("arguments in resource/name form must have a single resource and name")
    cron = yield from inv.send("get", Key(found.resource, inv.namespace, origin))
    if found.kind != "CronJob":
        raise UsageError(f"unknown object type *{found.version}.{found.kind}")
    template = objects.dig(cron, "spec.jobTemplate", {})
    notes = {"cronjob.kubernetes.io/instantiate": "manual", **objects.dig(template, "metadata.annotations", {})}
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": origin, "uid": objects.uid(cron), "controller": True}
    obj = {"metadata": metadata(inv, JOB, name, labels=objects.dig(template, "metadata.labels", {}), annotations=notes,
                                ownerReferences=[owner]),
           "spec": template.get("spec") or {}, "status": {}}
    return (yield from finish(inv, JOB, obj, wrapped="job"))


def cron_job(inv: Invocation) -> Steps[int]:
    """Run `kubectl create cronjob`."""
    name = name_of(inv, before_dash(inv))
    container: Object = {"name": name, "image": inv.flags["image"]}
    if after_dash(inv):
        container["command"] = after_dash(inv)
    template = {"metadata": {}, "spec": {"containers": [{**container, "resources": {}}],
                                         "restartPolicy": inv.flags["restart"] or "OnFailure"}}
    obj = {"metadata": metadata(inv, CRON_JOB, name),
           "spec": {"schedule": inv.flags["schedule"],
                    "jobTemplate": {"metadata": {"name": name}, "spec": {"template": template}}},
           "status": {}}
    return (yield from finish(inv, CRON_JOB, obj, wrapped="cronjob"))


COMMON = ("dry-run", "output", "save-config", "validate", "field-manager")
VERBS = {
    "create deployment": Verb(deployment, (*COMMON, "image", "port", "replicas"), required=("image",)),
    "create job": Verb(job, (*COMMON, "image", "from")),
    "create cronjob": Verb(cron_job, (*COMMON, "image", "schedule", "restart"), required=("image", "schedule")),
}
