"""Anything may be asked of the server: only refusals in its own words come out, and what was committed stays."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.api import schema
from sim.api.client import Client, Key, Request, User
from sim.api.errors import NotSimulated, StatusError
from sim.apiserver import bootstrap
from sim.apiserver.resources import INDEXES, RESOURCES, ROWS
from sim.apiserver.server import ApiServer
from sim.engine import Engine
from sim.etcd.store import Store

WORDS = st.sampled_from(["x", "a", "web", "default", "Bad_Name", "", "kube-system", "-", "1", "10%", "100m", "TCP", "Always"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-3, 2**64), st.floats(allow_nan=False), WORDS, st.text(max_size=3))
JUNK = st.recursive(SCALARS, lambda inner: st.one_of(
    st.lists(inner, max_size=2), st.dictionaries(WORDS | st.sampled_from(["spec", "metadata", "$patch"]), inner, max_size=2)),
    max_leaves=4)


def values(kind, depth):
    """Values of a schema type, now and then of another shape."""
    if kind.form == "scalar":
        fit = {"string": WORDS, "int32": st.integers(-2, 70000), "int64": st.integers(-2, 700), "bool": st.booleans(),
               "Quantity": st.sampled_from(["1", "100m", "1Gi", "-1", "x", 2]), "IntOrString": st.sampled_from([1, -1, "10%", "x"]),
               "Time": st.sampled_from(["2025-01-01T00:00:00Z", "x"])}.get(kind.name, JUNK)
        return st.one_of(fit, fit, fit, SCALARS)
    if depth <= 0:
        return st.one_of(st.just({}), SCALARS)
    if kind.form == "list":
        return st.lists(values(kind.inner, depth - 1), max_size=2) | SCALARS
    if kind.form == "map":
        return st.dictionaries(WORDS, values(kind.inner, depth - 1), max_size=2)
    return structs(kind, depth)


@st.composite
def structs(draw, kind, depth):
    fields = kind.fields
    some = draw(st.lists(st.sampled_from(sorted(fields)), max_size=5, unique=True)) if fields else []
    needed = [name for name, field in fields.items() if field.required and draw(st.integers(0, 9)) < 8]
    return {name: draw(values(fields[name].type, depth - 1)) for name in dict.fromkeys([*needed, *some])}


@st.composite
def bodies(draw, row):
    kind = schema.of_kind(row.api_version, row.kind)
    if kind is None or draw(st.integers(0, 9)) == 0:
        return draw(JUNK)
    body = draw(structs(kind, 6))
    if draw(st.integers(0, 9)) < 8:
        body["metadata"] = {"name": draw(st.sampled_from(["x", "y"])), **draw(st.fixed_dictionaries({}, optional={
            "labels": st.dictionaries(WORDS, WORDS, max_size=2), "generateName": WORDS, "finalizers": st.lists(WORDS, max_size=1),
            "resourceVersion": WORDS}))}
    return body


QUERIES = st.dictionaries(
    st.sampled_from(["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "dryRun", "fieldManager",
                     "fieldValidation", "force", "propagationPolicy", "gracePeriodSeconds", "as", "patchType",
                     "timeoutSeconds", "sendInitialEvents", "container", "tailLines", "sinceTime"]),
    st.one_of(WORDS, st.sampled_from(["All", "Table", "json", "merge", "strategic", "apply", "Strict", "metadata.name=x",
                                      "app in (x)", "=", "0", "3", "Orphan", "Foreground", "true"])), max_size=3)
OPERATIONS = st.lists(st.fixed_dictionaries({}, optional={
    "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]),
    "path": st.sampled_from(["", "/spec", "/metadata/labels/a", "/metadata", "/spec/containers/0", "/spec/-", "x"]),
    "from": st.sampled_from(["/spec", "", "/metadata/name"]), "value": JUNK}) | JUNK, max_size=2)


@st.composite
def requests(draw):
    row = draw(st.sampled_from([RESOURCES[name] for name in SEEDS] + list(ROWS)))
    verb = draw(st.sampled_from(["create", "create", "create", "update", "patch", "patch", "delete", "deletecollection",
                                 "get", "list", "watch"]))
    query = draw(QUERIES)
    body = draw(OPERATIONS if verb == "patch" and query.get("patchType") == "json" else bodies(row))
    key = Key(row.resource, draw(st.sampled_from(["default", "default", "", "other"])) if row.namespaced else "",
              draw(st.sampled_from(["x", "x", "x", "y", "", "default"])))
    subresource = draw(st.sampled_from(["", "", "", *row.subresources]))
    user = draw(st.sampled_from([User(), User(), User(), User(), User("jane", ("system:authenticated",)),
                                 User("system:node:x", ("system:nodes",))]))
    return Request(verb, key, subresource, body, query, user, watcher=(lambda change: None) if verb == "watch" else None)


TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
SELECTED = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}
ONCE = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
ROLE_OF_X = {"roleRef": {"kind": "ClusterRole", "name": "x"}, "subjects": [{"kind": "User", "name": "jane"}]}
PLACE = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
SEEDS = {
    "nodes": {}, "configmaps": {"data": {"a": "b"}}, "secrets": {"stringData": {"a": "b"}}, "serviceaccounts": {},
    "pods": {"spec": {**TEMPLATE["spec"], "nodeName": "x"}}, "services": {"spec": {"ports": [{"port": 80}]}},
    "deployments": {"spec": SELECTED}, "replicasets": {"spec": SELECTED}, "daemonsets": {"spec": SELECTED},
    "statefulsets": {"spec": SELECTED}, "jobs": {"spec": {"template": ONCE}},
    "cronjobs": {"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": ONCE}}}},
    "poddisruptionbudgets": {"spec": {"minAvailable": 1, "selector": {}}}, "priorityclasses": {"value": 3},
    "resourcequotas": {"spec": {"hard": {"pods": "5"}}}, "limitranges": {"spec": {"limits": [{"type": "Container"}]}},
    "persistentvolumes": {"spec": PLACE}, "storageclasses": {"provisioner": "x"},
    "persistentvolumeclaims": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}},
    "clusterroles": {"rules": [RULE]}, "rolebindings": ROLE_OF_X, "clusterrolebindings": ROLE_OF_X,
    "ingresses": {"spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}},
    "networkpolicies": {"spec": {"podSelector": {}}}, "endpointslices": {"addressType": "IPv4", "endpoints": []},
    "horizontalpodautoscalers": {"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "x"}}},
    "events": {"involvedObject": {}}, "leases": {"spec": {}}, "endpoints": {}, "controllerrevisions": {"revision": 1},
}


def cluster():
    engine = Engine(seed=1)
    server = ApiServer(engine, Store(engine, INDEXES, detect_mutation=True), version="1.33.1")
    client = Client(server, server.reader, agent="test")
    for name in ("default", "kube-system", "kube-public"):
        client.create("namespaces", {"metadata": {"name": name}})
    bootstrap.install(client, server.minor)
    for resource, parts in SEEDS.items():
        space = {"namespace": "default"} if RESOURCES[resource].namespaced else {}
        client.create(resource, {"metadata": {"name": "x", "labels": {"app": "x"}, **space}, **parts})
    return server


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(requests(), min_size=1, max_size=8))
def test_only_refusals_come_out_and_revisions_rise(asked):
    server = cluster()
    for request in asked:
        before = server.store.revision
        try:
            server.handle(request)
        except (StatusError, NotSimulated):
            assert server.store.revision == before
        assert server.store.revision >= before
        for row in RESOURCES.values():
            if server.store.count(row.resource):
                server.handle(Request("list", Key(row.resource, "", ""), query={"as": "Table"}))
    revisions = [change.revision for change in server.store.changes]
    assert revisions == sorted(set(revisions))
    server.store.verify_unchanged()
