"""kubectl exec and its kin: what is checked before a container is reached, and the small programs within."""
import pytest

from tests.lab_fixtures import lab

POD = """kubectl create cm conf --from-literal=a.txt=hello
kubectl create -f - <<'X'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers: [{name: c, image: nginx, env: [{name: A, value: "1"}], volumeMounts: [{name: v, mountPath: /etc/conf}]}]
  volumes: [{name: v, configMap: {name: conf}}]
X
kubectl create -f - <<'X'
apiVersion: v1
kind: Pod
metadata: {name: away}
spec: {nodeSelector: {no: such}, containers: [{name: c, image: nginx}]}
X
sleep 20"""


@pytest.fixture(scope="module")
def one():
    made = lab()
    made.run(POD)
    return made


@pytest.mark.parametrize("line, status, out, err", [
    ("p -- cat /etc/conf/a.txt", 0, "hello", ""),
    ("p -- ls /etc/conf", 0, "a.txt\n", ""),
    ("p -- sh -c 'printenv A'", 0, "1\n", ""),
    ("p -- hostname", 0, "p\n", ""),
    ("p -- cat /etc/conf/b", 1, "", "cat: /etc/conf/b: No such file or directory\ncommand terminated with exit code 1\n"),
    ("p -- false", 1, "", "command terminated with exit code 1\n"),
    ("", 1, "", "error: pod, type/name or --filename must be specified\n"),
    ("p", 1, "", "error: you must specify at least one command for the container\n"),
    ("p ls", 1, "", "error: exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead\nSee 'kubectl exec "
                    "-h' for help and examples\n"),
    ("p -c x -- ls", 1, "", "error: container x is not valid for pod p\n"),
    ("nosuch -- ls", 1, "", 'Error from server (NotFound): pods "nosuch" not found\n'),
    ("away -- ls", 1, "", "Error from server (BadRequest): pod away does not have a host assigned\n"),
    ("cm/conf -- ls", 1, "", "error: cannot attach to *v1.ConfigMap: selector for *v1.ConfigMap not implemented\n"),
    ("p -- cat /usr/share/nginx/html/index.html", 120, "",
     "not simulated: kubectl exec: cat /usr/share/nginx/html/index.html in a container\n"),
    ("-it p -- sh", 120, "", "not simulated: kubectl exec: a shell that waits for keys in a container\n"),
    ("p -- nslookup web", 120, "", "not simulated: kubectl exec: nslookup in a container\n"),
])
def test_exec(one, line, status, out, err):
    result = one.run(f"kubectl exec {line}")
    assert (result.status, result.stdout, result.stderr) == (status, out, err)


@pytest.mark.parametrize("line, text", [
    ("cp", "error: source and destination are required\n"), ("cp a b", "error: one of src or dest must be a remote file specification\n"),
    ("cp nosuch p:/x", "error: nosuch doesn't exist in local filesystem\n"),
    ("cp q:/x /tmp/x", 'Error from server (NotFound): pods "q" not found\n'),
    ("port-forward p", "error: TYPE/NAME and list of ports are required for port-forward\nSee 'kubectl port-forward -h' for help and "
                       "examples\n"),
    ("port-forward away 80", "error: unable to forward port because pod is not running. Current status=Pending\n"),
    ("debug p", "error: you must specify --image when not using --copy-to.\n"),
])
def test_others_check_their_words(one, line, text):
    result = one.run(f"kubectl {line}")
    assert (result.status, result.stderr) == (1, text)


@pytest.mark.parametrize("line", ["cp p:/etc/hosts h", "port-forward p 8080:80", "attach p -it", "debug p --image=busybox"])
def test_others_refuse(one, line):
    assert one.run(f"kubectl {line}").status == 120


def test_an_attached_run_shows_its_program_and_removes_its_pod():
    one = lab("first-steps")
    done = one.run("kubectl run t1 --image=busybox --rm -it --restart=Never -- echo hi there")
    assert (done.stdout, done.status) == ('hi there\npod "t1" deleted\n', 0)
    done = one.run("kubectl run t2 --image=busybox -i --restart=Never -- false")
    assert (done.stderr, done.status) == ("pod default/t2 terminated (Error)\n", 1)
    assert one.run("kubectl get pod t2 --no-headers").stdout.split()[2] == "Error"
    assert one.run("kubectl run t3 --image=busybox --rm -it -- sh").status == 120 and "NotFound" in one.run("kubectl get pod t3").stderr
    one.run("kubectl run t6 --image=busybox -- sh -c 'while true; do date; sleep 1; done'")
    one.wait(10)
    assert one.run("timeout 4 kubectl attach t6").stdout.count("UTC 2025") == 4
