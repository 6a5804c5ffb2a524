import pytest

from sim.api import schema
from sim.api.errors import StatusError
from sim.api.patch import strategic_merge, three_way

POD = {"apiVersion": "v1", "kind": "Pod"}


def pod(*containers, **spec):
    return {**POD, "spec": {"containers": list(containers), **spec}}


def names(obj):
    return [c["name"] for c in obj["spec"]["containers"]]


A, B = {"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}


def test_lists_merge_by_their_key_and_new_elements_come_first():
    out = strategic_merge(pod(A, B), {"spec": {"containers": [{"name": "b", "image": "b:2"}, {"name": "c"}]}})
    assert out["spec"]["containers"] == [A, {"name": "b", "image": "b:2"}, {"name": "c"}]
    assert names(strategic_merge(pod(A), {"spec": {"containers": [{"name": "c"}]}})) == ["c", "a"]


def test_set_element_order_decides_the_order():
    order = [{"name": "b"}, {"name": "new"}, {"name": "a"}]
    out = strategic_merge(pod(A, B), {"spec": {"$setElementOrder/containers": order, "containers": [{"name": "new"}]}})
    assert names(out) == ["b", "new", "a"]
    assert names(strategic_merge(pod(A, B), {"spec": {"$setElementOrder/containers": order}})) == ["b", "a"]


@pytest.mark.parametrize(("patch", "left"), [
    ([{"name": "a", "$patch": "delete"}], ["b"]),
    ([{"$patch": "replace"}, {"name": "z"}], ["z"]),
])
def test_directives_in_a_list(patch, left):
    assert names(strategic_merge(pod(A, B), {"spec": {"containers": patch}})) == left


def test_directives_in_a_map_and_in_lists_of_scalars():
    meta = {**POD, "metadata": {"finalizers": ["x", "y"], "labels": {"a": "1", "b": "2"}}}
    out = strategic_merge(meta, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"], "finalizers": ["z"],
                                              "labels": {"$patch": "replace", "c": "3"}}})
    assert out["metadata"] == {"finalizers": ["z", "y"], "labels": {"c": "3"}}
    assert strategic_merge(meta, {"metadata": {"labels": {"$patch": "delete"}}})["metadata"] == {"finalizers": ["x", "y"]}


def test_retain_keys_drops_the_other_kinds_of_volume():
    was = pod(volumes=[{"name": "v", "emptyDir": {}}])
    out = strategic_merge(was, {"spec": {"volumes": [
        {"name": "v", "configMap": {"name": "c"}, "$retainKeys": ["name", "configMap"]}]}})
    assert out["spec"]["volumes"] == [{"name": "v", "configMap": {"name": "c"}}]


def test_atomic_lists_are_replaced():
    node = {"apiVersion": "v1", "kind": "Node", "spec": {"taints": [{"key": "a"}]}}
    assert strategic_merge(node, {"spec": {"taints": [{"key": "b"}]}})["spec"]["taints"] == [{"key": "b"}]


def test_an_element_without_its_key_is_refused():
    with pytest.raises(StatusError, match="does not contain declared merge key: name"):
        strategic_merge(pod(A), {"spec": {"containers": [{"image": "x"}]}})


def test_three_way_removes_only_what_was_applied():
    original, live = pod(A, B), pod(A, B, {"name": "injected"})
    patch = three_way(original, pod({**A, "image": "a:2"}), live)
    assert patch == {"spec": {
        "$setElementOrder/containers": [{"name": "a"}],
        "containers": [{"name": "a", "image": "a:2"}, {"$patch": "delete", "name": "b"}]}}
    assert names(strategic_merge(live, patch)) == ["a", "injected"]


def test_three_way_of_equals_is_empty():
    assert three_way(pod(A), pod(A), {**pod(A), "status": {"phase": "Running"}}) == {}


def test_the_schema_knows_types_docs_and_versions():
    spec = schema.struct("core/v1.PodSpec")
    assert spec.fields["containers"].type.go == "[]v1.Container" and spec.fields["containers"].required
    assert schema.of_kind("apps/v1", "Deployment").fields["spec"].type.name == "apps/v1.DeploymentSpec"
    assert schema.of_kind("example.com/v1", "Widget") is None
    assert spec.fields["schedulingGates"].since == 26
    head, fields = schema.docs("core/v1.PodSpec")
    assert head == "PodSpec is a description of a pod." and fields["affinity"].startswith("If specified")
