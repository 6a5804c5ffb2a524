"""Server-side apply, as golden/kubectl-create-run-apply (sequence apply-ssa) shows it."""

import pytest

from sim.api.client import Key, Request
from sim.api.errors import StatusError

KEY = Key("deployments", "default", "ssa")


def config(image, **spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ssa", "labels": {"app": "ssa"}}, "spec": {
        **spec, "selector": {"matchLabels": {"app": "ssa"}}, "template": {
            "metadata": {"labels": {"app": "ssa"}}, "spec": {"containers": [{"name": "c", "image": image}]}}}}


def apply(server, body, manager="kubectl", **query):
    return server.handle(Request("patch", KEY, body=body, agent="kubectl/1.36", query={
        "patchType": "apply", "fieldManager": manager, **query})).body


def managers(obj):
    return {(e["manager"], e["operation"], e.get("subresource", "")): e["fieldsV1"]
            for e in obj["metadata"]["managedFields"]}


IMAGE = '.spec.template.spec.containers[name="c"].image'


def test_the_golden_sequence(server):
    apply(server, config("nginx:1.27", replicas=1))
    again = apply(server, config("nginx:1.27", replicas=1))
    assert again["metadata"]["generation"] == 1 and again == server.store.get(KEY)
    with pytest.raises(StatusError) as caught:
        apply(server, config("nginx:1.28", replicas=2), "other")
    assert caught.value.message == (
        f'Apply failed with 2 conflicts: conflicts with "kubectl":\n- .spec.replicas\n- {IMAGE}')
    forced = apply(server, config("nginx:1.28", replicas=2), "other", force="true")
    held = managers(forced)
    labels = {"f:labels": {"f:app": {}}}
    assert held["kubectl", "Apply", ""] == {"f:metadata": labels, "f:spec": {"f:selector": {}, "f:template": {
        "f:metadata": labels, "f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}}}}}}}
    assert held["other", "Apply", ""]["f:spec"]["f:replicas"] == {}
    server.handle(Request("patch", KEY, subresource="scale", body={"spec": {"replicas": 3}}, agent="kubectl/1.36",
                          query={"patchType": "merge"}))
    with pytest.raises(StatusError) as caught:
        apply(server, config("nginx:1.27", replicas=1))
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl" with subresource "scale" using apps/v1:\n'
        f'- .spec.replicas\nconflicts with "other":\n- {IMAGE}')
    last = apply(server, config("nginx:1.27", replicas=1), force="true")
    assert last["spec"]["replicas"] == 1 and ("kubectl", "Update", "scale") not in managers(last)


def test_what_is_no_longer_applied_goes_unless_others_want_it(server):
    apply(server, {**config("i:1"), "metadata": {"name": "ssa", "labels": {"app": "ssa", "a": "1", "b": "2"}}})
    apply(server, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ssa", "labels": {"b": "2"}}}, "other")
    left = apply(server, config("i:1"))
    assert left["metadata"]["labels"] == {"app": "ssa", "b": "2"}


def test_one_conflict_is_said_in_one_line(server):
    apply(server, config("i:1"))
    with pytest.raises(StatusError, match='Apply failed with 1 conflict: conflict with "kubectl": .spec.template.spec'):
        apply(server, config("i:2"), "other")


def test_a_field_that_an_ordinary_write_set_conflicts(server, client):
    server.handle(Request("create", KEY, body=config("i:1", replicas=1), query={"fieldManager": "kubectl-create"}))
    with pytest.raises(StatusError, match='conflict with "kubectl-create" using apps/v1: .spec.replicas'):
        apply(server, config("i:1", replicas=5))
    fields = managers(client.get(KEY))["kubectl-create", "Update", ""]
    assert fields["f:metadata"] == {"f:labels": {".": {}, "f:app": {}}}
    assert fields["f:spec"]["f:strategy"] == {
        "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}, "f:type": {}}


@pytest.mark.parametrize(("body", "text"), [
    ({"metadata": {"name": "ssa", "labls": {}}, "spec": {"container": []}},
     "failed to create typed patch object (default/ssa; apps/v1, Kind=Deployment): errors:\n"
     "  .metadata.labls: field not declared in schema\n  .spec.container: field not declared in schema"),
    ({"spec": {"replicas": "x", "template": {"spec": {"containers": [
        {"name": "c", "ports": [{"containerPort": "80"}]}]}}}},
     "failed to create typed patch object (default/ssa; apps/v1, Kind=Deployment): errors:\n"
     "  .spec.replicas: expected numeric (int or float), got string\n"
     '  .spec.template.spec.containers[name="c"].ports[containerPort="80",protocol="TCP"].containerPort: expected numeric '
     "(int or float), got string"),
])
def test_a_configuration_that_does_not_fit(server, body, text):
    with pytest.raises(StatusError) as caught:
        apply(server, {"apiVersion": "apps/v1", "kind": "Deployment", **body})
    assert caught.value.message == text


def test_a_manager_must_have_a_name(server):
    with pytest.raises(StatusError, match="fieldManager: Required value: is required for apply patch"):
        apply(server, config("i:1"), "")
