"""Refusals in the words of golden/kubectl-errors (files of golden/kubectl-setup)."""

import pytest

from sim.api.client import Key, Request
from sim.api.errors import StatusError

C = {"name": "c", "image": "nginx:1.27"}
SUBDOMAIN = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
             "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
             "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")


def pod(**spec):
    return {"metadata": {"name": "x", "namespace": "default"}, "spec": {"containers": [C], **spec}}


def template(**spec):
    return {"metadata": {"labels": {"app": "s"}}, "spec": {"containers": [C], **spec}}


def workload(**spec):
    return {"metadata": {"name": "x", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "s"}}, "template": template(), **spec}}


def faults(client, resource, body):
    with pytest.raises(StatusError) as caught:
        client.create(resource, body)
    assert caught.value.code == 422, caught.value.message
    return [f"{cause['field']}: {cause['message']}" for cause in caught.value.details["causes"]]


@pytest.mark.parametrize(("resource", "body", "wanted"), [
    ("pods", pod(containers=[{**C, "resources": {"requests": {"cpu": "2", "memory": "1Gi"},
                                                 "limits": {"cpu": "1", "memory": "512Mi"}}}]),
     ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      'spec.containers[0].resources.requests: Invalid value: "1Gi": must be less than or equal to memory limit of 512Mi']),
    ("pods", pod(containers=[{**C, "livenessProbe": {"periodSeconds": -1},
                              "readinessProbe": {"httpGet": {"path": "/", "port": 0}}}]),
     ["spec.containers[0].livenessProbe: Required value: must specify a handler type",
      "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
      "spec.containers[0].readinessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive"]),
    ("pods", pod(containers=[{**C, "ports": [{"containerPort": 99999}]}]),
     ["spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive"]),
    ("pods", pod(containers=[{**C, "volumeMounts": [{"name": "nosuch", "mountPath": "/x"}]}, C]),
     ['spec.containers[0].volumeMounts[0].name: Not found: "nosuch"',
      'spec.containers[1].name: Duplicate value: "c"']),
    ("poddisruptionbudgets", {"metadata": {"name": "b", "namespace": "default"}, "spec": {
        "minAvailable": -1, "maxUnavailable": "150%", "selector": {"matchLabels": {"app": "x"}}}},
     ['spec: Invalid value: {"MinAvailable":-1,"Selector":{"matchLabels":{"app":"x"}},"MaxUnavailable":"150%",'
      '"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
      "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0",
      'spec.maxUnavailable: Invalid value: "150%": must not be greater than 100%']),
    ("cronjobs", {"metadata": {"name": "cj", "namespace": "default"}, "spec": {
        "schedule": "61 * * * *", "jobTemplate": {"spec": {"template": template(restartPolicy="Always")}}}},
     ['spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61',
      'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']),
    ("statefulsets", workload(selector=None),
     ["spec.selector: Required value",
      'spec.template.metadata.labels: Invalid value: {"app":"s"}: `selector` does not match template `labels`']),
    ("priorityclasses", {"metadata": {"name": "x"}, "value": 2000000000},
     ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"]),
    ("services", {"metadata": {"name": "x", "namespace": "default"}, "spec": {
        "type": "NodePort", "ports": [{"port": 80, "nodePort": 99}]}},
     ["spec.ports[0].nodePort: Invalid value: 99: provided port is not in the valid range. "
      "The range of valid ports is 30000-32767"]),
    ("configmaps", {"metadata": {"name": "Bad_Name", "namespace": "default"}},
     [f'metadata.name: Invalid value: "Bad_Name": {SUBDOMAIN}']),
    ("deployments", workload(replicas=-2), ["spec.replicas: Invalid value: -2: must be greater than or equal to 0"]),
    ("pods", pod(restartPolicy="Sometimes"),
     ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"']),
    ("persistentvolumeclaims", {"metadata": {"name": "x", "namespace": "default"}, "spec": {}},
     ["spec.accessModes: Required value: at least 1 access mode is required", "spec.resources[storage]: Required value"]),
    ("rolebindings", {"metadata": {"name": "x", "namespace": "default"}, "roleRef": {"kind": "Role"}},
     ["roleRef.name: Required value"]),
])
def test_faults(client, resource, body, wanted):
    assert faults(client, resource, body) == wanted


@pytest.mark.parametrize(("resource", "body", "patch", "wanted"), [
    ("deployments", workload(), {"spec": {"selector": {"matchLabels": {"app": "web2"}}, "template": {
        "metadata": {"labels": {"app": "web2"}}}}},
     'Deployment.apps "x" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"web2"}}: field is immutable'),
    ("services", {"metadata": {"name": "x", "namespace": "default"}, "spec": {"ports": [{"port": 80}]}},
     {"spec": {"clusterIP": "10.96.1.1"}},
     'Service "x" is invalid: spec.clusterIPs[0]: Invalid value: ["10.96.1.1"]: may not change once set'),
    ("secrets", {"metadata": {"name": "x", "namespace": "default"}, "stringData": {"a": "b"}}, {"type": "example.com/o"},
     'Secret "x" is invalid: type: Invalid value: "example.com/o": field is immutable'),
    ("configmaps", {"metadata": {"name": "x", "namespace": "default"}, "data": {"a": "1"}, "immutable": True},
     {"data": {"a": "2"}}, 'ConfigMap "x" is invalid: data: Forbidden: field is immutable when `immutable` is set'),
    ("pods", pod(), {"metadata": {"labels": {"bad key": "v"}}}, "metadata.labels: Invalid value: \"bad key\": name part must"),
])
def test_what_may_not_change(client, resource, body, patch, wanted):
    client.create(resource, body)
    with pytest.raises(StatusError) as caught:
        client.patch(Key(resource, "default", "x"), patch)
    assert wanted in caught.value.message and caught.value.code == 422


@pytest.mark.parametrize(("query", "body", "code", "text"), [
    ({"gracePeriodSeconds": "abc"}, None, 400, 'strconv.ParseInt: parsing "abc": invalid syntax'),
    ({"propagationPolicy": "Sideways"}, None, 422, 'supported values: "Foreground", "Background", "Orphan", "nil"'),
    ({}, {"gracePeriodSeconds": "abc"}, 400, "cannot be handled as a DeleteOptions"),
    ({}, {"preconditions": {"uid": "other"}}, 409, "the UID in the precondition (other) does not match the UID in record"),
    ({}, {"preconditions": {"resourceVersion": "1"}}, 409, "the ResourceVersion in the precondition (1) does not match"),
])
def test_bad_delete_options(server, client, query, body, code, text):
    client.create("pods", pod())
    with pytest.raises(StatusError) as caught:
        server.handle(Request("delete", Key("pods", "default", "x"), query=query, body=body))
    assert caught.value.code == code and text in caught.value.message
    assert client.find(Key("pods", "default", "x"))


def test_delete_options_in_the_body(server, client):
    client.create("pods", pod(nodeName="n1"))
    key = Key("pods", "default", "x")
    server.handle(Request("delete", key, body={"dryRun": ["All"]}))
    assert "deletionTimestamp" not in client.get(key)["metadata"]
    gone = server.handle(Request("delete", key, body={"gracePeriodSeconds": 100})).body["metadata"]
    assert gone["deletionGracePeriodSeconds"] == 100
    shorter = server.handle(Request("delete", key, body={"gracePeriodSeconds": 5})).body["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5 and shorter["deletionTimestamp"] < gone["deletionTimestamp"]
    longer = server.handle(Request("delete", key, body={"gracePeriodSeconds": 60})).body["metadata"]
    assert longer["deletionGracePeriodSeconds"] == 5
    server.handle(Request("delete", key, body={"gracePeriodSeconds": 0}))
    assert client.find(key) is None


def test_verbs_and_kinds_that_are_not_there(server):
    for verb, resource, code in (("get", "nosuch", 404), ("create", "componentstatuses", 405), ("delete", "bindings", 405)):
        with pytest.raises(StatusError) as caught:
            server.handle(Request(verb, Key(resource, "default", "x"), body={}))
        assert caught.value.code == code
    with pytest.raises(StatusError) as caught:
        server.handle(Request("patch", Key("daemonsets", "default", "x"), subresource="scale", body={}))
    assert caught.value.code == 404


def test_a_stateful_sets_mounts_may_name_its_claims(client):
    spec = template(containers=[{**C, "volumeMounts": [{"name": "data", "mountPath": "/data"}]}])
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    assert client.create("statefulsets", workload(template=spec, serviceName="x", volumeClaimTemplates=[claim]))
    assert any("Not found" in fault for fault in faults(client, "deployments", workload(template=spec)))
