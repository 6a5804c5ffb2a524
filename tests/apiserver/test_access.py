"""RBAC: who may do what, and the words in which the rest is refused (golden/kubectl-errors)."""

import pytest

from sim.api.client import Client, Key, Request, User
from sim.api.errors import StatusError
from sim.apiserver import bootstrap

JANE = User("jane", ("system:authenticated",))
BUILDER = User("system:serviceaccount:default:builder", ())
ALL = "rbac.authorization.k8s.io"


@pytest.fixture
def cluster(server, client):
    for name in ("kube-system", "kube-public", "shop"):
        client.create("namespaces", {"metadata": {"name": name}})
    bootstrap.install(client, server.minor)
    client.create("roles", {"metadata": {"name": "pod-reader", "namespace": "default"}, "rules": [
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"], "verbs": ["get"]}]})
    client.create("rolebindings", {"metadata": {"name": "read-pods", "namespace": "default"}, "roleRef": {
        "apiGroup": ALL, "kind": "Role", "name": "pod-reader"}, "subjects": [{"kind": "User", "name": "jane"}]})
    return server


def may(server, user, verb, resource, namespace="", group="", name="", subresource=""):
    spec = {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": namespace, "group": group,
                                   "name": name, "subresource": subresource}}
    answer = server.handle(Request("create", Key("selfsubjectaccessreviews", "", ""), body={"spec": spec}, user=user))
    return answer.body["status"]["allowed"]


def test_reviews(cluster):
    assert may(cluster, JANE, "get", "pods", "default") and not may(cluster, JANE, "get", "pods", "shop")
    assert may(cluster, JANE, "get", "pods", "default", subresource="log")
    assert may(cluster, JANE, "get", "deployments", "default", "apps", "web")
    assert not may(cluster, JANE, "list", "deployments", "default", "apps")
    assert not may(cluster, JANE, "get", "nodes") and not may(cluster, BUILDER, "create", "pods", "default")
    assert may(cluster, User(), "*", "*", group="*")


@pytest.mark.parametrize(("user", "request_", "text"), [
    (JANE, Request("list", Key("pods", "shop", "")),
     'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "shop"'),
    (JANE, Request("delete", Key("pods", "default", "tools")),
     'pods "tools" is forbidden: User "jane" cannot delete resource "pods" in API group "" in the namespace "default"'),
    (BUILDER, Request("list", Key("secrets", "default", "")),
     'secrets is forbidden: User "system:serviceaccount:default:builder" cannot list resource "secrets" in API group "" '
     'in the namespace "default"'),
    (JANE, Request("get", Key("nodes", "", "node01")),
     'nodes "node01" is forbidden: User "jane" cannot get resource "nodes" in API group "" at the cluster scope'),
    (JANE, Request("create", Key("deployments", "default", ""), body={}),
     'deployments.apps is forbidden: User "jane" cannot create resource "deployments" in API group "apps" in the '
     'namespace "default"'),
    (JANE, Request("patch", Key("deployments", "default", "web"), subresource="scale", body={}),
     'deployments.apps "web" is forbidden: User "jane" cannot patch resource "deployments/scale" in API group "apps" in '
     'the namespace "default"'),
    (User("system:anonymous", ("system:authenticated",)),
     Request("create", Key("selfsubjectaccessreviews", "", ""), body={"spec": {}}),
     'selfsubjectaccessreviews.authorization.k8s.io is forbidden: User "system:anonymous" cannot create resource '
     '"selfsubjectaccessreviews" in API group "authorization.k8s.io" at the cluster scope'),
])
def test_refusals(cluster, user, request_, text):
    from dataclasses import replace

    with pytest.raises(StatusError) as caught:
        cluster.handle(replace(request_, user=user))
    assert (caught.value.code, caught.value.message) == (403, text)


def test_who_am_i_and_what_may_i(cluster):
    who = cluster.handle(Request("create", Key("selfsubjectreviews", "", ""), body={}, user=BUILDER)).body
    assert "system:serviceaccounts:default" in who["status"]["userInfo"]["groups"]
    rules = cluster.handle(Request("create", Key("selfsubjectrulesreviews", "", ""), user=JANE,
                                   body={"spec": {"namespace": "default"}})).body["status"]
    assert {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list", "watch"]} in (
        rules["resourceRules"])
    assert any("/healthz" in rule["nonResourceURLs"] for rule in rules["nonResourceRules"])


def test_the_admin_role_binds_in_one_namespace(cluster):
    client = Client(cluster, cluster.reader, agent="test")
    client.create("rolebindings", {"metadata": {"name": "lead", "namespace": "shop"}, "roleRef": {
        "kind": "ClusterRole", "name": "admin"}, "subjects": [{"kind": "User", "name": "jane"}]})
    assert may(cluster, JANE, "create", "deployments", "shop", "apps") and may(cluster, JANE, "create", "roles", "shop", ALL)
    assert not may(cluster, JANE, "create", "deployments", "default", "apps")


def test_a_kubelet_keeps_to_its_own_node(cluster, client):
    client.create("nodes", {"metadata": {"name": "node01"}})
    client.create("nodes", {"metadata": {"name": "node02"}})
    kubelet = User("system:node:node01", ("system:nodes", "system:authenticated"))
    patch = {"metadata": {"labels": {"a": "b"}}}
    cluster.handle(Request("patch", Key("nodes", "", "node01"), body=patch, user=kubelet))
    with pytest.raises(StatusError, match='node "node01" is not allowed to modify node "node02"'):
        cluster.handle(Request("patch", Key("nodes", "", "node02"), body=patch, user=kubelet))


def test_quotas_and_limits(cluster, client):
    client.create("limitranges", {"metadata": {"name": "defaults", "namespace": "shop"}, "spec": {"limits": [
        {"type": "Container", "default": {"cpu": "200m", "memory": "64Mi"}, "defaultRequest": {"cpu": "50m"},
         "max": {"cpu": "1"}}]}})
    client.create("resourcequotas", {"metadata": {"name": "team", "namespace": "shop"}, "spec": {"hard": {"pods": "1"}}})

    def pod(name, **resources):
        return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"containers": [
            {"name": "c", "image": "i:1", "resources": resources}]}}

    made = client.create("pods", pod("a"))
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "200m", "memory": "64Mi"}, "requests": {"cpu": "50m", "memory": "64Mi"}}
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c")
    with pytest.raises(StatusError, match='pods "b" is forbidden: maximum cpu usage per Container is 1, but limit is 2'):
        client.create("pods", pod("b", limits={"cpu": "2"}))
    with pytest.raises(StatusError, match='pods "b" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, '
                                          "limited: pods=1"):
        client.create("pods", pod("b"))
    assert client.get(Key("resourcequotas", "shop", "team"))["status"]["used"] == {"pods": "1"}


def test_custom_kinds_are_stored_and_shown(cluster, client):
    client.create("customresourcedefinitions", {"metadata": {"name": "widgets.example.com"}, "spec": {
        "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}},
                      "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]}]}})
    client.create("widgets.example.com", {"apiVersion": "example.com/v1", "kind": "Widget",
                                          "metadata": {"name": "w", "namespace": "default"}, "spec": {"size": 3}})
    key = Key("widgets.example.com", "default", "w")
    assert client.patch(key, {"spec": {"size": 4}})["metadata"]["generation"] == 2
    table = cluster.handle(Request("list", Key("widgets.example.com", "default", ""), query={"as": "Table"})).body
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Size"] and table["rows"][0]["cells"] == ["w", 4]
    with pytest.raises(StatusError, match="accepted media types include"):
        client.patch(key, {"spec": {"size": 5}}, kind="strategic")
    assert client.get(Key("widgets", "default", "w"))["spec"] == {"size": 4}
    with pytest.raises(StatusError, match='^widgets.example.com "nope" not found$'):
        client.get(Key("widgets", "default", "nope"))
    shown = cluster.handle(Request("get", Key("", "", "/apis"))).body["resources"]
    assert ("widgets", "Widget") in [(each["resource"], each["kind"]) for each in shown]
