"""The frame of kubectl: complaints recorded from the real clients 1.33.1 and 1.36.3 (typed without a cluster)."""
import pytest

from sim.shell.kubectl.words import flags, pages, verbs
from tests.lab_fixtures import lab

ERRORS = [
    ("gett pods", 'error: unknown command "gett" for "kubectl"\n\nDid you mean this?\n\tset\n\tget\n'),
    ("rm x", 'error: unknown command "rm" for "kubectl"\n\nDid you mean this?\n\trun\n\tdelete\n\tcp\n'),
    ("ls", 'error: unknown command "ls" for "kubectl"\n\nDid you mean this?\n\tget\n\tlogs\n\tcp\n'),
    ("resize", 'error: unknown command "resize" for "kubectl"\n'),
    ("--foo get pods", "Error: flags cannot be placed before plugin name: --foo\n"),
    ("-x", "error: unknown shorthand flag: 'x' in -x\nSee 'kubectl --help' for usage.\n"),
    ("options --foo", "error: unknown flag: --foo\nRun 'kubectl options' without flags.\n"),
    ("get --foo", "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n"),
    ("create deploy --foo", "error: unknown flag: --foo\nSee 'kubectl create deployment --help' for usage.\n"),
    ("create deploy x", 'error: required flag(s) "image" not set\n'),
    ("get --chunk-size", "error: flag needs an argument: --chunk-size\nSee 'kubectl get --help' for usage.\n"),
    ("get -o", "error: flag needs an argument: 'o' in -o\nSee 'kubectl get --help' for usage.\n"),
    ("get -AX", "error: unknown shorthand flag: 'X' in -X\nSee 'kubectl get --help' for usage.\n"),
    ("get -Aw=xx", 'error: invalid argument "xx" for "-w, --watch" flag: strconv.ParseBool: parsing "xx": invalid syntax\n'
                   "See 'kubectl get --help' for usage.\n"),
    ("drain --timeout=5", 'error: invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"\n'
                          "See 'kubectl drain --help' for usage.\n"),
    ("drain --timeout=5x", 'error: invalid argument "5x" for "--timeout" flag: time: unknown unit "x" in duration "5x"\n'
                           "See 'kubectl drain --help' for usage.\n"),
    ("drain --grace-period=99999999999999999999",
     'error: invalid argument "99999999999999999999" for "--grace-period" flag: strconv.ParseInt: parsing '
     '"99999999999999999999": value out of range\nSee \'kubectl drain --help\' for usage.\n'),
    ("get --=x", "error: bad flag syntax: --=x\nSee 'kubectl get --help' for usage.\n"),
    ("rollout nosuch deploy/web", 'error: unknown command "nosuch deploy/web"\nSee \'kubectl rollout -h\' for help and '
                                  "examples\n"),
]


@pytest.fixture(scope="module")
def one():
    return lab()


@pytest.mark.parametrize("words, text", ERRORS)
def test_complaints_are_the_real_clients(one, words, text):
    result = one.run(f"kubectl {words}")
    assert (result.stderr, result.status) == (text, 1)


@pytest.mark.parametrize("words, path", [
    ("--help", ""), ("", ""), ("help", ""), ("get -h", "get"), ("help create deployment", "create deployment"),
    ("create deploy --help", "create deployment"), ("options", "options"), ("-n x get pods --help", "get")])
def test_help_is_the_page_of_the_real_client(one, words, path):
    result = one.run(f"kubectl {words}")
    assert (result.stdout, result.status) == (pages.pages(33).texts[path], 0)


def test_a_flag_that_the_real_one_knows_refuses_and_is_never_unknown(one):
    assert one.run("kubectl get pods -k x").status == 120
    assert one.run("kubectl get pods --kustomize=''").status == 0
    assert one.run("kubectl --username=x get pods").status == 120


@pytest.mark.parametrize("minor", pages.VERSIONS)
def test_every_page_can_be_read(minor):
    tree = pages.pages(minor)
    assert len(tree.texts) > 100
    for path in tree.texts:
        flags.parse(["x", "--help"], tree.flags(path), path)
    for path in ("get", "drain", "create deployment"):
        assert {"output", "selector", "dry-run", "image"} & {flag.name for flag in tree.flags(path)}
    assert verbs.find(tree, ["create", "-n", "x", "ns", "y"]) == ("create namespace", ["-n", "x", "y"])


def test_lists_and_deprecated_flags():
    tree = pages.pages(33)
    parsed = flags.parse(["-L", "a,b", "-Lc", "--record"], (*tree.flags("get"), *tree.flags("label")), "get")
    assert parsed.values["label-columns"] == ["a", "b", "c"]
    assert parsed.warnings == ["Flag --record has been deprecated, --record will be removed in the future"]
    parsed = flags.parse(["--from-literal=a=1,2", "--from-literal=b=3"], tree.flags("create configmap"), "")
    assert parsed.values["from-literal"] == ["a=1,2", "b=3"]


def test_without_a_kubeconfig_discovery_fails_five_times(one):
    result = one.run("KUBECONFIG=/none kubectl get pods")
    lines = result.stderr.splitlines()
    assert len(lines) == 6 and all('memcache.go:265] "Unhandled Error"' in line for line in lines[:5])
    assert lines[5] == "The connection to the server localhost:8080 was refused - did you specify the right host or port?"


@pytest.mark.parametrize(("limit", "shown"), [("0", "32s"), ("5", "5s"), ("90s", "1m30s"), ("1h", "1h0m0s"), ("1500ms", "1.5s")])
def test_the_limit_of_a_request_stands_in_its_url(one, limit, shown):
    """What the real client 1.33 said where nobody listens."""
    result = one.run(f"kubectl get pods -s http://127.0.0.1:1 --request-timeout={limit}")
    assert f'"http://127.0.0.1:1/api?timeout={shown}\\"' in result.stderr
    result = one.run(f"kubectl create deployment x --image=y -s http://127.0.0.1:1 --request-timeout={limit}")
    asked = f"&timeout={shown}" if limit != "0" else ""
    assert f'deployments?fieldManager=kubectl-create&fieldValidation=Strict{asked}": dial tcp' in result.stderr


def test_old_names_are_known_to_old_clients_only():
    old = flags.parse(["--delete-local-data", "x"], pages.pages(26).flags("drain"), "drain")
    assert old.values["delete-emptydir-data"] is True and "delete-emptydir-data" in old.given and len(old.warnings) == 1
    with pytest.raises(Exception, match="unknown flag: --delete-local-data"):
        flags.parse(["--delete-local-data", "x"], pages.pages(33).flags("drain"), "drain")


def test_verbosity_writes_the_requests_as_the_client_of_the_version_does():
    one = lab("first-steps")
    text = one.run("kubectl get node node01 -v=6").stderr
    assert 'loader.go:402] Config loaded from file:  /root/.kube/config\n' in text
    assert text.endswith('round_trippers.go:632] "Response" verb="GET" url="https://172.30.1.2:6443/api/v1/nodes/node01" status="200 OK" milliseconds=10\n')
    assert "/apis?timeout=32s" not in one.run("kubectl get nodes -v=6").stderr  # what was discovered is kept
    text = one.run("kubectl delete pod nope -v=8").stderr
    assert 'status="404 Not Found" headers=<\n\tAudit-Id: ' in text and '"Response Body" body="{\\"kind\\":\\"Status\\"' in text
    one.run("sed -i s/1.33.1/1.28.4/ /usr/bin/kubectl")
    text = one.run("kubectl label node node01 a=b -v=8").stderr
    assert 'Request Body: {"metadata":{"labels":{"a":"b"}}}\n' in text and "round_trippers.go:473]     Content-Type: application/merge-patch+json\n" in text
    assert 'PATCH https://172.30.1.2:6443/api/v1/nodes/node01?fieldManager=kubectl-label\n' in text and "round_trippers.go:574] Response Status: 200 OK in 10 milliseconds\n" in text
