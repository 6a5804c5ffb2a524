"""Writes sim/api/schema/{fields,docs}.txt from the API definitions that the PyPI package kubernetes-validate ships.

    pip download kubernetes-validate==1.37.0 --no-deps && unzip kubernetes_validate-*.whl
    python tools/make_schema.py kubernetes_validate/kubernetes-json-schema

The definitions are Kubernetes' own OpenAPI documents, v1.25 to v1.36 (Apache-2.0). A field that is not in all of these
versions gets `since=` or `until=`.
"""

import json
import sys
from pathlib import Path

VERSIONS = [f"1.{minor}" for minor in range(25, 37)]
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
ROOTS = [
    *(f"io.k8s.api.core.v1.{kind}" for kind in (
        "ComponentStatus", "ConfigMap", "Endpoints", "Event", "LimitRange", "Namespace", "Node",
        "PersistentVolumeClaim", "PersistentVolume", "Pod", "PodTemplate", "ReplicationController", "ResourceQuota",
        "Secret", "ServiceAccount", "Service", "Binding")),
    *(f"io.k8s.api.apps.v1.{kind}" for kind in (
        "ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")),
    "io.k8s.api.batch.v1.Job", "io.k8s.api.batch.v1.CronJob",
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler", "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.coordination.v1.Lease", "io.k8s.api.discovery.v1.EndpointSlice",
    "io.k8s.api.policy.v1.PodDisruptionBudget", "io.k8s.api.policy.v1.Eviction",
    "io.k8s.api.scheduling.v1.PriorityClass",
    *(f"io.k8s.api.rbac.v1.{kind}" for kind in ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")),
    *(f"io.k8s.api.networking.v1.{kind}" for kind in ("Ingress", "IngressClass", "NetworkPolicy")),
    *(f"io.k8s.api.storage.v1.{kind}" for kind in ("StorageClass", "CSIDriver", "CSINode", "VolumeAttachment")),
    "io.k8s.api.node.v1.RuntimeClass", "io.k8s.api.certificates.v1.CertificateSigningRequest",
    "io.k8s.api.authorization.v1.SelfSubjectAccessReview", "io.k8s.api.authorization.v1.SubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectRulesReview", "io.k8s.api.authentication.v1.SelfSubjectReview",
    "io.k8s.api.authentication.v1.TokenRequest",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    f"{META}.DeleteOptions",
]
SCALARS = {
    f"{META}.Time": "Time", f"{META}.MicroTime": "MicroTime", f"{META}.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "Quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "IntOrString",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}


def short(name: str) -> str:
    """Shorten `io.k8s.api.core.v1.PodSpec` to `core/v1.PodSpec`."""
    parts = name.split(".")
    return f"{parts[-3]}/{parts[-2]}.{parts[-1]}"


def target(schema: dict) -> str:
    """Name the definition that a schema refers to."""
    found = schema.get("$ref", "")
    return found.rpartition("/")[2]


def type_of(schema: dict, inside: str, queue: list) -> str:
    """Write a field's type; definitions that it needs are queued."""
    name = target(schema)
    if name in SCALARS:
        return SCALARS[name]
    if name:
        queue.append(name)
        whole = short(name)
        space, _, last = whole.rpartition(".")
        return last if space == inside else whole
    kind = schema.get("type")
    kind = next(k for k in kind if k != "null") if isinstance(kind, list) else kind
    if kind == "array":
        return "[]" + type_of(schema["items"], inside, queue)
    if kind == "object" or "additionalProperties" in schema:
        inner = schema.get("additionalProperties")
        return "map[string]" + type_of(inner, inside, queue) if inner else "any"
    if kind == "integer":
        return schema.get("format", "int64")
    if kind == "string" and schema.get("format") == "byte":
        return "bytes"
    return {"number": "double", "boolean": "bool", "string": "string", None: "any"}[kind]


def flags(schema: dict, name: str, required: list, seen: list) -> list[str]:
    """Write what merging and validation need to know of a field."""
    out = ["required"] if name in required else []
    strategy = schema.get("x-kubernetes-patch-strategy", "")
    if "merge" in strategy:
        key = schema.get("x-kubernetes-patch-merge-key")
        out.append(f"key={key}" if key else "merge")
    if "retainKeys" in strategy:
        out.append("retain")
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys:
        out.append("keys=" + ",".join(keys))
    elif schema.get("x-kubernetes-list-type") == "set":
        out.append("set")
    if schema.get("x-kubernetes-map-type") == "atomic":
        out.append("atomic")
    if seen[0] != VERSIONS[0]:
        out.append(f"since={seen[0]}")
    if seen[-1] != VERSIONS[-1]:
        out.append(f"until={seen[-1]}")
    return out


def main(source: Path, out: Path) -> None:
    """Read every version's definitions and write the two tables."""
    every = {v: json.loads((source / f"v{v}.0-local" / "_definitions.json").read_text())["$defs"] for v in VERSIONS}
    queue, done = list(ROOTS), {}
    while queue:
        name = queue.pop(0)
        if name in done:
            continue
        space = short(name).rpartition(".")[0]
        fields: dict[str, list] = {}
        for version in VERSIONS:
            for field, schema in every[version].get(name, {}).get("properties", {}).items():
                seen = fields.setdefault(field, [schema, [], []])
                seen[0] = schema
                seen[1].append(version)
                seen[2] = every[version][name].get("required", [])
        newest = next(every[v][name] for v in reversed(VERSIONS) if name in every[v])
        atomic = newest.get("x-kubernetes-map-type") == "atomic"
        lines, docs = [short(name) + (" atomic" if atomic else "")], [short(name), newest.get("description", "")]
        for field in sorted(fields):
            schema, seen, required = fields[field]
            kept = [v for v in VERSIONS if name in every[v]]
            if seen[0] == kept[0]:
                seen = [VERSIONS[0], *seen]
            lines.append(" ".join([field, type_of(schema, space, queue), *flags(schema, field, required, seen)]))
            docs.append(f"{field} {schema.get('description', '')}")
        done[name] = lines, [line.replace("\\", "\\\\").replace("\n", "\\n") for line in docs]
    ordered = [done[name] for name in sorted(done, key=short)]
    (out / "fields.txt").write_text("\n\n".join("\n".join(lines) for lines, _ in ordered) + "\n")
    (out / "docs.txt").write_text("\n\n".join("\n".join(docs) for _, docs in ordered) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent.parent / "sim" / "api" / "schema")
