"""Generators: objects and complaints recorded from the real client 1.33.1 (--dry-run=client -o yaml)."""
from functools import cache

import pytest
import yaml

from tests.shell.kubectl.desk import Desk

FILES = {"e.env": b"A=1\n# c\n\nB=x y\nC\n", "bad.env": b"bad line\n", "bin.dat": b"\xff\xfe\x00", "m.txt": b"multi\nline"}


@cache
def desk(version="1.33.1"):
    made = Desk(version)
    for name, data in FILES.items():
        made.files.write(f"/root/{name}", data)
    return made


def typed(line):
    head, dash, tail = line.partition(" -- ")
    return f"kubectl {head} --dry-run=client -o yaml{dash}{tail}"


def made(line):
    status, out, err = desk().run(typed(line))
    assert (status, err) == (0, "")
    return yaml.safe_load(out)


@pytest.mark.parametrize("line, name", [
    ("create cm c1 --from-literal=a=1 --append-hash", "c1-6m8ckb26g9"),
    ("create secret generic s --from-file=m.txt --append-hash", "s-kmgb9gfb42"),
])
def test_names_end_in_upstreams_hash(line, name):
    assert made(line)["metadata"]["name"] == name


@pytest.mark.parametrize("line, path, value", [
    ("create deployment d --image=a/b/nginx:1@sha256:abc --port=80 -r 3 -- sleep 5", "spec.template.spec.containers", [
        {"command": ["sleep", "5"], "image": "a/b/nginx:1@sha256:abc", "name": "nginx", "ports": [{"containerPort": 80}],
         "resources": {}}]),
    ("create cm c --from-env-file=e.env", "data", {"A": "1", "B": "x y", "C": ""}),
    ("create cm c --from-file=bin.dat --from-file=m.txt", "binaryData", {"bin.dat": "//4A"}),
    ("create secret docker-registry s --docker-username=u --docker-password=p --docker-server=x", "data", {
        ".dockerconfigjson": "eyJhdXRocyI6eyJ4Ijp7InVzZXJuYW1lIjoidSIsInBhc3N3b3JkIjoicCIsImF1dGgiOiJkVHB3In19fQ=="}),
    ("create service clusterip s --tcp=80 --tcp=443:8443", "spec.ports", [
        {"name": "80", "port": 80, "protocol": "TCP", "targetPort": 80},
        {"name": "443-8443", "port": 443, "protocol": "TCP", "targetPort": 8443}]),
    ("create service clusterip s --clusterip=None", "spec", {"clusterIP": "None", "selector": {"app": "s"}, "type": "ClusterIP"}),
    ("create ingress i --rule=/=svc:80 --rule='a.com/x*=b:80,tls'", "spec.tls", [{"hosts": ["a.com"]}]),
    ("create pdb p --selector=app=x --max-unavailable=50%", "spec", {
        "maxUnavailable": "50%", "selector": {"matchLabels": {"app": "x"}}}),
    ("run p --image=nginx --overrides='{\"spec\":{\"containers\":[{\"name\":\"p\"}]}}'", "spec.containers", [{"name": "p"}]),
    ("run p --image=nginx --override-type=strategic --overrides='{\"spec\":{\"containers\":[{\"name\":\"p\",\"tty\":true}]}}'",
     "spec.containers", [{"image": "nginx", "name": "p", "resources": {}, "tty": True}]),
    ("create deployment d --image=nginx", "metadata", {"creationTimestamp": None, "labels": {"app": "d"}, "name": "d"}),
])
def test_objects_are_the_real_clients(line, path, value):
    found = made(line)
    for part in path.split("."):
        found = found[part]
    assert found == value


COMPLAINTS = [
    ("create deployment d --image=nginx --image=redis -- x", "error: cannot specify multiple --image options and command\n"),
    ("create job j --image=busybox --from=cronjob/x", "error: either --image or --from must be specified\n"),
    ("create cm c --from-env-file=bad.env",
     'error: "bad line" is not a valid key name: a valid environment variable name must consist of alphabetic characters, digits,'
     " '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for"
     " validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')\n"),
    ("create cm c --from-env-file=nosuch.env", "error: error reading nosuch.env: no such file or directory\n"),
    ("create cm c --from-file==m.txt", "error: key name for file path m.txt missing\n"),
    ("create cm c --from-file=k=", "error: file path for key name k missing\n"),
    ("create cm c --from-file=a=b=m.txt", "error: key names or file paths cannot contain '='\n"),
    ("create cm c --from-literal=a=b --from-literal=a=c",
     'error: cannot add key "a", another key by that name already exists in Data for ConfigMap "c"\n'),
    ("create secret tls s --cert=m.txt --key=m.txt", "error: tls: failed to find any PEM data in certificate input\n"),
    ("create service clusterip s", "error: at least one tcp port specifier must be provided\n"),
    ("create service clusterip s --tcp=99999", 'error: strconv.ParseUint: parsing "99999": value out of range\n'),
    ("create role r --resource=pods", "error: at least one verb must be specified\n"),
    ("create role r --verb=get --resource=nosuch", 'the server doesn\'t have a resource type "nosuch"\n'),
    ("create clusterrole r --verb=get", "error: one of resource or nonResourceURL must be specified\n"),
    ("create rolebinding r --clusterrole=view --serviceaccount=bad", "error: serviceaccount must be <namespace>:<name>\n"),
    ("create quota q --hard=abc", "error: Invalid argument syntax abc, expected <resource>=<value>\n"),
    ("create pdb p --selector='a in (b,c),d!=e' --min-available=1", 'error: "!=" is not a valid label selector operator\n'),
    ("create ingress i --rule=bad", "error: rule bad is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]\n"),
    ("run p --image=nginx --env=A", "error: invalid env: A\n"),
    ("run p --image='Bad Image'", 'error: Invalid image name "Bad Image": invalid reference format\n'),
    ("run p --image=nginx --restart=Foo", "error: invalid restart policy: Foo\nSee 'kubectl run -h' for help and examples\n"),
    ("run p --image=nginx --overrides='{bad'", "error: Invalid JSON Patch\n"),
    ("run p --image=nginx -it", "error: --dry-run=[server|client] can't be used with attached containers options (--attach, "
                                "--stdin, or --tty)\nSee 'kubectl run -h' for help and examples\n"),
]


@pytest.mark.parametrize("line, text", COMPLAINTS)
def test_complaints_are_the_real_clients(line, text):
    status, out, err = desk().run(typed(line))
    assert (status, out, err) == (1, "", text)


def test_json_of_the_clients_own_objects_keeps_the_order_of_go():
    _, out, _ = desk().run("kubectl run p --image=nginx --dry-run=client -o json")
    fields = [line.split('"')[1] for line in out.splitlines() if line.startswith('    "')]
    assert fields == ["kind", "apiVersion", "metadata", "spec", "status"]
    assert out.index('"name": "p"') < out.index('"creationTimestamp": null') < out.index('"labels"')


def test_newer_clients_leave_the_missing_time_out():
    _, out, _ = desk("1.36.2").run("kubectl create deployment d --image=nginx --dry-run=client -o yaml")
    assert "creationTimestamp" not in out
